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

  /// What was written. Errors: buffer_too_small (offset = the size needed), the buffer's content is then
  /// unspecified.
  [[nodiscard]] constexpr Result<Bytes> finish() const noexcept {
    if (!fits()) return fail(ErrorCode::buffer_too_small, static_cast<std::uint32_t>(size_));
    return Bytes(buffer_).first(size_);
  }

  constexpr void u8(std::uint8_t octet) noexcept {
    if (size_ < buffer_.size()) buffer_[size_] = octet;
    ++size_;
  }

  constexpr void bytes(const Bytes& octets) noexcept {
    if (fits() && octets.size() <= buffer_.size() - size_) {
      std::copy(octets.begin(), octets.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
    }
    size_ += octets.size();
  }

  /// Big-endian number of `width` octets, 1..8.
  constexpr void big_endian(std::uint64_t value, std::size_t width) noexcept {
    for (std::size_t i = width; i-- > 0;) u8(static_cast<std::uint8_t>(value >> (8U * i)));
  }

  /// Inserts `octets` before position `at` (<= size()); what follows moves up. For lengths known only
  /// afterwards.
  constexpr void insert(std::size_t at, const Bytes& octets) noexcept {
    const std::size_t old_size = size_;
    size_ += octets.size();
    if (!fits()) return;
    const auto begin = buffer_.begin();
    std::copy_backward(begin + static_cast<std::ptrdiff_t>(at), begin + static_cast<std::ptrdiff_t>(old_size),
                       begin + static_cast<std::ptrdiff_t>(size_));
    std::copy(octets.begin(), octets.end(), begin + static_cast<std::ptrdiff_t>(at));
  }

  /// The octets from `at` (<= size()) to the end. Empty if the writer has overflowed. Borrows the buffer.
  [[nodiscard]] constexpr Bytes written(std::size_t at = 0) const noexcept {
    if (!fits()) return {};
    return {buffer_.data() + at, size_ - at};
  }

 private:
  MutableBytes buffer_;
  std::size_t size_ = 0;
};

}  // namespace pedigree
