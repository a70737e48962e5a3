// SPDX-License-Identifier: Apache-2.0
// Private keys in the PSA key store: made there, never exported, wiped on destroy.
#pragma once

#include "device/service/platform.h"
#include "device/service/record.h"

namespace pedigree::device {

struct KeyRequest {
  enrol::Purpose purpose{};
  crypto::KeyType type{};
  enrol::Origin origin{};
  Bytes label;       ///< derive
  Bytes import_key;  ///< import: the private scalar, big-endian, as long as the curve's field
};

/// The slots' private keys in the PSA key store.
class KeyStore {
 public:
  constexpr explicit KeyStore(const Platform& platform) noexcept : platform_(platform) {}

  /// Where the key of a slot's bank is kept; the platform's own key for origin builtin.
  [[nodiscard]] KeyId key_id(std::uint32_t slot, const KeyRecord& key) const noexcept;

  /// Makes the key of a slot's bank, over any left there, in one atomic write of the key store, and writes
  /// its public half (form of crypto::PublicKey) to `public_key`, borrowed from it. Origin builtin makes
  /// nothing. Errors: origin_unsupported, unsupported_algorithm, invalid_key (import), storage_full,
  /// storage_failure, no_entropy, crypto_failure; no key is left then.
  [[nodiscard]] Result<Bytes> make(std::uint32_t slot, std::uint8_t bank, const KeyRequest& request,
                                   MutableBytes public_key) const noexcept;

  /// Public half of the key that import would make, without storing it. Errors: as make.
  [[nodiscard]] Result<Bytes> imported_public_key(const KeyRequest& request,
                                                  MutableBytes public_key) const noexcept;

  /// Wipes the key of a slot's bank; none there is success. Errors: storage_failure.
  [[nodiscard]] Result<void> destroy(std::uint32_t slot, std::uint8_t bank) const noexcept;

  /// Signs a digest of 32, 48 or 64 octets; r | s into `out`, borrowed. Errors: bad_value (length),
  /// key_not_found, crypto_failure.
  [[nodiscard]] Result<Bytes> sign_hash(std::uint32_t slot, const KeyRecord& key, Bytes digest,
                                        MutableBytes out) const noexcept;

  /// Bit n: crypto::KeyType n can be made; enrol::Origin n can be asked for.
  [[nodiscard]] static std::uint32_t algorithms() noexcept;
  [[nodiscard]] std::uint32_t origins() const noexcept;

 private:
  [[nodiscard]] KeyId bank_key_id(std::uint32_t slot, std::uint8_t bank) const noexcept;
  const Platform& platform_;
};

}  // namespace pedigree::device
