// SPDX-License-Identifier: Apache-2.0
// Certificates that init writes: root, intermediates, and the system's own TLS identities.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authority/refusal.h"
#include "core/x509/builder.h"

namespace pedigree::authority {

using Der = std::vector<std::uint8_t>;

/// Key identifier: the first 20 octets of SHA-256 over the subjectPublicKey (RFC 7093 2, method 1).
using KeyIdentifier = std::array<std::uint8_t, 20>;
[[nodiscard]] Result<KeyIdentifier> key_identifier(const crypto::Crypto& crypto, Bytes public_key);

/// The public half of a private key as SubjectPublicKeyInfo, DER. Errors: those of Crypto::public_key.
[[nodiscard]] Result<Der> public_key_info(const crypto::Crypto& crypto, const crypto::PrivateKey& key);
/// Whether a certificate is for this key. Errors: key_mismatch, those of Crypto::public_key.
[[nodiscard]] Result<void> check_key_of(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                        const x509::Certificate& certificate);

/// 128 random bits whose first octet is not zero. Errors: no_entropy.
[[nodiscard]] Result<std::array<std::uint8_t, 16>> random_serial(const crypto::Crypto& crypto);

/// `bootstrap`: for devices that share one to ask for their first certificate by lite_bootstrap_server's API,
/// and for nothing else.
enum class TlsRole : std::uint8_t { server, station, operator_, relying_party, bootstrap, auditor };
/// The organizationalUnitName that carries the role: "server", "station", "operator", "relying-party",
/// "bootstrap", "auditor". Static storage.
[[nodiscard]] std::string_view name(TlsRole role) noexcept;

/// Who signs: a certificate and its key.
struct Signer {
  Bytes certificate;
  crypto::PrivateKey key;
};

struct CaFields {
  std::string common_name;
  crypto::PrivateKey key;
  std::optional<Signer> issuer;  ///< empty: self-signed
  std::optional<std::uint32_t> path_len;
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
};
/// A CA certificate: basicConstraints, keyCertSign and cRLSign, key identifiers.
[[nodiscard]] Result<Der> make_ca(const crypto::Crypto& crypto, const CaFields& fields);

struct ListSignerFields {
  std::string common_name;
  crypto::PrivateKey key;
  Signer issuer;
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
};
/// The certificate of who signs lists of revoked firmware signers: the key purpose kp-signerRevocation and no
/// other (core/firmware_image/revocation_list.h).
[[nodiscard]] Result<Der> make_list_signer(const crypto::Crypto& crypto, const ListSignerFields& fields);

/// A key that answers in an intermediate's name, for days, and issues nothing.
struct DelegateFields {
  std::string common_name;
  crypto::PrivateKey key;
  Bytes purpose;               ///< the one key purpose, content octets
  bool ocsp_no_check = false;  ///< RFC 6960 4.2.2.2.1: its own revocation need not be asked
  Signer issuer;
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
};
/// The certificate of such a key, an OCSP responder's for example.
[[nodiscard]] Result<Der> make_delegate(const crypto::Crypto& crypto, const DelegateFields& fields);

struct TlsFields {
  std::string common_name;
  TlsRole role{};
  std::vector<std::string> hosts;  ///< for servers: DNS names and IPv4 addresses of the SAN
  crypto::PrivateKey key;
  Signer issuer;
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
};
/// A TLS certificate: serverAuth or clientAuth, OU = role.
[[nodiscard]] Result<Der> make_tls(const crypto::Crypto& crypto, const TlsFields& fields);

}  // namespace pedigree::authority
