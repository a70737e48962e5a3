// SPDX-License-Identifier: Apache-2.0
#include "core/smp/console.h"

namespace pedigree::smp {
namespace {

constexpr std::uint8_t kFirst[] = {0x06, 0x09};
constexpr std::uint8_t kNext[] = {0x04, 0x14};
constexpr std::size_t kLengthSize = 2;
constexpr std::size_t kCrcSize = 2;

/// One of 64 characters (RFC 4648 4).
std::uint8_t to_base64(unsigned value) noexcept {
  if (value < 26) return static_cast<std::uint8_t>('A' + value);
  if (value < 52) return static_cast<std::uint8_t>('a' + (value - 26));
  if (value < 62) return static_cast<std::uint8_t>('0' + (value - 52));
  return value == 62 ? '+' : '/';
}

/// 0..63, or 64 for an octet outside the alphabet.
unsigned from_base64(std::uint8_t c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - unsigned{'A'};
  if (c >= 'a' && c <= 'z') return c - unsigned{'a'} + 26;
  if (c >= '0' && c <= '9') return c - unsigned{'0'} + 52;
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/// Writes 1..3 octets, the first in bits 16..23 of `group`, as four characters.
void write_group(std::uint32_t group, std::size_t size, Writer& out) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    out.u8(i <= size ? to_base64((group >> (18U - 6U * i)) & 0x3fU) : '=');
  }
}

/// Decodes four characters to 1..3 octets: the number of octets, 0 where they are not base64 with zero
/// padding bits.
std::size_t read_group(Bytes text, std::uint32_t& group) noexcept {
  const std::size_t size = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
  group = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const unsigned value = i <= size ? from_base64(text[i]) : 0;
    if (value > 63) return 0;
    group = group << 6U | value;
  }
  const std::uint32_t unused = (1U << (24U - 8U * size)) - 1U;
  return (group & unused) != 0 ? 0 : size;
}

/// Octets of the body that the next line takes. The last octet of the CRC never stands alone.
std::size_t line_take(std::size_t rest) noexcept {
  if (rest == kLinePayload + 1) return kLinePayload - 3;
  return std::min(rest, kLinePayload);
}

bool starts_with(Bytes line, Bytes marker) noexcept {
  return line.size() >= marker.size() && equal(line.first(marker.size()), marker);
}

/// The body of a frame as a sequence of octets, without a copy of the packet.
class Body {
 public:
  explicit Body(Bytes packet) noexcept : packet_(packet), crc_(crc16(packet)) {}
  [[nodiscard]] std::size_t size() const noexcept { return kLengthSize + packet_.size() + kCrcSize; }
  [[nodiscard]] std::uint8_t operator[](std::size_t i) const noexcept {
    const std::size_t length = packet_.size() + kCrcSize;
    if (i < kLengthSize) return static_cast<std::uint8_t>(i == 0 ? length >> 8U : length);
    i -= kLengthSize;
    if (i < packet_.size()) return packet_[i];
    return static_cast<std::uint8_t>(i == packet_.size() ? crc_ >> 8U : crc_);
  }

 private:
  Bytes packet_;
  std::uint16_t crc_;
};

}  // namespace

std::uint16_t crc16(Bytes data, std::uint16_t crc) noexcept {
  unsigned value = crc;
  for (const std::uint8_t octet : data) {
    // Eight steps of the polynomial at once, without a table.
    value = (value >> 8U | value << 8U) & 0xffffU;
    value ^= octet;
    value ^= (value & 0xffU) >> 4U;
    value ^= value << 12U & 0xffffU;
    value ^= (value & 0xffU) << 5U;
  }
  return static_cast<std::uint16_t>(value);
}

void write_frame(Bytes packet, Writer& out) noexcept {
  const Body body(packet);
  for (std::size_t at = 0; at < body.size();) {
    out.bytes(at == 0 ? kFirst : kNext);
    const std::size_t end = at + line_take(body.size() - at);
    while (at < end) {
      std::uint32_t group = 0;
      const std::size_t size = std::min<std::size_t>(3, end - at);
      for (std::size_t i = 0; i < size; ++i) group |= std::uint32_t{body[at + i]} << (16U - 8U * i);
      write_group(group, size, out);
      at += size;
    }
    out.u8('\n');
  }
}

std::size_t frame_size(std::size_t size) noexcept {
  std::size_t total = 0;
  for (std::size_t rest = kLengthSize + size + kCrcSize; rest > 0;) {
    const std::size_t take = line_take(rest);
    total += sizeof kFirst + (take + 2) / 3 * 4 + 1;
    rest -= take;
  }
  return total;
}

void Deframer::reset() noexcept {
  size_ = 0;
  in_frame_ = false;
  line_size_ = 0;
  line_overflow_ = false;
}

bool Deframer::line_has_marker() const noexcept {
  const Bytes line = Bytes(line_).first(line_size_);
  return starts_with(line, kFirst) || starts_with(line, kNext);
}

Result<Bytes> Deframer::feed(std::uint8_t octet) noexcept {
  Result<Bytes> result = Bytes{};
  if (octet == '\n') {
    result = end_of_line();
    line_size_ = 0;
    line_overflow_ = false;
  } else if (const auto added = add_octet(octet); !added) {
    result = std::unexpected(added.error());
  }
  if (!result || !result->empty()) {
    size_ = 0;
    in_frame_ = false;
  }
  return result;
}

Result<void> Deframer::add_octet(std::uint8_t octet) noexcept {
  if (octet == kFirst[0] || octet == kNext[0]) {
    // Neither base64 nor text holds these: whatever stood before on the line is over.
    const bool broken = line_has_marker();
    line_[0] = octet;
    line_size_ = 1;
    line_overflow_ = false;
    if (broken) return fail(ErrorCode::bad_frame, static_cast<std::uint32_t>(size_));
    return {};
  }
  if (line_overflow_) return {};
  if (line_size_ == line_.size()) {
    line_overflow_ = true;
    const bool broken = line_has_marker();
    line_size_ = 0;
    if (broken) return fail(ErrorCode::bad_frame, static_cast<std::uint32_t>(size_));
    return {};
  }
  line_[line_size_++] = octet;
  return {};
}

Result<Bytes> Deframer::end_of_line() noexcept {
  if (line_size_ > 0 && line_[line_size_ - 1] == '\r') --line_size_;
  const Bytes line = Bytes(line_).first(line_size_);
  if (starts_with(line, kFirst)) {
    size_ = 0;
    in_frame_ = true;
  } else if (!starts_with(line, kNext)) {
    return Bytes{};
  }
  if (!in_frame_ || line_size_ >= kMaxLine) {
    return fail(ErrorCode::bad_frame, static_cast<std::uint32_t>(size_));
  }
  PEDIGREE_TRY(decode_line());
  return check_frame();
}

Result<void> Deframer::decode_line() noexcept {
  Bytes text = Bytes(line_).first(line_size_).subspan(sizeof kFirst);
  while (!text.empty()) {
    std::uint32_t group = 0;
    const std::size_t size = text.size() < 4 ? 0 : read_group(text.first(4), group);
    // Padding ends the line.
    if (size == 0 || (size < 3 && text.size() > 4)) {
      return fail(ErrorCode::bad_frame, static_cast<std::uint32_t>(size_));
    }
    if (size > buffer_.size() - size_) {
      return fail(ErrorCode::frame_too_large, static_cast<std::uint32_t>(size_));
    }
    for (std::size_t i = 0; i < size; ++i) {
      buffer_[size_++] = static_cast<std::uint8_t>(group >> (16U - 8U * i));
    }
    text = text.subspan(4);
  }
  return {};
}

Result<Bytes> Deframer::check_frame() const noexcept {
  if (size_ < kLengthSize) return Bytes{};
  const std::size_t length = static_cast<std::size_t>(buffer_[0]) << 8U | buffer_[1];
  const std::size_t total = kLengthSize + length;
  if (length <= kCrcSize || size_ > total) return fail(ErrorCode::bad_frame, 0);
  if (total > buffer_.size()) return fail(ErrorCode::frame_too_large, 0);
  if (size_ < total) return Bytes{};
  // The CRC over packet and CRC is zero where it matches.
  if (crc16(Bytes(buffer_).subspan(kLengthSize, length)) != 0) {
    return fail(ErrorCode::bad_checksum, static_cast<std::uint32_t>(total - kCrcSize));
  }
  return Bytes(buffer_).subspan(kLengthSize, length - kCrcSize);
}

}  // namespace pedigree::smp
