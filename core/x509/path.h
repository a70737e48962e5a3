// SPDX-License-Identifier: Apache-2.0
// Path validation (RFC 5280 section 6) over a chain given leaf first, without a heap.
#pragma once

#include "core/x509/certificate.h"

namespace pedigree::x509 {

/// Certificates in one chain, the root included where it is present.
inline constexpr std::size_t kMaxChainLength = 8;

/// What the relying party trusts.
/// A certificate lends its name, key and constraints (RFC 5280 6.1.1 d); its validity in time, CA flag,
/// keyUsage, EKU, path length and name constraints hold as in any other certificate (a version 1 certificate
/// says nothing of them). An SPKI hash lends a key. A chain may then end with a root certificate of that key:
/// the same rules are applied to what it says, but nobody vouches for that, so it can only restrict; only
/// where the root is the whole chain, its own signature is verified. Or, where `root_spki` is set, the last
/// certificate is verified by that key.
struct TrustAnchor {
  std::optional<Certificate> certificate;
  Sha256 spki_sha256{};  ///< used when `certificate` is empty
  /// Whole DER of the root's SPKI; its hash must be spki_sha256. For chains without root.
  std::optional<Bytes> root_spki;
};

struct PathOptions {
  std::span<const TrustAnchor> anchors;
  std::optional<der::UnixTime> time;  ///< empty: validity is not checked, and Verdict::time_checked says so
  /// OID content octets; empty: any purpose. The leaf and every CA above it that has an EKU must list it, or
  /// anyExtendedKeyUsage.
  std::optional<Bytes> key_purpose;
  std::uint16_t leaf_key_usage = 0;  ///< bits that the leaf's keyUsage, if present, must all have
  bool leaf_may_be_ca = false;       ///< to validate a chain that ends in an intermediate
};

/// Which certificate broke which rule. `index` counts from the leaf = 0. On success `code` is empty.
struct Verdict {
  std::optional<ErrorCode> code;
  std::size_t index = 0;     ///< certificate at fault; the length of the chain: an anchor outside it
  std::uint32_t offset = 0;  ///< for malformed certificates: where in it
  bool time_checked = false;
  std::optional<std::size_t> anchor;  ///< which of PathOptions::anchors the chain ends at
  [[nodiscard]] bool trusted() const noexcept { return !code.has_value(); }
};

/// Validates certificates leaf first; the last may be the root itself or be issued by an anchor. Signatures
/// are checked from the anchor down, structural rules first, so that nothing is verified for a chain that
/// cannot be trusted. Expects 1..kMaxChainLength certificates (empty_chain, path_too_long otherwise). The
/// leaf's own key is not used and not judged: it may be of an unsupported type, or a point off its curve.
/// Certificate policies are not supported: where an extension about them is critical, the chain is refused.
[[nodiscard]] Verdict validate_path(const crypto::Crypto& crypto, std::span<const Certificate> chain,
                                    const PathOptions& options) noexcept;
/// The same over DER certificates; parse failures are verdicts too.
[[nodiscard]] Verdict validate_path(const crypto::Crypto& crypto, std::span<const Bytes> chain,
                                    const PathOptions& options) noexcept;

/// One sentence for people, without a full stop: "certificate 2 of 3 (CN=Acme Devices CA) is refused: the
/// certificate has expired: it was valid until 2026-11-24T12:00:00Z", or "the chain is trusted". `chain` may
/// be empty where it is not at hand.
void print_verdict(const Verdict& verdict, std::span<const Bytes> chain, Writer& out) noexcept;

}  // namespace pedigree::x509
