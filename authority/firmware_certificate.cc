// SPDX-License-Identifier: Apache-2.0
#include "authority/firmware_certificate.h"

#include <fmt/format.h>

#include "core/csr/csr.h"
#include "core/firmware_image/signer.h"
#include "core/firmware_image/test_signers.h"
#include "core/firmware_image/verify.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

namespace oid = x509::oid;

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxCertificate = 16384;

/// An Extension that is not critical.
Der extension(Bytes type, Bytes value) {
  Der buffer(kMaxCertificate);
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t sequence = out.open(der::kSequence);
  out.element(der::kOid, type);
  out.element(der::kOctetString, value);
  out.close(sequence);
  buffer.resize(writer.size());
  return buffer;
}

Der limits_extension(const FirmwareLimits& limits) {
  Der value(kMaxCertificate);
  Writer writer(value);
  der::Builder out(writer);
  image::write_limits(limits.vendors, limits.classes, limits.minimum, limits.maximum, out);
  value.resize(std::min(writer.size(), value.size()));
  return extension(image::kFirmwareLimitsOid, value);
}

/// The key that is to be certified. Errors: as make_oem.
Answer<crypto::PublicKey> check_subject(const crypto::Crypto& crypto, const FirmwareFields& fields) {
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

/// The issuer's certificate, where it may issue at all. Errors: as make_oem.
Answer<x509::Certificate> check_issuer(const crypto::Crypto& crypto, const FirmwareFields& fields) {
  const auto issuer = x509::Certificate::parse(fields.issuer.certificate);
  if (!issuer) return refuse(issuer.error());
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  const auto key = crypto.public_key(fields.issuer.key, buffer);
  if (!key) return refuse(key.error());
  const auto& certified = issuer->spki().key;
  if (!certified || certified->type != key->type || !equal(certified->key, key->key)) {
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

/// Writes the certificate with what both kinds have in common.
Answer<Der> write(const crypto::Crypto& crypto, const FirmwareFields& fields, const x509::Certificate& issuer,
                  const crypto::PublicKey& key, x509::ExtensionSet extensions) {
  const auto identifier = key_identifier(crypto, key.key);
  const auto serial = random_serial(crypto);
  if (!identifier) return refuse(identifier.error());
  if (!serial) return refuse(serial.error());
  std::array<std::uint8_t, 128> name{};
  Writer writer(name);
  der::Builder builder(writer);
  const x509::NamePart parts[] = {{oid::kCommonName, fields.common_name}};
  x509::write_name(parts, builder);
  const Bytes purposes[] = {oid::kCodeSigning};
  extensions.ext_key_usage = purposes;
  extensions.subject_key_identifier = *identifier;
  extensions.authority_key_identifier = issuer.extensions().subject_key_identifier.value_or(Bytes{});
  x509::CertificateFields certificate;
  certificate.serial = *serial;
  certificate.subject = writer.written();
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

}  // namespace

Answer<Der> make_oem(const crypto::Crypto& crypto, const FirmwareFields& fields,
                     const FirmwareLimits& limits) {
  const auto key = check_subject(crypto, fields);
  if (!key) return std::unexpected(key.error());
  const auto issuer = check_issuer(crypto, fields);
  if (!issuer) return std::unexpected(issuer.error());
  const x509::Extensions& above = issuer->extensions();
  if (above.basic_constraints->path_len && *above.basic_constraints->path_len == 0) {
    return refuse(ErrorCode::path_too_long, "the issuer's pathLen allows no CA below it");
  }
  if (above.ext_key_usage && !image::is_for_code_signing_only(*issuer)) {
    return refuse(ErrorCode::eku_forbids, "the issuer is limited to other purposes than codeSigning");
  }
  if (limits.minimum && limits.maximum && *limits.minimum > *limits.maximum) {
    return refuse(ErrorCode::bad_configuration, "the least version is above the greatest");
  }
  const Der extra = limits_extension(limits);
  x509::ExtensionSet extensions;
  extensions.basic_constraints = {true, 0};
  extensions.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  extensions.extra = extra;
  return write(crypto, fields, *issuer, *key, extensions);
}

Answer<Der> make_firmware_signer(const crypto::Crypto& crypto, const FirmwareFields& fields) {
  const auto key = check_subject(crypto, fields);
  if (!key) return std::unexpected(key.error());
  if (!image::signature_tlv(key->type)) {
    return refuse(ErrorCode::wrong_key_type,
                  fmt::format("MCUboot has no signatures by {}", crypto::name(key->type)));
  }
  const auto issuer = check_issuer(crypto, fields);
  if (!issuer) return std::unexpected(issuer.error());
  if (!image::is_for_code_signing_only(*issuer)) {
    return refuse(ErrorCode::eku_forbids,
                  "the issuer is no OEM's intermediate: it is not for codeSigning alone");
  }
  const auto limits = image::find_limits(*issuer);
  if (!limits) return refuse(limits.error());
  if (!*limits) {
    return refuse(ErrorCode::product_refused,
                  "the issuer does not state what it may sign, so it may sign nothing");
  }
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  return write(crypto, fields, *issuer, *key, extensions);
}

Answer<Bytes> requested_key(const crypto::Crypto& crypto, Bytes request) {
  const auto parsed = csr::Request::parse(request);
  if (!parsed) {
    return refuse(ErrorCode::bad_request, fmt::format("it is no PKCS#10 request: at byte {}, {}",
                                                      parsed.error().offset, sentence(parsed.error().code)));
  }
  if (const auto owned = parsed->verify(crypto); !owned) {
    return refuse(owned.error().code, "the request is not signed by the key that it asks a certificate for");
  }
  return parsed->spki().whole;
}

}  // namespace pedigree::authority
