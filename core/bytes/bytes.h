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

/// Equal in length and content. Not for secrets: it returns at the first difference.
[[nodiscard]] constexpr bool equal(Bytes a, Bytes b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
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
