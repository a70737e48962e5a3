// SPDX-License-Identifier: Apache-2.0
#include "authority/certify.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/firmware_image/test_signers.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxCertificate = 16384;

}  // namespace

Answer<crypto::PublicKey> check_subject(const crypto::Crypto& crypto, const CertifyFields& fields) {
  if (fields.common_name.empty() || fields.common_name.size() > kMaxName) {
    return refuse(ErrorCode::bad_configuration, "the name must have 1 to 64 characters");
  }
  const auto spki = x509::parse_spki(fields.spki);
  if (!spki) return refuse(spki.error());
  if (!spki->key) {
    return refuse(ErrorCode::unsupported_algorithm,
                  "keys are on P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits");
  }
  if (const auto sound = crypto.check_public_key(*spki->key); !sound) return refuse(sound.error());
  const auto hash = crypto.sha256(spki->whole);
  if (!hash) return refuse(hash.error());
  if (const auto origin = image::test_signer_origin(*hash)) {
    return refuse(ErrorCode::test_key,
                  fmt::format("the key is {}, whose private half everybody has", *origin));
  }
  return *spki->key;
}

Answer<crypto::PublicKey> check_subject(const crypto::Crypto& crypto, const Profile& profile,
                                        CertifyFields& fields) {
  auto key = check_subject(crypto, fields);
  if (!key) return key;
  if (const auto type = check_key_type(profile, key->type); !type) return std::unexpected(type.error());
  const auto life = static_cast<der::UnixTime>(profile.days.value_or(0)) * 86400;
  fields.not_after = std::min(fields.not_after, fields.not_before + life);
  return key;
}

Answer<x509::Certificate> check_issuer(const crypto::Crypto& crypto, const CertifyFields& fields) {
  const auto issuer = x509::Certificate::parse(fields.issuer.certificate);
  if (!issuer) return refuse(issuer.error());
  if (const auto own = check_key_of(crypto, fields.issuer.key, *issuer); !own) {
    if (own.error().code != ErrorCode::key_mismatch) return refuse(own.error());
    return refuse(ErrorCode::key_mismatch, "the issuer's key is not the one in its certificate");
  }
  const x509::Extensions& extensions = issuer->extensions();
  if (!extensions.basic_constraints || !extensions.basic_constraints->ca) {
    return refuse(ErrorCode::not_a_ca, "the issuer's certificate is no CA's");
  }
  if (extensions.key_usage && (*extensions.key_usage & x509::kKeyCertSign) == 0) {
    return refuse(ErrorCode::key_usage_forbids, "the issuer's keyUsage does not allow certificates");
  }
  if (fields.not_before > issuer->not_after()) {
    return refuse(ErrorCode::expired, "the issuer's certificate has expired");
  }
  return *issuer;
}

Answer<void> check_depth(const x509::Certificate& issuer) {
  const auto& constraints = issuer.extensions().basic_constraints;
  if (!constraints->path_len || *constraints->path_len > 0) return {};
  return refuse(ErrorCode::path_too_long, "the issuer's pathLen allows no CA below it");
}

Answer<Der> certify(const crypto::Crypto& crypto, const CertifyFields& fields,
                    const x509::Certificate& issuer, const crypto::PublicKey& key, Bytes subject,
                    x509::ExtensionSet extensions) {
  const auto identifier = key_identifier(crypto, key.key);
  const auto serial = random_serial(crypto);
  if (!identifier) return refuse(identifier.error());
  if (!serial) return refuse(serial.error());
  std::array<std::uint8_t, 128> name{};
  Writer writer(name);
  der::Builder builder(writer);
  const x509::NamePart parts[] = {{x509::oid::kCommonName, fields.common_name}};
  x509::write_name(parts, builder);
  if (extensions.subject_key_identifier.empty()) extensions.subject_key_identifier = *identifier;
  extensions.authority_key_identifier = issuer.extensions().subject_key_identifier.value_or(Bytes{});
  x509::CertificateFields certificate;
  certificate.serial = *serial;
  certificate.subject = subject.empty() ? writer.written() : subject;
  certificate.issuer = issuer.subject();
  certificate.not_before = std::max(fields.not_before, issuer.not_before());
  certificate.not_after = std::min(fields.not_after, issuer.not_after());
  certificate.spki = fields.spki;
  certificate.extensions = extensions;
  Der buffer(kMaxCertificate);
  const auto written = x509::write_certificate(crypto, certificate, fields.issuer.key,
                                               crypto::default_algorithm(fields.issuer.key.type), buffer);
  if (!written) return refuse(written.error());
  return Der(written->begin(), written->end());
}

}  // namespace pedigree::authority
