// SPDX-License-Identifier: Apache-2.0
#include "authority/ca_certificate.h"

#include <arpa/inet.h>

#include "authority/encode.h"
#include "core/firmware_image/revocation_list.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

namespace oid = x509::oid;

/// A public key as SubjectPublicKeyInfo, with its identifier.
struct Subject {
  Der name;
  Der spki;
  KeyIdentifier identifier{};
};

Result<Subject> describe(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                         std::span<const x509::NamePart> name) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const crypto::PublicKey public_key, crypto.public_key(key, buffer));
  Subject subject;
  PEDIGREE_ASSIGN(subject.identifier, key_identifier(crypto, public_key.key));
  subject.name = encode([&](der::Builder& out) { x509::write_name(name, out); });
  PEDIGREE_ASSIGN(subject.spki, public_key_info(crypto, key));
  return subject;
}

Result<Der> sign(const crypto::Crypto& crypto, const x509::CertificateFields& fields,
                 const crypto::PrivateKey& key) {
  Der buffer(4096);
  PEDIGREE_ASSIGN(const Bytes written,
                  x509::write_certificate(crypto, fields, key, crypto::default_algorithm(key.type), buffer));
  return Der(written.begin(), written.end());
}

Der alternative_names(const std::vector<std::string>& hosts) {
  return encode([&](der::Builder& out) {
    for (const std::string& host : hosts) {
      std::array<std::uint8_t, 16> address{};
      if (inet_pton(AF_INET, host.c_str(), address.data()) == 1) {
        out.element(der::context(7), Bytes(address).first(4));
      } else if (inet_pton(AF_INET6, host.c_str(), address.data()) == 1) {
        out.element(der::context(7), address);
      } else {
        out.element(der::context(2), as_bytes(host));
      }
    }
  });
}

/// The certificate of a key that signs for one purpose.
template <typename Fields>
Result<Der> make_leaf(const crypto::Crypto& crypto, const Fields& fields,
                      std::span<const x509::NamePart> name, Bytes purpose, const Der& alternative,
                      Bytes extra = {}) {
  PEDIGREE_ASSIGN(const Subject subject, describe(crypto, fields.key, name));
  PEDIGREE_ASSIGN(const auto serial, random_serial(crypto));
  PEDIGREE_ASSIGN(const x509::Certificate issuer, x509::Certificate::parse(fields.issuer.certificate));
  const Bytes purposes[] = {purpose};
  x509::CertificateFields certificate;
  certificate.serial = serial;
  certificate.subject = subject.name;
  certificate.issuer = issuer.subject();
  certificate.not_before = fields.not_before;
  certificate.not_after = fields.not_after;
  certificate.spki = subject.spki;
  certificate.extensions.key_usage = x509::kDigitalSignature;
  certificate.extensions.ext_key_usage = purposes;
  certificate.extensions.subject_alt_name = alternative;
  certificate.extensions.extra = extra;
  certificate.extensions.subject_key_identifier = subject.identifier;
  certificate.extensions.authority_key_identifier =
      issuer.extensions().subject_key_identifier.value_or(Bytes{});
  return sign(crypto, certificate, fields.issuer.key);
}

}  // namespace

Result<KeyIdentifier> key_identifier(const crypto::Crypto& crypto, Bytes public_key) {
  PEDIGREE_ASSIGN(const Sha256 digest, crypto.sha256(public_key));
  KeyIdentifier identifier{};
  std::copy_n(digest.begin(), identifier.size(), identifier.begin());
  return identifier;
}

Result<Der> public_key_info(const crypto::Crypto& crypto, const crypto::PrivateKey& key) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const crypto::PublicKey half, crypto.public_key(key, buffer));
  return encode([&](der::Builder& out) { x509::write_spki(half, out); });
}

Result<void> check_key_of(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                          const x509::Certificate& certificate) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const crypto::PublicKey half, crypto.public_key(key, buffer));
  const auto& certified = certificate.spki().key;
  if (certified && certified->type == half.type && equal(certified->key, half.key)) return {};
  return fail(ErrorCode::key_mismatch);
}

Result<std::array<std::uint8_t, 16>> random_serial(const crypto::Crypto& crypto) {
  std::array<std::uint8_t, 16> serial{};
  while (serial[0] == 0) PEDIGREE_TRY(crypto.random(serial));
  return serial;
}

std::string_view name(TlsRole role) noexcept {
  switch (role) {
    case TlsRole::server:
      return "server";
    case TlsRole::station:
      return "station";
    case TlsRole::operator_:
      return "operator";
    case TlsRole::bootstrap:
      return "bootstrap";
    case TlsRole::auditor:
      return "auditor";
    case TlsRole::relying_party:
      break;
  }
  return "relying-party";
}

Result<Der> make_ca(const crypto::Crypto& crypto, const CaFields& fields) {
  const x509::NamePart parts[] = {{oid::kCommonName, fields.common_name}};
  PEDIGREE_ASSIGN(const Subject subject, describe(crypto, fields.key, parts));
  PEDIGREE_ASSIGN(const auto serial, random_serial(crypto));
  x509::CertificateFields certificate;
  certificate.serial = serial;
  certificate.subject = subject.name;
  certificate.issuer = subject.name;
  certificate.not_before = fields.not_before;
  certificate.not_after = fields.not_after;
  certificate.spki = subject.spki;
  certificate.extensions.basic_constraints = {true, fields.path_len};
  certificate.extensions.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  certificate.extensions.subject_key_identifier = subject.identifier;
  if (!fields.issuer) return sign(crypto, certificate, fields.key);
  PEDIGREE_ASSIGN(const x509::Certificate issuer, x509::Certificate::parse(fields.issuer->certificate));
  certificate.issuer = issuer.subject();
  certificate.extensions.authority_key_identifier =
      issuer.extensions().subject_key_identifier.value_or(Bytes{});
  return sign(crypto, certificate, fields.issuer->key);
}

Result<Der> make_list_signer(const crypto::Crypto& crypto, const ListSignerFields& fields) {
  const x509::NamePart parts[] = {{oid::kCommonName, fields.common_name}};
  return make_leaf(crypto, fields, parts, image::kSignerRevocationPurpose, {});
}

Result<Der> make_delegate(const crypto::Crypto& crypto, const DelegateFields& fields) {
  // Extension { id-pkix-ocsp-nocheck, NULL }
  constexpr std::array<std::uint8_t, 17> kNoCheck{0x30, 0x0f, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05,
                                                  0x07, 0x30, 0x01, 0x05, 0x04, 0x02, 0x05, 0x00};
  const x509::NamePart parts[] = {{oid::kCommonName, fields.common_name}};
  return make_leaf(crypto, fields, parts, fields.purpose, {},
                   fields.ocsp_no_check ? Bytes(kNoCheck) : Bytes());
}

Result<Der> make_tls(const crypto::Crypto& crypto, const TlsFields& fields) {
  const x509::NamePart parts[] = {{oid::kOrganizationalUnitName, name(fields.role)},
                                  {oid::kCommonName, fields.common_name}};
  const Bytes purpose = fields.role == TlsRole::server ? Bytes(oid::kServerAuth) : Bytes(oid::kClientAuth);
  return make_leaf(crypto, fields, parts, purpose, alternative_names(fields.hosts));
}

}  // namespace pedigree::authority
