// SPDX-License-Identifier: Apache-2.0
// A cursor over borrowed octets that knows its offset in the outermost input, so that errors can name it.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree {

class Reader {
 public:
  constexpr Reader() noexcept = default;
  /// `base` is the offset of input[0] in the outermost input, for error messages.
  constexpr explicit Reader(Bytes input, std::uint32_t base = 0) noexcept : rest_(input), offset_(base) {}

  [[nodiscard]] constexpr bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return rest_.size(); }
  /// What has not been read yet; borrowed.
  [[nodiscard]] constexpr const Bytes& rest() const noexcept { return rest_; }
  /// Offset of the next octet in the outermost input.
  [[nodiscard]] constexpr std::uint32_t offset() const noexcept { return offset_; }

  /// The next octet without reading it. Errors: truncated.
  [[nodiscard]] constexpr Result<std::uint8_t> peek() const noexcept {
    if (rest_.empty()) return fail(ErrorCode::truncated, offset_);
    return rest_[0];
  }

  /// Reads `count` octets as a borrowed view. Errors: truncated; the reader is then unchanged.
  [[nodiscard]] constexpr Result<Bytes> take(std::size_t count) noexcept {
    if (count > rest_.size()) return fail(ErrorCode::truncated, offset_);
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    offset_ += static_cast<std::uint32_t>(count);
    return taken;
  }

  /// Reads one octet. Errors: truncated.
  [[nodiscard]] constexpr Result<std::uint8_t> u8() noexcept {
    if (rest_.empty()) return fail(ErrorCode::truncated, offset_);
    const std::uint8_t value = rest_[0];
    rest_ = rest_.subspan(1);
    ++offset_;
    return value;
  }

  /// Reads a big-endian number of `width` octets, 1..8. Errors: truncated.
  [[nodiscard]] constexpr Result<std::uint64_t> big_endian(std::size_t width) noexcept {
    const auto octets = take(width);
    if (!octets) return std::unexpected(octets.error());
    std::uint64_t value = 0;
    for (const std::uint8_t octet : *octets) value = (value << 8U) | octet;
    return value;
  }

  /// Errors: trailing_data unless everything has been read.
  [[nodiscard]] constexpr Result<void> finish() const noexcept {
    if (!rest_.empty()) return fail(ErrorCode::trailing_data, offset_);
    return {};
  }

 private:
  Bytes rest_;
  std::uint32_t offset_ = 0;
};

}  // namespace pedigree
