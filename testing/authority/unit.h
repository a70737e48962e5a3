// SPDX-License-Identifier: Apache-2.0
// A device as the authority sees it: an id and a key that writes requests and receipts. No SMP, no storage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/csr/csr.h"
#include "core/enrol/messages.h"
#include "crypto/openssl/keys.h"
#include "testing/support/support.h"

namespace pedigree::testing {

/// The back end of every Unit.
[[nodiscard]] const crypto::Crypto& host_crypto();

/// What a token says, where it is not the ordinary thing.
struct TokenWish {
  std::string instance_id{};                   ///< hex; empty: the unit's own
  std::uint16_t lifecycle = 0x3000;            ///< secured
  std::int32_t client_id = 1;                  ///< the secure side
  std::uint8_t entropy = 0;                    ///< enrol's number; 0: not stated
  const std::vector<Octets>* chain = nullptr;  ///< as x5chain
};

class Unit {
 public:
  /// `number` decides the device id; the key is new each time. Throws std::runtime_error where none is made.
  explicit Unit(std::uint64_t number, crypto::KeyType type = crypto::KeyType::p256);

  /// 66 lower-case hex digits.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// Takes another device's id and keeps the key.
  void rename(const std::string& id) { id_ = id; }
  /// What its requests say from now on of its random numbers; at first nothing.
  void set_entropy(enrol::Entropy entropy) { entropy_ = entropy; }

  /// A PKCS#10 request in DER with this nonce (64 hex digits) as challengePassword.
  [[nodiscard]] Octets request(std::string_view nonce) const { return request_as(id_, nonce); }
  /// The same in the name of another device.
  [[nodiscard]] Octets request_as(std::string_view id, std::string_view nonce) const;
  /// The key, as SubjectPublicKeyInfo.
  [[nodiscard]] Octets spki() const;
  /// A request in the unit's own name with this token as evidence.
  [[nodiscard]] Octets request_with_evidence(std::string_view nonce, Bytes token) const;
  /// A PSA attestation token by the unit's key.
  [[nodiscard]] Octets token(Bytes challenge, const TokenWish& wish = {}) const;
  /// A receipt (COSE_Sign1) for this chain, leaf first, without the root.
  [[nodiscard]] Octets receipt(const std::vector<Octets>& chain, std::string_view nonce) const;

 private:
  [[nodiscard]] Octets request_of(std::string_view id, std::string_view nonce,
                                  std::span<const csr::Attribute> attributes) const;

  std::string id_;
  crypto::OpenSslKey key_;
  std::optional<enrol::Entropy> entropy_;
};

}  // namespace pedigree::testing
