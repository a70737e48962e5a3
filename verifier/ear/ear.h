// SPDX-License-Identifier: Apache-2.0
// Attestation results for others: an appraisal as EAR (draft-ietf-rats-ear) with the trustworthiness vector
// of AR4SI (draft-ietf-rats-ar4si), signed by the verifier as JWT or CWT. docs/formats.md has the mapping.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto/crypto.h"
#include "verifier/appraisal.h"

namespace pedigree::verifier {

/// Claims of the trustworthiness vector; numbers are AR4SI's keys.
enum class TrustClaim : std::uint8_t {
  instance_identity = 0,
  configuration = 1,
  executables = 2,
  hardware = 4,
};
inline constexpr std::size_t kTrustClaims = 8;

/// AR4SI values by TrustClaim; empty: no claim is made. 2 to 31 affirm, 32 to 95 warn, from 96
/// contraindicate.
using TrustVector = std::array<std::optional<std::int8_t>, kTrustClaims>;
[[nodiscard]] TrustVector trust_vector(const Appraisal& appraisal) noexcept;
/// affirming 2, warning 32, contraindicated 96.
[[nodiscard]] std::uint8_t trust_tier(Verdict verdict) noexcept;

/// What an EAR says beside the appraisal.
struct EarOptions {
  der::UnixTime issued_at = 0;
  std::optional<der::UnixTime> lifetime{};  ///< seconds until exp; empty: no exp
  std::string developer = "Pedigree";       ///< ear_verifier_id
  std::string policy;                       ///< identifier of the policy; empty: none
  /// Of whoever asked this verifier, 8 to 64 octets, for the freshness of the result; empty: none. The
  /// token's own nonce stands in the appraisal.
  Bytes nonce{};
  bool raw_evidence = false;  ///< the token and chain too; they identify the device
};

/// Signs as a JWT (RFC 7519) with ES256, compact: header.payload.signature; kid is the hex of the SHA-256 of
/// the key's SubjectPublicKeyInfo. Errors: wrong_key_type (not P-256), bad_value (the nonce's length), those
/// of sign.
[[nodiscard]] Result<std::string> write_ear_jwt(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                                const Appraisal& appraisal, const EarOptions& options);
/// Signs as a CWT (RFC 8392): tagged COSE_Sign1 with ES256; kid (label 4) is that SHA-256. Errors: as above.
[[nodiscard]] Result<std::vector<std::uint8_t>> write_ear_cwt(const crypto::Crypto& crypto,
                                                              const crypto::PrivateKey& key,
                                                              const Appraisal& appraisal,
                                                              const EarOptions& options);

}  // namespace pedigree::verifier
