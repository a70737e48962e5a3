// SPDX-License-Identifier: Apache-2.0
// SMP traffic as a classic pcap file of raw IPv4 (LINKTYPE_RAW, 101), so that ordinary tools open it. Packets
// of every transport get synthetic IPv4 and UDP headers: the device is at port 1337, each device at an
// address of its own below 10.80.0.0/16. Writing and parsing share this file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

namespace pedigree::station {

inline constexpr std::uint32_t kLinkTypeRaw = 101;
inline constexpr std::size_t kCaptureHeaderSize = 24;
/// Record header, IPv4 header and UDP header before each packet.
inline constexpr std::size_t kCaptureRecordOverhead = 16 + 20 + 8;
/// Largest SMP packet that an IPv4 datagram holds.
inline constexpr std::size_t kMaxCapturedPacket = 65535 - 20 - 8;

struct CapturedPacket {
  std::uint64_t time_us = 0;  ///< microseconds since 1970
  std::uint32_t source = 0;   ///< IPv4 addresses
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  Bytes packet;  ///< SMP packet: the UDP payload; borrowed

  /// Sent by the station: to port 1337 rather than from it.
  [[nodiscard]] bool to_device() const noexcept { return destination_port == 1337; }
};

/// Writes the file's header, 24 octets.
void write_capture_header(Writer& out) noexcept;
/// Writes one record. Errors: too_long (packet above kMaxCapturedPacket; nothing is written).
[[nodiscard]] Result<void> write_capture_record(const CapturedPacket& packet, Writer& out) noexcept;

/// Reads a capture that fills a buffer, one packet at a time, of either byte order, in micro- or nanoseconds.
class CaptureReader {
 public:
  /// Reads the header; borrows `file`. Errors: truncated, bad_header (magic), unsupported_version (not 2.x,
  /// or another link type than LINKTYPE_RAW).
  [[nodiscard]] static Result<CaptureReader> open(Bytes file) noexcept;

  /// The next UDP packet from or to port 1337; nothing at the end. Other traffic is passed over. Errors:
  /// truncated, bad_header (a record longer than 256 KiB, or an IPv4 or UDP header that contradicts itself);
  /// the reader is then where it was.
  [[nodiscard]] Result<std::optional<CapturedPacket>> next() noexcept;

 private:
  CaptureReader(Reader rest, bool little_endian, bool nanoseconds) noexcept
      : rest_(rest), little_endian_(little_endian), nanoseconds_(nanoseconds) {}
  Reader rest_;
  bool little_endian_ = true;
  bool nanoseconds_ = false;
};

/// Appends to a capture file while a station runs; usable from several threads.
class CaptureFile {
 public:
  /// Makes the file, or empties it. Errors: io_failure.
  [[nodiscard]] static Result<std::unique_ptr<CaptureFile>> create(const std::string& path);
  ~CaptureFile();
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  /// Records a packet now; `peer` names the device ("127.0.0.1:1337", "/dev/ttyACM0").
  void record(const std::string& peer, bool to_device, Bytes packet);
  /// Errors: io_failure if any record could not be written.
  [[nodiscard]] Result<void> finish();

 private:
  explicit CaptureFile(int file) noexcept : file_(file) {}
  std::mutex mutex_;
  int file_;
  bool failed_ = false;
  std::map<std::string, std::uint32_t> peers_;
};

}  // namespace pedigree::station
