// SPDX-License-Identifier: Apache-2.0
#include "authority/firmware_certificate.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/csr/csr.h"
#include "core/firmware_image/signer.h"
#include "core/firmware_image/verify.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

constexpr std::size_t kMaxExtension = 16384;
const Bytes kPurposes[] = {x509::oid::kCodeSigning};

/// An Extension that is not critical.
Der extension(Bytes type, Bytes value) {
  Der buffer(kMaxExtension);
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
  Der value(kMaxExtension);
  Writer writer(value);
  der::Builder out(writer);
  image::write_limits(limits.vendors, limits.classes, limits.minimum, limits.maximum, out);
  value.resize(std::min(writer.size(), value.size()));
  return extension(image::kFirmwareLimitsOid, value);
}

/// The key, where the profile is one for firmware and certifies it; cuts the validity to the profile's.
Answer<crypto::PublicKey> check_profiled(const crypto::Crypto& crypto, const Profile& profile,
                                         ProfileKind kind, CertifyFields& fields) {
  const bool is_for_code =
      profile.key_purposes.size() == 1 && equal(profile.key_purposes.front(), Bytes(x509::oid::kCodeSigning));
  if (profile.kind != kind || !is_for_code || !profile.days) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("profile {} must be of kind \"{}\", for codeSigning alone, and valid for days",
                              profile.name, name(kind)));
  }
  return check_subject(crypto, profile, fields);
}

}  // namespace

Answer<Der> make_oem(const crypto::Crypto& crypto, const Profile& profile, CertifyFields fields,
                     const FirmwareLimits& limits) {
  const auto key = check_profiled(crypto, profile, ProfileKind::intermediate, fields);
  if (!key) return std::unexpected(key.error());
  if (profile.path_len != 0U) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("profile {}: path_len of an OEM's intermediate is 0", profile.name));
  }
  const auto issuer = check_issuer(crypto, fields);
  if (!issuer) return std::unexpected(issuer.error());
  const x509::Extensions& above = issuer->extensions();
  if (const auto deep = check_depth(*issuer); !deep) return std::unexpected(deep.error());
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
  extensions.ext_key_usage = kPurposes;
  extensions.extra = extra;
  return certify(crypto, fields, *issuer, *key, subject_of(profile, {{}, {}, fields.common_name}),
                 extensions);
}

Answer<Der> make_firmware_signer(const crypto::Crypto& crypto, const Profile& profile, CertifyFields fields) {
  const auto key = check_profiled(crypto, profile, ProfileKind::firmware_signer, fields);
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
  extensions.ext_key_usage = kPurposes;
  return certify(crypto, fields, *issuer, *key, subject_of(profile, {{}, {}, fields.common_name}),
                 extensions);
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
