// SPDX-License-Identifier: Apache-2.0
// Lists of revoked signers for tests, signed below the root of an ImagePki.
#pragma once

#include "core/firmware_image/revocation_list.h"
#include "testing/images/pki.h"

namespace pedigree::testing {

/// What the certificates of a list's signer say; the defaults are as they should be.
struct ListSignerSpec {
  crypto::KeyType type = crypto::KeyType::p256;
  std::vector<Bytes> purposes{image::kSignerRevocationPurpose};
  std::uint16_t key_usage = x509::kDigitalSignature;
  /// A CA between root and signer, with these purposes; empty: none says anything.
  std::optional<std::vector<Bytes>> intermediate{};
};

/// A signer of lists; its chain is signer first, with the root as its last.
[[nodiscard]] TestSigner make_list_signer(const ImagePki& pki, const ListSignerSpec& spec = {});
/// A signed list of these keys (SHA-256 of a SubjectPublicKeyInfo), in any order.
[[nodiscard]] Octets make_list(const ImagePki& pki, const TestSigner& signer, std::uint64_t number,
                               std::vector<Sha256> keys);
/// SHA-256 of the SubjectPublicKeyInfo of a certificate.
[[nodiscard]] Sha256 key_hash(const ImagePki& pki, Bytes certificate);

}  // namespace pedigree::testing
