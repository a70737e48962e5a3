// SPDX-License-Identifier: Apache-2.0
// The verifier's answer: a verdict, and behind it every claim, the chain, and each check with its outcome.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/error.h"
#include "core/der/der.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/path.h"

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

/// One check. Sentences are made when they are asked for (Appraisal::sentence), not on the hot path.
struct Check {
  CheckKind kind{};
  Outcome outcome = Outcome::skipped;
  std::optional<ErrorCode> code;  ///< the rule that was broken, or why it was skipped
  std::uint32_t where = 0;        ///< offset, certificate, or component, as the kind goes
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
  std::optional<std::size_t> anchor;        ///< which of the policy's roots
  std::optional<Revocation> revocation;     ///< of the certificate at fault
  x509::Verdict path;                       ///< of path validation
  std::string device_state;                 ///< as the registry says; empty: not asked or unknown
  std::array<Check, kCheckKinds> checks{};  ///< indexed by CheckKind
  der::UnixTime appraised_at = 0;

  [[nodiscard]] const Check& check(CheckKind kind) const { return checks[static_cast<std::size_t>(kind)]; }
  /// The first failed check, or else the first warning; empty where all is well.
  [[nodiscard]] const Check* reason() const noexcept;
};
/// One sentence about a check, for people, without a full stop.
[[nodiscard]] std::string sentence(const Appraisal& appraisal, const Check& check);

}  // namespace pedigree::verifier
