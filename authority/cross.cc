// SPDX-License-Identifier: Apache-2.0
#include "authority/cross.h"

#include <fmt/format.h>

#include <algorithm>

namespace pedigree::authority {
namespace {

/// The other root, where it is one and may be certified at this time.
Answer<x509::Certificate> check_root(const crypto::Crypto& crypto, const CrossFields& fields) {
  const auto root = x509::Certificate::parse(fields.certificate);
  if (!root) return refuse(root.error());
  const x509::Extensions& extensions = root->extensions();
  if (!extensions.basic_constraints || !extensions.basic_constraints->ca) {
    return refuse(ErrorCode::not_a_ca, "the certificate is no CA's");
  }
  if (extensions.key_usage && (*extensions.key_usage & x509::kKeyCertSign) == 0) {
    return refuse(ErrorCode::key_usage_forbids, "the certificate's keyUsage does not allow certificates");
  }
  if (extensions.unknown_critical) {
    return refuse(ErrorCode::unknown_critical_extension,
                  "the certificate has a critical extension that is not understood, and would be lost");
  }
  const bool own = x509::names_match(root->subject(), root->issuer()) &&
                   x509::verify_signature(crypto, root->spki(), root->signature_algorithm(), root->tbs(),
                                          root->signature());
  if (!own) {
    return refuse(ErrorCode::invalid_signature,
                  "the certificate is not self-signed; for an intermediate sign its request: "
                  "sign-intermediate");
  }
  if (fields.not_before > root->not_after()) {
    return refuse(ErrorCode::expired, "the other root's certificate has expired");
  }
  return *root;
}

/// What the issuer, the other root and the wish allow together. Errors: path_too_long.
Answer<std::optional<std::uint32_t>> path_len(const CrossFields& fields, const x509::Certificate& issuer,
                                              const x509::Certificate& root) {
  std::optional<std::uint32_t> most = root.extensions().basic_constraints->path_len;
  if (fields.path_len && most && *fields.path_len > *most) {
    return refuse(ErrorCode::path_too_long, fmt::format("the other root's pathLen is {}", *most));
  }
  if (fields.path_len) most = fields.path_len;
  const auto& limit = issuer.extensions().basic_constraints->path_len;
  if (limit) most = std::min(most.value_or(*limit - 1), *limit - 1);
  return most;
}

std::vector<Bytes> purposes_of(const x509::Certificate& certificate) {
  std::vector<Bytes> purposes;
  for (Reader in(certificate.extensions().ext_key_usage.value_or(Bytes{})); !in.empty();) {
    const auto purpose = der::read(in, der::kOid);
    if (!purpose) break;
    purposes.push_back(purpose->content);
  }
  return purposes;
}

}  // namespace

Answer<Der> make_cross_certificate(const crypto::Crypto& crypto, const CrossFields& fields) {
  const auto root = check_root(crypto, fields);
  if (!root) return std::unexpected(root.error());
  CertifyFields certified;
  certified.common_name = "the other root";  // its subject is taken as it is
  certified.spki = root->spki().whole;
  certified.issuer = fields.issuer;
  certified.not_before = std::max(fields.not_before, root->not_before());
  certified.not_after = std::min(fields.not_after, root->not_after());
  const auto key = check_subject(crypto, certified);
  if (!key) return std::unexpected(key.error());
  const auto issuer = check_issuer(crypto, certified);
  if (!issuer) return std::unexpected(issuer.error());
  if (const auto deep = check_depth(*issuer); !deep) return std::unexpected(deep.error());
  const auto depth = path_len(fields, *issuer, *root);
  if (!depth) return std::unexpected(depth.error());
  const std::vector<Bytes> purposes = purposes_of(*root);
  x509::ExtensionSet extensions;
  extensions.basic_constraints = {true, *depth};
  extensions.key_usage = root->extensions().key_usage.value_or(x509::kKeyCertSign | x509::kCrlSign);
  extensions.ext_key_usage = purposes;
  extensions.name_constraints = root->extensions().name_constraints.value_or(Bytes{});
  extensions.subject_key_identifier = root->extensions().subject_key_identifier.value_or(Bytes{});
  return certify(crypto, certified, *issuer, *key, root->subject(), extensions);
}

}  // namespace pedigree::authority
