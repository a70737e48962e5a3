// SPDX-License-Identifier: Apache-2.0
#include "device/service/chain_check.h"

#include "core/cose/cose.h"
#include "core/x509/name.h"
#include "core/x509/path.h"

namespace pedigree::device {
namespace {

/// What is needed of a certificate; read in a function of its own, so that the parsed form is not on the
/// stack during path validation.
struct Look {
  Bytes spki;
  bool self_issued = false;
};

Status look_at(Bytes der, Look& look) noexcept {
  const auto certificate = x509::Certificate::parse(der);
  PEDIGREE_CHECK(certificate);
  look.spki = certificate->spki().whole;
  look.self_issued = x509::names_match(certificate->subject(), certificate->issuer());
  return {};
}

// Not inline, so that its stack is gone when the caller goes on.
[[gnu::noinline]] Status check_path(const crypto::Crypto& crypto, std::span<const Bytes> certificates,
                                    const PinnedRoot& root, bool key_known) noexcept {
  x509::TrustAnchor anchor;
  anchor.spki_sha256 = root.spki_sha256;
  if (key_known) anchor.root_spki = root.spki;
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.leaf_key_usage = x509::kDigitalSignature;
  const x509::Verdict verdict = x509::validate_path(crypto, certificates, options);
  if (verdict.trusted()) return {};
  return *verdict.code == ErrorCode::untrusted_root ? ErrorCode::chain_root_mismatch : *verdict.code;
}

}  // namespace

Status check_chain(const crypto::Crypto& crypto, Bytes chain, Bytes own_spki, bool pinned, PinnedRoot& root,
                   CheckedChain& checked) noexcept {
  const auto read = cose::read_chain(chain);
  PEDIGREE_CHECK(read);
  const std::span<const Bytes> certificates = read->view();
  if (certificates.empty()) return ErrorCode::empty_chain;
  Look look;
  PEDIGREE_CHECK(look_at(certificates.front(), look));
  if (!equal(look.spki, own_spki)) return ErrorCode::chain_key_mismatch;
  PEDIGREE_CHECK(look_at(certificates.back(), look));
  Sha256 last_hash;
  PEDIGREE_CHECK(crypto.digest(crypto::Hash::sha256, {&look.spki, 1}, last_hash));
  const bool ends_self_issued = look.self_issued && certificates.size() > 1;
  const bool key_known = pinned && !root.spki.empty();
  if (!key_known && !ends_self_issued) return ErrorCode::root_required;
  if (!pinned) root.spki_sha256 = last_hash;
  PEDIGREE_CHECK(check_path(crypto, certificates, root, key_known));
  if (!key_known) root.spki = look.spki;
  const bool carries_root = ends_self_issued && last_hash == root.spki_sha256;
  checked.certificates = static_cast<std::uint8_t>(certificates.size() - (carries_root ? 1 : 0));
  const Bytes kept = certificates[checked.certificates - 1U];
  checked.size = static_cast<std::size_t>(kept.data() + kept.size() - chain.data());
  return {};
}

}  // namespace pedigree::device
