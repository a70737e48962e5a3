// SPDX-License-Identifier: Apache-2.0
// Who signs an emulated device's firmware where nobody else does: a root, an OEM and a signer of its own,
// made at random for one state folder and known to no other.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "crypto/openssl/keys.h"

namespace pedigree::factory {

/// Owned octets.
using Octets = std::vector<std::uint8_t>;

/// A firmware signer's key, and its chain up to a root.
class DevelopmentSigner {
 public:
  /// Makes root, OEM intermediate and signer (P-256). Errors: a sentence.
  [[nodiscard]] static std::expected<DevelopmentSigner, std::string> make();
  /// Reads what `save` wrote. Errors: a sentence, also where there is none.
  [[nodiscard]] static std::expected<DevelopmentSigner, std::string> load(
      const std::filesystem::path& folder);
  /// Whether `folder` has one.
  [[nodiscard]] static bool is_in(const std::filesystem::path& folder);
  /// Writes root.cert.pem, signer.chain.pem, and root.key.pem, oem.key.pem and signer.key.pem (mode 0600)
  /// into `folder`, which is made (mode 0700): who has them can sign for this device, with pedigree image
  /// sign as well. The signer's key comes last: is_in() looks for it. Errors: a sentence.
  [[nodiscard]] std::expected<void, std::string> save(const std::filesystem::path& folder) const;

  [[nodiscard]] const crypto::OpenSslKey& key() const noexcept { return keys_.back(); }
  /// DER, leaf first, root last.
  [[nodiscard]] const std::vector<Octets>& chain() const noexcept { return chain_; }

 private:
  DevelopmentSigner() = default;
  std::vector<crypto::OpenSslKey> keys_;  ///< root, OEM, signer; only the signer where it was loaded
  std::vector<Octets> chain_;
};

}  // namespace pedigree::factory
