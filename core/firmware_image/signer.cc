// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/signer.h"

#include "core/x509/oids.h"

namespace pedigree::image {
namespace {

/// Errors: product_refused, version_refused, those of parse_limits.
Result<void> check_issuer(const x509::Certificate& certificate, std::size_t index,
                          const Product& product) noexcept {
  PEDIGREE_ASSIGN(const std::optional<Limits> limits, find_limits(certificate));
  if (limits) return check_limits(*limits, product);
  // The signer's own issuer must say what it may sign; one that says nothing may sign nothing.
  if (index == 1) return fail(ErrorCode::product_refused);
  return {};
}

}  // namespace

bool is_for_code_signing_only(const x509::Certificate& certificate) noexcept {
  if (!certificate.extensions().ext_key_usage) return false;
  Reader purposes(*certificate.extensions().ext_key_usage);
  const auto purpose = der::read_oid(purposes);
  return purpose && purposes.empty() && equal(*purpose, x509::oid::kCodeSigning);
}

Result<Signer> trust_signer(const crypto::Crypto& crypto, const cose::X5Chain& chain,
                            const TrustOptions& options, const Product& product,
                            x509::Verdict& path) noexcept {
  x509::PathOptions path_options;
  path_options.anchors = options.anchors;
  path_options.time = options.time;
  path_options.key_purpose = Bytes(x509::oid::kCodeSigning);
  path_options.leaf_key_usage = x509::kDigitalSignature;
  path = x509::validate_path(crypto, chain.view(), path_options);
  if (path.code) return fail(*path.code, path.offset);
  if (chain.count < 2) return fail(ErrorCode::product_refused);
  for (std::size_t i = 0; i < chain.count; ++i) {
    PEDIGREE_ASSIGN(const auto certificate, x509::Certificate::parse(chain.certificates[i]));
    if (i <= 1 && !is_for_code_signing_only(certificate)) {
      return fail(ErrorCode::eku_forbids, static_cast<std::uint32_t>(i));
    }
    if (i >= 1) PEDIGREE_TRY(check_issuer(certificate, i, product));
  }
  PEDIGREE_ASSIGN(const auto leaf, x509::Certificate::parse(chain.certificates[0]));
  if (!leaf.spki().key) return fail(ErrorCode::unsupported_algorithm);
  return Signer{chain, *leaf.spki().key};
}

Result<bool> has_key(const crypto::Crypto& crypto, const cose::X5Chain& chain,
                     const Sha256& spki_sha256) noexcept {
  for (const Bytes der : chain.view()) {
    PEDIGREE_ASSIGN(const auto certificate, x509::Certificate::parse(der));
    PEDIGREE_ASSIGN(const Sha256 digest, crypto.sha256(certificate.spki().whole));
    if (digest == spki_sha256) return true;
  }
  return false;
}

}  // namespace pedigree::image
