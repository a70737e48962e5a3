// SPDX-License-Identifier: Apache-2.0
// Intermediates below a root whose key is elsewhere: a request leaves, a certificate comes back.
#pragma once

#include "authority/config.h"
#include "crypto/openssl/keys.h"
#include "server/app/files.h"

namespace pedigree::app {

/// The key in a file, which is made, encrypted with the passphrase, where it is not there yet. Errors:
/// bad_configuration (no passphrase), those of open_key and write_private.
[[nodiscard]] Answer<crypto::OpenSslKey> keep_key(const std::filesystem::path& path, crypto::KeyType type,
                                                  const SecretText& passphrase);
/// A PKCS#10 request for a key, DER, under a common name of 1 to 64 characters. Errors: those of the crypto.
[[nodiscard]] Result<Der> write_request(const crypto::Crypto& crypto, const crypto::OpenSslKey& key,
                                        std::string_view common_name);

struct IssuerRequest {
  std::string name;         ///< of the intermediate, in this authority
  std::string common_name;  ///< asked for; who signs decides
  crypto::KeyType key_type = crypto::KeyType::p256;
  std::string token{};  ///< a pkcs11: URI: the key is made in that token; empty: issuers/NAME.key.pem
};

/// Makes an intermediate's key and a PKCS#10 request for it, DER. The key is encrypted with the passphrase,
/// or stays in the token. Asked again under the same name, the key is kept and requested again. Errors:
/// bad_configuration (the name, or an intermediate of that name is configured), those of the key and the
/// crypto.
[[nodiscard]] Answer<Der> request_issuer(const Layout& layout, const IssuerRequest& wish,
                                         const SecretText& passphrase);

struct SignedIntermediate {
  Bytes request;            ///< PKCS#10, DER; its key is taken after proof of possession, and nothing else
  Bytes issuer;             ///< the CA's certificate, DER
  crypto::PrivateKey key;   ///< the CA's
  std::string common_name;  ///< 1 to 64 characters
  std::uint32_t path_len = 0;
  std::uint32_t days = 3650;
  const authority::Profile* profile = nullptr;  ///< of kind intermediate; null: a CA for devices of any kind
  der::UnixTime now = 0;
};

/// Signs an intermediate's request. The certificate ends with the issuer's at the latest. Errors:
/// path_too_long (the issuer's pathLen is not larger than this one's), those of requested_key and
/// make_intermediate.
[[nodiscard]] Answer<Der> sign_intermediate(const SignedIntermediate& wish);

struct ImportedIssuer {
  std::string name;
  std::string parent = "root";        ///< "root", or an intermediate that is configured
  std::string key;                    ///< a pkcs11: URI; empty: issuers/NAME.key.pem
  std::vector<std::string> profiles;  ///< what it may issue; empty: what a new authority's intermediates do
  der::UnixTime now = 0;
  /// How it begins, where the configuration does not have it yet.
  authority::IssuerState state = authority::IssuerState::active;
};

/// Takes an intermediate's certificate into the directory: it must be a CA's, trusted below its parent and
/// the root at this time, and for the key that is named. The configuration then has it; a server that runs
/// reads it when it starts again. Asked again with the same, it changes nothing. Errors: bad_configuration
/// (the name is taken by another certificate, the parent or a profile is unknown), not_a_ca, key_mismatch,
/// untrusted_root and others of a chain, io_failure, those of the key.
[[nodiscard]] Answer<void> import_issuer(const Layout& layout, const ImportedIssuer& wish, Bytes certificate,
                                         const SecretText& passphrase);

}  // namespace pedigree::app
