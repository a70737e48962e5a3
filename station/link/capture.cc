// SPDX-License-Identifier: Apache-2.0
#include "station/link/capture.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace pedigree::station {

namespace {

constexpr std::uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kSnapLength = 262144;
constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kUdpHeader = 8;
constexpr std::uint8_t kUdpProtocol = 17;
constexpr std::uint16_t kSmpPort = 1337;
constexpr std::uint32_t kNetwork = 0x0a500000;  // 10.80.0.0
constexpr std::uint32_t kStation = kNetwork | 0xfffe;
constexpr std::uint16_t kStationPort = 50000;

void little(std::uint64_t value, std::size_t width, Writer& out) noexcept {
  for (std::size_t i = 0; i < width; ++i) out.u8(static_cast<std::uint8_t>(value >> (8U * i)));
}

std::uint32_t u32(Bytes four, bool little_endian) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = (value << 8U) | four[little_endian ? 3 - i : i];
  return value;
}

std::uint16_t internet_checksum(Bytes header) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < header.size(); i += 2)
    sum += static_cast<std::uint32_t>(header[i] << 8) | header[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void write_ip_header(const CapturedPacket& packet, std::uint16_t total, Writer& out) noexcept {
  std::array<std::uint8_t, kIpHeader> header{};
  Writer ip(header);
  ip.u8(0x45);
  ip.u8(0);
  ip.big_endian(total, 2);
  ip.big_endian(0, 2);
  ip.big_endian(0x4000, 2);  // do not fragment
  ip.u8(64);
  ip.u8(kUdpProtocol);
  ip.big_endian(0, 2);
  ip.big_endian(packet.source, 4);
  ip.big_endian(packet.destination, 4);
  const std::uint16_t checksum = internet_checksum(header);
  header[10] = static_cast<std::uint8_t>(checksum >> 8U);
  header[11] = static_cast<std::uint8_t>(checksum);
  out.bytes(header);
}

// The UDP payload of an IPv4 packet; nothing where it is other traffic.
Result<std::optional<CapturedPacket>> read_ip(Reader in) noexcept {
  const std::uint32_t start = in.offset();
  const Bytes whole = in.rest();
  PEDIGREE_ASSIGN(const Bytes fixed, in.take(kIpHeader));
  if (fixed[0] >> 4U != 4) return std::nullopt;
  const std::size_t header = std::size_t{4} * (fixed[0] & 0x0fU);
  const std::size_t total = static_cast<std::size_t>(fixed[2] << 8) | fixed[3];
  if (header < kIpHeader || total < header) return fail(ErrorCode::bad_header, start);
  if (total > whole.size()) return fail(ErrorCode::truncated, start);
  const bool fragment = (fixed[6] & 0x3fU) != 0 || fixed[7] != 0;
  if (fixed[9] != kUdpProtocol || fragment) return std::nullopt;
  Reader udp(whole.subspan(header, total - header), start + static_cast<std::uint32_t>(header));
  CapturedPacket packet;
  packet.source = u32(fixed.subspan(12, 4), false);
  packet.destination = u32(fixed.subspan(16, 4), false);
  PEDIGREE_ASSIGN(const std::uint64_t source_port, udp.big_endian(2));
  PEDIGREE_ASSIGN(const std::uint64_t destination_port, udp.big_endian(2));
  PEDIGREE_ASSIGN(const std::uint64_t length, udp.big_endian(2));
  PEDIGREE_ASSIGN([[maybe_unused]] const std::uint64_t checksum, udp.big_endian(2));
  packet.source_port = static_cast<std::uint16_t>(source_port);
  packet.destination_port = static_cast<std::uint16_t>(destination_port);
  if (packet.source_port != kSmpPort && packet.destination_port != kSmpPort) return std::nullopt;
  if (length < kUdpHeader) return fail(ErrorCode::bad_header, start);
  PEDIGREE_ASSIGN(packet.packet, udp.take(static_cast<std::size_t>(length) - kUdpHeader));
  return packet;
}

}  // namespace

void write_capture_header(Writer& out) noexcept {
  little(kMagicMicroseconds, 4, out);
  little(2, 2, out);
  little(4, 2, out);
  little(0, 8, out);  // time zone, accuracy
  little(kSnapLength, 4, out);
  little(kLinkTypeRaw, 4, out);
}

Result<void> write_capture_record(const CapturedPacket& packet, Writer& out) noexcept {
  if (packet.packet.size() > kMaxCapturedPacket) return fail(ErrorCode::too_long);
  const std::size_t udp = kUdpHeader + packet.packet.size();
  const std::size_t total = kIpHeader + udp;
  little(packet.time_us / 1'000'000, 4, out);
  little(packet.time_us % 1'000'000, 4, out);
  little(total, 4, out);
  little(total, 4, out);
  write_ip_header(packet, static_cast<std::uint16_t>(total), out);
  out.big_endian(packet.source_port, 2);
  out.big_endian(packet.destination_port, 2);
  out.big_endian(udp, 2);
  out.big_endian(0, 2);  // no checksum, as RFC 768 allows
  out.bytes(packet.packet);
  return {};
}

Result<CaptureReader> CaptureReader::open(Bytes file) noexcept {
  Reader in(file);
  PEDIGREE_ASSIGN(const Bytes header, in.take(kCaptureHeaderSize));
  const std::uint32_t magic = u32(header.first(4), true);
  const std::uint32_t swapped = u32(header.first(4), false);
  const bool little_endian = magic == kMagicMicroseconds || magic == kMagicNanoseconds;
  const bool big_endian = swapped == kMagicMicroseconds || swapped == kMagicNanoseconds;
  if (!little_endian && !big_endian) return fail(ErrorCode::bad_header);
  const bool nanoseconds = (little_endian ? magic : swapped) == kMagicNanoseconds;
  const std::size_t major = little_endian ? header[4] | static_cast<unsigned>(header[5]) << 8U
                                          : static_cast<unsigned>(header[4]) << 8U | header[5];
  if (major != 2) return fail(ErrorCode::unsupported_version, 4);
  if (u32(header.subspan(20, 4), little_endian) != kLinkTypeRaw)
    return fail(ErrorCode::unsupported_version, 20);
  return CaptureReader(in, little_endian, nanoseconds);
}

Result<std::optional<CapturedPacket>> CaptureReader::next() noexcept {
  Reader in = rest_;
  while (!in.empty()) {
    const std::uint32_t start = in.offset();
    PEDIGREE_ASSIGN(const Bytes header, in.take(16));
    const std::uint32_t seconds = u32(header.first(4), little_endian_);
    const std::uint32_t fraction = u32(header.subspan(4, 4), little_endian_);
    const std::uint32_t length = u32(header.subspan(8, 4), little_endian_);
    if (length > kSnapLength) return fail(ErrorCode::bad_header, start);
    Reader record(in.rest().first(std::min<std::size_t>(length, in.size())), in.offset());
    PEDIGREE_TRY(in.take(length));
    if (record.empty() || *record.peek() >> 4U != 4) continue;
    PEDIGREE_ASSIGN(auto packet, read_ip(record));
    if (!packet) continue;
    packet->time_us = std::uint64_t{seconds} * 1'000'000 + (nanoseconds_ ? fraction / 1000 : fraction);
    rest_ = in;
    return packet;
  }
  rest_ = in;
  return std::nullopt;
}

Result<std::unique_ptr<CaptureFile>> CaptureFile::create(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return fail(ErrorCode::io_failure);
  std::unique_ptr<CaptureFile> capture(new CaptureFile(file));
  std::array<std::uint8_t, kCaptureHeaderSize> header{};
  Writer out(header);
  write_capture_header(out);
  capture->failed_ = ::write(file, header.data(), header.size()) != static_cast<ssize_t>(header.size());
  PEDIGREE_TRY(capture->finish());
  return capture;
}

CaptureFile::~CaptureFile() {
  ::close(file_);
}

void CaptureFile::record(const std::string& peer, bool to_device, Bytes packet) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  CapturedPacket captured;
  captured.time_us =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  captured.packet = packet;
  const std::lock_guard lock(mutex_);
  const auto device =
      peers_.try_emplace(peer, kNetwork + 1 + static_cast<std::uint32_t>(peers_.size())).first->second;
  captured.source = to_device ? kStation : device;
  captured.destination = to_device ? device : kStation;
  captured.source_port = to_device ? kStationPort : kSmpPort;
  captured.destination_port = to_device ? kSmpPort : kStationPort;
  std::vector<std::uint8_t> record(kCaptureRecordOverhead + packet.size());
  Writer out(record);
  if (!write_capture_record(captured, out)) return;
  // One write for a record: a station that is killed leaves whole records behind.
  if (::write(file_, record.data(), record.size()) != static_cast<ssize_t>(record.size())) failed_ = true;
}

Result<void> CaptureFile::finish() {
  const std::lock_guard lock(mutex_);
  if (failed_) return fail(ErrorCode::io_failure);
  return {};
}

}  // namespace pedigree::station
