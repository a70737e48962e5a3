// SPDX-License-Identifier: Apache-2.0
// Private keys in the PSA key store: made there, never exported, wiped on destroy.
#pragma once

#include "device/service/platform.h"
#include "device/service/record.h"
#include "device/service/status.h"

namespace pedigree::device {

struct KeyRequest {
  enrol::Purpose purpose{};
  crypto::KeyType type{};
  enrol::Origin origin{};
  Bytes label;       ///< derive
  Bytes import_key;  ///< import: the private scalar, big-endian, as long as the curve's field
};

/// The public half of a key, in the form of crypto::PublicKey.
struct PublicKeyOctets {
  std::array<std::uint8_t, kMaxPublicKey> octets;
  std::size_t size = 0;
  [[nodiscard]] Bytes view() const noexcept { return Bytes(octets).first(size); }
};

/// The slots' private keys in the PSA key store.
class KeyStore {
 public:
  constexpr explicit KeyStore(const Platform& platform) noexcept : platform_(platform) {}

  /// Where the key of a slot's bank is kept; the platform's own key for origin builtin.
  [[nodiscard]] KeyId key_id(std::uint32_t slot, const KeyRecord& key) const noexcept;

  /// Makes the key of a slot's bank, over any left there, in one atomic write of the key store, and writes
  /// its public half to `out`. Origin builtin makes nothing. Errors: origin_unsupported,
  /// unsupported_algorithm, invalid_key (import), storage_full, storage_failure, no_entropy, crypto_failure;
  /// no key is left then.
  Status make(std::uint32_t slot, std::uint8_t bank, const KeyRequest& request,
              PublicKeyOctets& out) const noexcept;

  /// Public half of the key that import would make, without storing it. Errors: as make.
  Status imported_public_key(const KeyRequest& request, PublicKeyOctets& out) const noexcept;

  /// Wipes the key of a slot's bank; none there is success. Errors: storage_failure.
  Status destroy(std::uint32_t slot, std::uint8_t bank) const noexcept;

  /// Signs a digest of 32, 48 or 64 octets; r | s into `out`, `size` octets. Errors: bad_value (length),
  /// key_not_found, crypto_failure.
  Status sign_hash(std::uint32_t slot, const KeyRecord& key, Bytes digest, MutableBytes out,
                   std::size_t& size) const noexcept;

  /// Bit n: crypto::KeyType n can be made; enrol::Origin n can be asked for.
  [[nodiscard]] static std::uint32_t algorithms() noexcept;
  [[nodiscard]] std::uint32_t origins() const noexcept;

 private:
  [[nodiscard]] KeyId bank_key_id(std::uint32_t slot, std::uint8_t bank) const noexcept;
  const Platform& platform_;
};

}  // namespace pedigree::device
