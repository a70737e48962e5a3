// SPDX-License-Identifier: Apache-2.0
// Keys of a conformance run: made by OpenSSL, gone with the run.
#pragma once

#include <deque>

#include "crypto/openssl/keys.h"
#include "station/conformance/test_authority.h"

namespace pedigree::cli {

class RunKeys final : public station::conformance::KeyMaker {
 public:
  [[nodiscard]] Result<crypto::PrivateKey> make(crypto::KeyType type) override;
  [[nodiscard]] Result<std::vector<std::uint8_t>> private_value(const crypto::PrivateKey& key) override;
  /// The key that was made first.
  [[nodiscard]] const crypto::OpenSslKey& first() const { return keys_.front(); }
  /// Keeps a key that was made elsewhere.
  [[nodiscard]] crypto::PrivateKey keep(crypto::OpenSslKey key);

 private:
  std::deque<crypto::OpenSslKey> keys_;
};

}  // namespace pedigree::cli
