// SPDX-License-Identifier: Apache-2.0
// A device as the authority sees it: an id and a key that writes requests and receipts. No SMP, no storage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/enrol/messages.h"
#include "crypto/openssl/keys.h"
#include "testing/support/support.h"

namespace pedigree::testing {

/// The back end of every Unit.
[[nodiscard]] const crypto::Crypto& host_crypto();

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
  /// A receipt (COSE_Sign1) for this chain, leaf first, without the root.
  [[nodiscard]] Octets receipt(const std::vector<Octets>& chain, std::string_view nonce) const;

 private:
  std::string id_;
  crypto::OpenSslKey key_;
  std::optional<enrol::Entropy> entropy_;
};

}  // namespace pedigree::testing
