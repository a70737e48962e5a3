// SPDX-License-Identifier: Apache-2.0
// Who accepts a certificate: what libraries, clouds and standards ask of a chain, as rules on the chain
// itself.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "authority/ca_certificate.h"
#include "authority/lint_target.h"

namespace pedigree::authority {

/// `not_applicable`: the target has no rules for such a certificate, a CA's for example.
enum class LintVerdict : std::uint8_t { not_applicable, accepted, warned, refused };
/// "-", "accepted", "warned", "refused". Static storage.
[[nodiscard]] std::string_view name(LintVerdict verdict) noexcept;

struct LintFinding {
  LintVerdict verdict{};  ///< warned or refused
  std::string what;       ///< a sentence, with the clause where there is one
};
struct LintResult {
  LintTarget target{};
  LintVerdict verdict{};  ///< the worst of the findings
  std::vector<LintFinding> findings;
};

/// One result for each of kLintTargets, in their order. `chain`: leaf first, root last, at least two. Errors:
/// those of Certificate::parse, empty_chain.
[[nodiscard]] Result<std::vector<LintResult>> lint(const crypto::Crypto& crypto, std::span<const Der> chain);

/// A certificate that says what `original` says, for another key and by another issuer's key, so that a chain
/// can be tried without the keys of the real one. `issuer` null: self-signed. Errors: those of the crypto,
/// buffer_too_small.
[[nodiscard]] Result<Der> twin(const crypto::Crypto& crypto, const x509::Certificate& original,
                               const crypto::PrivateKey& key, const Signer* issuer);

}  // namespace pedigree::authority
