// SPDX-License-Identifier: Apache-2.0
// A cursor into a fixed buffer that goes on counting past its end, so that one path both sizes and encodes.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree {

class Writer {
 public:
  /// An empty buffer makes a writer that only counts.
  constexpr explicit Writer(MutableBytes buffer = {}) noexcept : buffer_(buffer) {}

  /// Octets written so far, including those that did not fit.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool fits() const noexcept { return size_ <= buffer_.size(); }

  /// What was written from `at` (<= size()) to the end. Errors: buffer_too_small (offset = the size of all
  /// that was written), the buffer's content is then unspecified.
  [[nodiscard]] constexpr Result<Bytes> finish(std::size_t at = 0) const noexcept {
    if (!fits()) return fail(ErrorCode::buffer_too_small, static_cast<std::uint32_t>(size_));
    return written(at);
  }

  constexpr void u8(std::uint8_t octet) noexcept {
    if (size_ < buffer_.size()) buffer_[size_] = octet;
    ++size_;
  }

  [[gnu::noinline]] constexpr void bytes(const Bytes& octets) noexcept {
    if (fits() && octets.size() <= buffer_.size() - size_) copy(octets, buffer_.data() + size_);
    size_ += octets.size();
  }

  /// Big-endian number of `width` octets, 1..8.
  constexpr void big_endian(std::uint64_t value, std::size_t width) noexcept {
    for (std::size_t i = width; i-- > 0;) u8(static_cast<std::uint8_t>(value >> (8U * i)));
  }

  /// Inserts `octets` before position `at` (<= size()); what follows moves up. For lengths known only
  /// afterwards.
  constexpr void insert(std::size_t at, const Bytes& octets) noexcept {
    const std::size_t moved = size_ - at;
    size_ += octets.size();
    if (!fits()) return;
    std::uint8_t* const gap = buffer_.data() + at;
    for (std::size_t i = moved; i-- > 0;) gap[octets.size() + i] = gap[i];
    copy(octets, gap);
  }

  /// The octets from `at` (<= size()) to the end. Empty if the writer has overflowed. Borrows the buffer.
  [[nodiscard]] constexpr Bytes written(std::size_t at = 0) const noexcept {
    if (!fits()) return {};
    return {buffer_.data() + at, size_ - at};
  }

 private:
  // Loops here and in insert: std::copy brings memmove along, which is larger than all of this class.
  static constexpr void copy(const Bytes& octets, std::uint8_t* to) noexcept {
    for (const std::uint8_t octet : octets) *to++ = octet;
  }

  MutableBytes buffer_;
  std::size_t size_ = 0;
};

}  // namespace pedigree
