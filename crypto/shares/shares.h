// SPDX-License-Identifier: Apache-2.0
// A secret split into n shares, of which any m give it back and fewer say nothing about it (Shamir's scheme
// over GF(2^8), by libgfshare), and the form in which a share lies in a file.
#pragma once

#include <array>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::shares {

/// Octets of a secret, and of each share of it.
inline constexpr std::size_t kSecretSize = 32;
/// Shares of one split, at most.
inline constexpr std::size_t kMaxShares = 16;

/// Names the shares of one split, which fit together and with no others. Random.
using SetId = std::array<std::uint8_t, 16>;

/// One share; its memory is wiped at its end.
struct Share {
  SetId set{};
  std::uint8_t threshold = 0;  ///< how many are needed: m
  std::uint8_t index = 0;      ///< 1 to n
  std::array<std::uint8_t, kSecretSize> octets{};
  Share() = default;
  Share(const Share&) = default;
  Share& operator=(const Share&) = default;
  ~Share() { wipe(octets); }
};

/// Splits. 2 <= threshold <= count <= kMaxShares. Errors: bad_value, no_entropy, crypto_failure.
[[nodiscard]] Result<std::vector<Share>> split(std::span<const std::uint8_t, kSecretSize> secret,
                                               std::uint8_t threshold, std::uint8_t count);

/// Joins shares of one set, at least as many as it needs, in any order. A share that was changed gives
/// another secret: what it opens tells. Errors: bad_value (fewer than the threshold, or one twice),
/// key_mismatch (of another set; Error::offset is the position of that share), crypto_failure.
[[nodiscard]] Result<void> join(std::span<const Share> shares, std::span<std::uint8_t, kSecretSize> secret);

/// Octets of a share in a file.
inline constexpr std::size_t kSealedSize = 4 + 16 + 2 + 16 + 12 + kSecretSize + 16;

/// The share encrypted by a passphrase: "PKS1", set, threshold, index, salt (16), nonce (12), and the octets
/// by AES-256-GCM under scrypt (RFC 7914; N 65536, r 8, p 1) with all before them as associated data. Errors:
/// bad_value (an empty passphrase), no_entropy, crypto_failure.
[[nodiscard]] Result<std::array<std::uint8_t, kSealedSize>> seal(const Share& share,
                                                                 std::string_view passphrase);
/// Errors: bad_value (no such file), wrong_passphrase (or the file was changed), crypto_failure.
[[nodiscard]] Result<Share> open(Bytes sealed, std::string_view passphrase);

}  // namespace pedigree::shares
