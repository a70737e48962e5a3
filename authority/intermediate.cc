// SPDX-License-Identifier: Apache-2.0
#include "authority/intermediate.h"

#include <fmt/format.h>

#include <algorithm>

#include "authority/encode.h"

namespace pedigree::authority {
namespace {

/// NameConstraints content (RFC 5280 4.2.1.10): permitted dNSName subtrees.
Der permitted_names(const Profile& profile) {
  if (profile.permitted_dns.empty()) return {};
  return encode([&](der::Builder& out) {
    const std::size_t permitted = out.open(der::context_constructed(0));
    for (const std::string& subtree : profile.permitted_dns) {
      const std::size_t general = out.open(der::kSequence);
      // A leading point is not of this syntax; "below example" is written as "example".
      const std::string_view host = std::string_view(subtree).substr(subtree.starts_with('.') ? 1 : 0);
      out.element(der::context(2), as_bytes(host));
      out.close(general);
    }
    out.close(permitted);
  });
}

/// Every purpose of the profile is one that the issuer has, where the issuer is limited at all.
bool purposes_nest(const Profile& profile, const x509::Certificate& issuer) {
  const auto& above = issuer.extensions().ext_key_usage;
  if (!above) return true;
  if (profile.key_purposes.empty()) return false;
  return std::ranges::all_of(profile.key_purposes, [&](const auto& purpose) {
    Reader in(*above);
    while (!in.empty()) {
      const auto element = der::read(in, der::kOid);
      if (!element) return false;
      if (equal(element->content, purpose)) return true;
    }
    return false;
  });
}

}  // namespace

Answer<Der> make_intermediate(const crypto::Crypto& crypto, const Profile& profile, CertifyFields fields) {
  if (profile.kind != ProfileKind::intermediate) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("profile {} is not for CAs (kind = \"intermediate\")", profile.name));
  }
  const auto key = check_subject(crypto, profile, fields);
  if (!key) return std::unexpected(key.error());
  const auto issuer = check_issuer(crypto, fields);
  if (!issuer) return std::unexpected(issuer.error());
  if (const auto deep = check_depth(*issuer); !deep) return std::unexpected(deep.error());
  if (!purposes_nest(profile, *issuer)) {
    return refuse(
        ErrorCode::eku_forbids,
        fmt::format("the issuer is limited to other purposes than profile {} writes", profile.name));
  }
  const Der subject = subject_of(profile, {{}, {}, fields.common_name});
  const Der constraints = permitted_names(profile);
  const std::vector<Bytes> purposes(profile.key_purposes.begin(), profile.key_purposes.end());
  x509::ExtensionSet extensions;
  extensions.basic_constraints = {true, profile.path_len};
  extensions.key_usage = profile.key_usage;
  extensions.ext_key_usage = purposes;
  extensions.name_constraints = constraints;
  return certify(crypto, fields, *issuer, *key, subject, extensions);
}

}  // namespace pedigree::authority
