// SPDX-License-Identifier: Apache-2.0
// Console framing of SMP over serial lines: base64 lines with a start marker, length and CRC-16.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"
#include "core/bytes/writer.h"

namespace pedigree::smp {

/// Longest line with its marker and newline, and raw octets that fit in one line.
inline constexpr std::size_t kMaxLine = 127;
inline constexpr std::size_t kLinePayload = 93;

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0.
[[nodiscard]] std::uint16_t crc16(Bytes data, std::uint16_t crc = 0) noexcept;

/// Writes a packet as console lines: first 06 09, then 04 14; base64; newline. The CRC is never split across
/// lines. `packet` is at most 65533 octets, as the length field counts it with its CRC.
void write_frame(Bytes packet, Writer& out) noexcept;
/// Octets that write_frame makes of a packet of `size` octets.
[[nodiscard]] std::size_t frame_size(std::size_t size) noexcept;

/// Collects lines into packets. Other text on the console (logs, a shell's prompt before a marker) is passed
/// over; a marker octet inside a line starts that line anew.
class Deframer {
 public:
  /// `buffer` holds one packet with its length and CRC: the largest packet + 4 octets. Borrowed.
  explicit Deframer(MutableBytes buffer) noexcept : buffer_(buffer) {}

  /// Feeds one octet from the line. Returns a packet when it completes one, borrowed until the next call;
  /// nothing (empty) while more is needed. Errors, with the offset in the frame's body: bad_frame (base64,
  /// order of markers, length), bad_checksum, frame_too_large; the deframer is then ready for the next frame.
  [[nodiscard]] Result<Bytes> feed(std::uint8_t octet) noexcept;
  void reset() noexcept;

 private:
  [[nodiscard]] Result<void> add_octet(std::uint8_t octet) noexcept;
  [[nodiscard]] Result<Bytes> end_of_line() noexcept;
  [[nodiscard]] Result<void> decode_line() noexcept;
  [[nodiscard]] Result<Bytes> check_frame() const noexcept;
  [[nodiscard]] bool line_has_marker() const noexcept;
  MutableBytes buffer_;
  std::size_t size_ = 0;                           // octets of the body so far: length, packet, CRC
  std::array<std::uint8_t, kMaxLine + 1> line_{};  // with a carriage return
  std::size_t line_size_ = 0;
  bool line_overflow_ = false;
  bool in_frame_ = false;
};

}  // namespace pedigree::smp
