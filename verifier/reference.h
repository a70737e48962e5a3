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
  /// Every component of the token must be one of the acceptable states of its measurement type.
  [[nodiscard]] ReferenceMatch match(const psa_token::Claims& claims) const;

 private:
  std::map<std::array<std::uint8_t, psa_token::kImplementationIdSize>, ReferenceImplementation> by_id_;
};

/// Reference values that cannot be read: one sentence, and for CBOR the offset.
struct ReferenceError {
  ErrorCode code = ErrorCode::bad_value;
  std::uint32_t offset = 0;
  std::string what;
};
/// JSON (docs/formats.md). Adds to `values`; on error nothing is added.
[[nodiscard]] std::expected<void, ReferenceError> read_reference_json(std::string_view json,
                                                                      ReferenceValues& values);
/// CoRIM (draft-ietf-rats-corim, with the PSA profile of draft-fdb-rats-psa-endorsements): reference-value
/// triples of unsigned CoRIM or of a COSE_Sign1-signed one whose signature was verified before. Adds to
/// `values`; on error nothing is added.
[[nodiscard]] std::expected<void, ReferenceError> read_corim(Bytes cbor, ReferenceValues& values);

}  // namespace pedigree::verifier
