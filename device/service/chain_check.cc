// SPDX-License-Identifier: Apache-2.0
#include "device/service/chain_check.h"

#include "core/cose/cose.h"
#include "core/x509/name.h"
#include "core/x509/path.h"

namespace pedigree::device {
namespace {

/// What is needed of the last certificate; a function of its own, so that the parsed form is not on the stack
/// during path validation.
struct LastCertificate {
  Bytes spki;
  bool self_issued = false;
};

Result<LastCertificate> look_at_last(Bytes der) noexcept {
  PEDIGREE_ASSIGN(const x509::Certificate certificate, x509::Certificate::parse(der));
  return LastCertificate{certificate.spki().whole,
                         x509::names_match(certificate.subject(), certificate.issuer())};
}

Result<void> check_leaf_key(Bytes der, Bytes own_spki) noexcept {
  PEDIGREE_ASSIGN(const x509::Certificate leaf, x509::Certificate::parse(der));
  if (!equal(leaf.spki().whole, own_spki)) return fail(ErrorCode::chain_key_mismatch);
  return {};
}

Result<void> check_path(const crypto::Crypto& crypto, std::span<const Bytes> certificates,
                        const PinnedRoot& root, bool pinned) noexcept {
  x509::TrustAnchor anchor;
  anchor.spki_sha256 = root.spki_sha256;
  if (pinned) anchor.root_spki = root.spki;
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.leaf_key_usage = x509::kDigitalSignature;
  const x509::Verdict verdict = x509::validate_path(crypto, certificates, options);
  if (verdict.trusted()) return {};
  if (*verdict.code == ErrorCode::untrusted_root) return fail(ErrorCode::chain_root_mismatch);
  return fail(*verdict.code, verdict.offset);
}

}  // namespace

Result<CheckedChain> check_chain(const crypto::Crypto& crypto, Bytes chain, Bytes own_spki,
                                 const std::optional<PinnedRoot>& pinned) noexcept {
  PEDIGREE_ASSIGN(const cose::X5Chain certificates, cose::read_chain(chain));
  if (certificates.count == 0) return fail(ErrorCode::empty_chain);
  PEDIGREE_TRY(check_leaf_key(certificates.view().front(), own_spki));
  const Bytes last_der = certificates.view().back();
  PEDIGREE_ASSIGN(const LastCertificate last, look_at_last(last_der));
  PEDIGREE_ASSIGN(const Sha256 last_hash, crypto.sha256(last.spki));
  const bool ends_self_issued = last.self_issued && certificates.count > 1;
  if (!pinned && !ends_self_issued) return fail(ErrorCode::root_required);
  const PinnedRoot root = pinned ? *pinned : PinnedRoot{last_hash, last.spki};
  PEDIGREE_TRY(check_path(crypto, certificates.view(), root, pinned.has_value()));

  CheckedChain checked;
  const bool carries_root = ends_self_issued && last_hash == root.spki_sha256;
  checked.certificates = static_cast<std::uint8_t>(certificates.count - (carries_root ? 1 : 0));
  const Bytes kept = certificates.view()[checked.certificates - 1U];
  checked.size = static_cast<std::size_t>(kept.data() + kept.size() - chain.data());
  checked.root = root;
  return checked;
}

}  // namespace pedigree::device
