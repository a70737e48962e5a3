// SPDX-License-Identifier: Apache-2.0
// Spans of octets, comparison that leaks no timing, and wiping.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pedigree {

/// Borrowed octets, to read and to write.
using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// A SHA-256 value, 32 octets.
using Sha256 = std::array<std::uint8_t, 32>;

/// As `equal`. Pointers and sizes, because on Arm a span by value is passed by way of the stack.
[[nodiscard, gnu::noinline]] constexpr bool equal_octets(const std::uint8_t* a, std::size_t a_size,
                                                         const std::uint8_t* b, std::size_t b_size) noexcept {
  return std::equal(a, a + a_size, b, b + b_size);
}

/// Equal in length and content. Not for secrets: it returns at the first difference.
[[nodiscard, gnu::always_inline]] constexpr inline bool equal(const Bytes& a, const Bytes& b) noexcept {
  return equal_octets(a.data(), a.size(), b.data(), b.size());
}

/// Whether `a` comes before `b` as DER orders a SET OF (X.690 11.6): octet by octet, the shorter one first.
[[nodiscard, gnu::noinline]] constexpr bool less(const Bytes& a, const Bytes& b) noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

/// Equal in length and content; the time taken depends on the lengths alone.
[[nodiscard]] bool equal_secret(Bytes a, Bytes b) noexcept;

/// Overwrites with zeros in a way that the compiler may not remove.
void wipe(MutableBytes secret) noexcept;

/// The octets of a text, without a terminator. Borrows from `text`.
[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text of octets that the caller knows to be text. Borrows from `bytes`.
[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A fixed array of secret octets that wipes itself.
template <std::size_t N>
class SecretArray {
 public:
  SecretArray() noexcept = default;
  ~SecretArray() { wipe(octets_); }
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  [[nodiscard]] MutableBytes span() noexcept { return octets_; }
  [[nodiscard]] Bytes span() const noexcept { return octets_; }

 private:
  std::array<std::uint8_t, N> octets_{};
};

}  // namespace pedigree
