// SPDX-License-Identifier: Apache-2.0
// Who signs an authority's grants: a delegate of the root, in the directory. The root's key may be there too,
// for a moment, or elsewhere: then a request leaves, and a certificate comes back.
#pragma once

#include <functional>

#include "authority/grant.h"
#include "server/app/files.h"

namespace pedigree::app {

/// Days that a signer of grants is certified for unless somebody asks otherwise.
inline constexpr std::uint32_t kGrantSignerDays = 730;

/// What happens to the signer of grants, for the audit log.
struct GrantSignerNote {
  /// "grant_signer_installed", "grant_signer_requested" or "grant_signer_signed".
  std::string what;
  std::string why;  ///< "key HEX until TIME": SHA-256 of the signer's SubjectPublicKeyInfo
  Sha256 digest{};  ///< of the certificate, or of the request, DER
};
/// Writes it down; where that fails, what it is about does not happen. Empty: nobody is told.
using NoteGrantSigner = std::function<Answer<void>(const GrantSignerNote&)>;

/// Makes the signer of grants below the root: grants.cert.pem and grants.key.pem (P-256, encrypted with the
/// passphrase), over those that are there: devices refuse the old one from the new one's first grant on.
/// It is noted before it is there. Errors: io_failure, those of the crypto, of certify_grant_signer and of
/// `note`.
[[nodiscard]] Answer<void> make_grant_signer(const Layout& layout, const authority::Signer& root,
                                             const SecretText& passphrase, der::UnixTime now,
                                             std::uint32_t days, const NoteGrantSigner& note = {});

/// Makes the next signer's key, which waits beside the one that signs, and a PKCS#10 request for it, DER.
/// Asked again, the key is kept and requested again. Errors: those of read_certificate (the root's),
/// keep_key, the crypto and `note`.
[[nodiscard]] Answer<Der> request_grant_signer(const Layout& layout, const SecretText& passphrase,
                                               const NoteGrantSigner& note = {});

/// Signs such a request with the root's key. Of the request its key is taken, after proof of possession, and
/// nothing else. Errors: those of requested_key, certify_grant_signer and `note`.
[[nodiscard]] Answer<Der> sign_grant_signer(Bytes request, const authority::Signer& root, der::UnixTime now,
                                            std::uint32_t days, const NoteGrantSigner& note = {});

/// Takes the certificate of the signer that was requested, which signs from now on: its grants must be good
/// under the directory's root. It is noted before it is there. Asked again with the same, it changes nothing.
/// Errors: key_mismatch, grant_signer_refused (it is older than the one that is there: devices would refuse
/// it), those of GrantSigner::sign, read_certificate, open_key and `note`.
[[nodiscard]] Answer<void> import_grant_signer(const Layout& layout, Bytes certificate,
                                               const SecretText& passphrase, der::UnixTime now,
                                               const NoteGrantSigner& note = {});

/// The signer with its key.
class GrantKey {
 public:
  /// Null where the directory has no signer of grants. Errors: those of read_certificate and open_key.
  static Answer<std::unique_ptr<GrantKey>> open(const Layout& layout, const crypto::Crypto& crypto,
                                                const Der& root, const SecretText& passphrase);
  GrantKey(const GrantKey&) = delete;
  GrantKey& operator=(const GrantKey&) = delete;
  [[nodiscard]] const authority::GrantSigner& signer() const noexcept { return signer_; }

 private:
  GrantKey(const crypto::Crypto& crypto, Der certificate, const Der& root, crypto::OpenSslKey key)
      : key_(std::move(key)), signer_(crypto, std::move(certificate), root, key_.view()) {}
  crypto::OpenSslKey key_;
  authority::GrantSigner signer_;
};

}  // namespace pedigree::app
