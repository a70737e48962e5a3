// SPDX-License-Identifier: Apache-2.0
// PSA attestation token (RFC 9783): its claims as a CBOR map, read and written without a heap. The token is a
// COSE_Sign1 (core/cose) whose payload this is. Reads the profile of RFC 9783, the drafts' PSA 2.0.0 and the
// older PSA_IOT_PROFILE_1 with its private claim numbers.
#pragma once

#include <optional>

#include "core/cbor/cbor.h"

namespace pedigree::psa_token {

/// Which set of rules and claim numbers a token follows. Numbers travel: extend, never renumber.
enum class Profile : std::uint8_t {
  tfm = 1,        ///< "tag:psacertified.org,2023:psa#tfm" (RFC 9783 5.2)
  psa_2_0_0 = 2,  ///< "http://arm.com/psa/2.0.0", the drafts before it
  psa_iot_1 = 3,  ///< "PSA_IOT_PROFILE_1", or no profile claim and private claim numbers
  legacy = 4,     ///< "tag:psacertified.org,2019:psa#legacy": claims of RFC 9783, rules of PSA_IOT_PROFILE_1
};
/// As tokens state it; "unknown" for another number. Static storage.
[[nodiscard]] std::string_view name(Profile profile) noexcept;

/// Octets of an implementation id and an instance id (RFC 9783 4.2.2, 4.2.1).
inline constexpr std::size_t kImplementationIdSize = 32;
inline constexpr std::size_t kInstanceIdSize = 33;

/// Security lifecycle (RFC 9783 4.3.1): the high octet is the state, the low one the implementation's.
enum class Lifecycle : std::uint8_t {
  unknown = 0x00,
  assembly_and_test = 0x10,
  psa_rot_provisioning = 0x20,
  secured = 0x30,
  non_psa_rot_debug = 0x40,
  recoverable_psa_rot_debug = 0x50,
  decommissioned = 0x60,
};
/// State of a lifecycle claim; empty: a number that RFC 9783 does not define.
[[nodiscard]] std::optional<Lifecycle> lifecycle_state(std::uint16_t claim) noexcept;
/// A few words for people. Static storage.
[[nodiscard]] std::string_view name(Lifecycle state) noexcept;

/// A measured software component (RFC 9783 4.4.1). Absent text or octets are empty.
struct SoftwareComponent {
  std::string_view measurement_type{};         ///< 1
  Bytes measurement_value{};                   ///< 2: 32, 48 or 64 octets
  std::string_view version{};                  ///< 4
  Bytes signer_id{};                           ///< 5: 32, 48 or 64 octets
  std::string_view measurement_description{};  ///< 6: name of the hash algorithm
};

/// The claims of a token. Views borrow from the payload. Absent text and octets are empty.
struct Claims {
  Profile profile = Profile::tfm;
  bool profile_stated = true;                  ///< false: PSA_IOT_PROFILE_1 by default
  Bytes nonce{};                               ///< 32, 48 or 64 octets (RFC 9783 4.1.1)
  Bytes instance_id{};                         ///< 33 octets, the first 0x01
  Bytes implementation_id{};                   ///< 32 octets
  std::int32_t client_id = 0;                  ///< negative: non-secure
  std::uint16_t security_lifecycle = 0;        ///< see lifecycle_state
  Bytes boot_seed{};                           ///< 8 to 32 octets (32 in PSA_IOT_PROFILE_1)
  std::string_view certification_reference{};  ///< hardware version in PSA_IOT_PROFILE_1
  std::string_view verification_service{};     ///< verification service indicator
  Bytes software_components{};                 ///< items of the array, without its head; see read_component
  std::size_t software_component_count = 0;
  bool no_software_measurements = false;  ///< PSA_IOT_PROFILE_1 only, and then instead of components
  /// Pedigree's private claim -80001 (docs/formats.md): where the device's keys get their entropy from, as
  /// enrol's number; 0: not stated.
  std::uint8_t entropy = 0;
  std::size_t unknown_claims = 0;  ///< claims that were passed over, as RFC 9783 5.1 wants

  /// Reads a claims map that fills `payload`: well-formed in shortest form, no key twice, mandatory claims
  /// present, lengths and forms as the stated profile requires, no claim number of another profile. A map
  /// without a profile is of PSA_IOT_PROFILE_1 if it has one of that profile's numbers. Errors, with the
  /// offset: those of cbor, missing_field, bad_value, duplicate, unsupported_version (an unknown profile),
  /// too_many (pairs), trailing_data.
  [[nodiscard]] static Result<Claims> parse(Bytes payload) noexcept;
};

/// Reads the next component; `in` starts as Reader(claims.software_components), which parse has checked, so
/// that a second reading cannot fail before software_component_count. Unknown attributes are passed over.
/// Errors: those of cbor::read_unique_map, bad_value (a size), missing_field; `in` is then unchanged.
[[nodiscard]] Result<SoftwareComponent> read_component(Reader& in) noexcept;

/// What a device says of itself: as Claims, with the components as a list.
struct ClaimFields {
  Bytes nonce{};
  Bytes instance_id{};
  Bytes implementation_id{};
  std::int32_t client_id = 0;
  std::uint16_t security_lifecycle = 0;
  Bytes boot_seed{};                           ///< empty: not written
  std::string_view certification_reference{};  ///< empty: not written
  std::string_view verification_service{};     ///< empty: not written
  std::span<const SoftwareComponent> software_components{};
  std::uint8_t entropy = 0;  ///< 0: not written
};
/// Writes the claims map of profile tfm, keys in the order of their encodings (RFC 8949 4.2.1). The caller
/// gives values of the sizes that Claims states; they are not checked.
void write_claims(const ClaimFields& fields, Writer& out) noexcept;

}  // namespace pedigree::psa_token
