// SPDX-License-Identifier: Apache-2.0
// The verifier's answer: a verdict, and behind it every claim, the chain, and each check with its outcome.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/error.h"
#include "core/der/der.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/path.h"
#include "verifier/images.h"

namespace pedigree::verifier {

/// After EAR's tiers affirming, warning, contraindicated (draft-ietf-rats-ear).
enum class Verdict : std::uint8_t { trusted, warning, rejected };
[[nodiscard]] std::string_view name(Verdict verdict) noexcept;

/// What was looked at, in the order of an appraisal. Numbers travel in JSON as names.
enum class CheckKind : std::uint8_t {
  structure,   ///< CBOR, COSE and claims well-formed
  signature,   ///< by the attested key
  chain,       ///< from the leaf to a trusted root
  validity,    ///< in time
  revocation,  ///< CRL, OCSP, registry or bundle
  identity,    ///< the instance id belongs to the certified key
  registry,    ///< the device is known and active
  freshness,   ///< nonce, replay
  lifecycle,
  test_key,   ///< published test keys, fixed entropy
  profile,    ///< the token's profile is one that the policy takes
  reference,  ///< implementation id and software components against reference values
};
inline constexpr std::size_t kCheckKinds = 12;
[[nodiscard]] std::string_view name(CheckKind kind) noexcept;

enum class Outcome : std::uint8_t { ok, warning, failed, skipped };
[[nodiscard]] std::string_view name(Outcome outcome) noexcept;

/// One check. Sentences are made when they are asked for (sentence), not on the hot path.
struct Check {
  CheckKind kind{};
  Outcome outcome = Outcome::skipped;
  std::optional<ErrorCode> code;  ///< the rule that was broken, or why it was skipped
  /// structure: offset in the token. chain, validity, revocation, test_key: index of the certificate, leaf 0
  /// (the chain's length: the root outside it). lifecycle: the claim's value. reference: index of the
  /// component.
  std::uint32_t where = 0;
};

/// How the key that signed came to be trusted.
enum class KeySource : std::uint8_t { none, chain, raw_key };

struct Revocation {
  der::UnixTime since = 0;
  std::uint8_t reason = 0;  ///< x509::RevocationReason
};

/// Owns what its views borrow; moving it keeps them.
struct Appraisal {
  Appraisal() = default;
  Appraisal(Appraisal&&) = default;
  Appraisal& operator=(Appraisal&&) = default;
  Appraisal(const Appraisal&) = delete;
  Appraisal& operator=(const Appraisal&) = delete;

  Verdict verdict = Verdict::rejected;
  std::vector<std::uint8_t> evidence;       ///< the token and chain as given, which the views borrow from
  std::optional<psa_token::Claims> claims;  ///< empty: not well-formed, or signed data that is no token
  Bytes payload;                            ///< what was signed
  std::vector<Bytes> chain;                 ///< DER, leaf first
  std::vector<std::uint8_t> attested_key;   ///< SubjectPublicKeyInfo of the key that signed, DER
  KeySource key_source = KeySource::none;
  /// Which of the policy's roots; those known by their key alone come after the certificates.
  std::optional<std::size_t> anchor;
  /// That root's certificate, where the policy has it; shared with the verifier.
  std::shared_ptr<const std::vector<std::uint8_t>> root;
  /// Whom the key is certified for; of a token under a raw key the instance id that it claims.
  std::optional<std::array<std::uint8_t, psa_token::kInstanceIdSize>> device_id;
  std::string model;  ///< vendor and model, from the reference values
  /// Of each software component, in their order, the policy's image that it is the measure of; null: none.
  std::vector<std::shared_ptr<const KnownImage>> images;
  std::optional<Revocation> revocation;     ///< of the certificate at fault
  x509::Verdict path;                       ///< of path validation
  std::string device_state;                 ///< as the registry says; empty: not asked or unknown
  der::UnixTime device_since = 0;           ///< when that state began; 0: not known
  std::string_view revocation_source;       ///< StatusSource::name of who decided; empty: nobody
  std::array<Check, kCheckKinds> checks{};  ///< indexed by CheckKind
  der::UnixTime appraised_at = 0;

  [[nodiscard]] const Check& check(CheckKind kind) const { return checks[static_cast<std::size_t>(kind)]; }
  /// The first failed check, or else the first warning; empty where all is well.
  [[nodiscard]] const Check* reason() const noexcept;
};
/// One sentence about a check, for people, without a full stop.
[[nodiscard]] std::string sentence(const Appraisal& appraisal, const Check& check);

}  // namespace pedigree::verifier
