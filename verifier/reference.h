// SPDX-License-Identifier: Apache-2.0
// Reference values: which software a device of an implementation id may run. From JSON or CoRIM.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bytes/error.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/path.h"

namespace pedigree::verifier {

/// One acceptable state of one software component.
struct ReferenceComponent {
  std::string measurement_type;                 ///< "SPE", "NSPE", "BL"...; empty: any
  std::vector<std::uint8_t> measurement_value;  ///< empty: any (then min_version or signer_id says something)
  std::string version;                          ///< exact; empty: any
  std::string min_version;                      ///< dotted numbers; an older one is a warning
  std::vector<std::uint8_t> signer_id;          ///< empty: any
};

/// What is known of one implementation id.
struct ReferenceImplementation {
  std::array<std::uint8_t, psa_token::kImplementationIdSize> implementation_id{};
  std::string vendor, model;
  std::vector<ReferenceComponent> components;
};

struct ReferenceMatch {
  enum class Result : std::uint8_t { unknown_implementation, match, outdated, mismatch };
  Result result = Result::unknown_implementation;
  std::size_t component = 0;  ///< of the token: the first that does not match
  const ReferenceImplementation* implementation = nullptr;
};

/// A set of reference values; lookup is by implementation id and does not grow with their number.
class ReferenceValues {
 public:
  /// Adds; the components of an implementation id that is there already are joined.
  void add(ReferenceImplementation implementation);
  [[nodiscard]] bool empty() const noexcept { return by_id_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }
  [[nodiscard]] const ReferenceImplementation* find(Bytes implementation_id) const noexcept;
  /// Every component of the token must be one of the acceptable states of its measurement type, and there
  /// must be one at least. An implementation without components vouches for its id alone.
  [[nodiscard]] ReferenceMatch match(const psa_token::Claims& claims) const;

 private:
  std::map<std::array<std::uint8_t, psa_token::kImplementationIdSize>, ReferenceImplementation> by_id_;
};

/// Whether a version is numbers with dots between them, such as "2.1.0"; "+" may stand for a dot ("2.1.0+3").
[[nodiscard]] bool is_dotted(std::string_view version);
/// Whether `version` is older than `than`, which is_dotted: number by number, absent ones are 0. A version of
/// another form is older than any.
[[nodiscard]] bool is_older(std::string_view version, std::string_view than);

/// Reference values that cannot be read: one sentence, and for CBOR the offset.
struct ReferenceError {
  ErrorCode code = ErrorCode::bad_value;
  std::uint32_t offset = 0;
  std::string what;
};
/// JSON (docs/formats.md). Adds to `values`; on error nothing is added.
[[nodiscard]] std::expected<void, ReferenceError> read_reference_json(std::string_view json,
                                                                      ReferenceValues& values);
/// Unsigned CoRIM (draft-ietf-rats-corim, tag 501) with the PSA profile of draft-fdb-rats-psa-endorsements,
/// in its form of 2025 (tag:arm.com,2025:psa#1.0.0) and its older one (http://arm.com/psa/iot/1): the
/// reference values of its CoMIDs. Whoever reads one trusts where it came from. `now`: checks the manifest's
/// validity; empty: does not. Adds to `values`; on error nothing is added. Errors: those of cbor,
/// unsupported_version (another profile), missing_field (no reference value for a PSA implementation),
/// unknown_field (a condition that cannot be checked), not_yet_valid, expired, too_many.
[[nodiscard]] std::expected<void, ReferenceError> read_corim(Bytes cbor, ReferenceValues& values,
                                                             std::optional<der::UnixTime> now = {});

/// Who may sign reference values.
struct CorimTrust {
  /// SubjectPublicKeyInfo, DER. Such a key signs by itself.
  std::vector<std::vector<std::uint8_t>> keys;
  /// Where the signer's x5chain must end. Its leaf must have the EKU codeSigning, so that a device, whose
  /// chain ends at the same root, cannot sign its own reference values.
  std::vector<x509::TrustAnchor> anchors;
};
/// Signed CoRIM: COSE_Sign1 (tag 18) of content type application/rim+cbor over an unsigned one. Errors: those
/// of cose, of path validation and of read_corim, unknown_key, eku_forbids, invalid_signature, expired,
/// not_yet_valid.
[[nodiscard]] std::expected<void, ReferenceError> read_signed_corim(const crypto::Crypto& crypto, Bytes cbor,
                                                                    const CorimTrust& trust,
                                                                    der::UnixTime now,
                                                                    ReferenceValues& values);

}  // namespace pedigree::verifier
