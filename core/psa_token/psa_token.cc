// SPDX-License-Identifier: Apache-2.0
#include "core/psa_token/psa_token.h"

namespace pedigree::psa_token {
namespace {

enum class Claim : std::uint8_t {
  profile,
  client_id,
  security_lifecycle,
  implementation_id,
  boot_seed,
  certification_reference,
  software_components,
  no_software_measurements,
  nonce,
  instance_id,
  verification_service,
  entropy,
  unknown,
  foreign,  // of another profile than the token's
};

constexpr std::int64_t kNoNumber = 0;  // reserved in the registry of CWT claims
/// Claim numbers by Claim: EAT's and PSA's (RFC 9783 4.6). PSA_IOT_PROFILE_1 counts down from -75000 in the
/// same order.
constexpr std::array<std::int64_t, 11> kNumbers = {265,  2394,      2395, 2396, 268, 2398,
                                                   2399, kNoNumber, 10,   256,  2400};
constexpr std::int64_t kPrivateNumbers = -75000;
constexpr std::int64_t kBootSeed200 = 2397;  // of PSA 2.0.0, before EAT had bootseed
constexpr std::int64_t kEntropy = -80001;

/// The claim that a number means in PSA_IOT_PROFILE_1.
Claim old_claim(std::int64_t number) noexcept {
  if (number > kPrivateNumbers || kPrivateNumbers - number >= std::ssize(kNumbers)) return Claim::unknown;
  return static_cast<Claim>(kPrivateNumbers - number);
}

/// The claim that a number means in one of the other profiles.
Claim current_claim(std::int64_t number) noexcept {
  if (number == kBootSeed200) return Claim::boot_seed;
  const auto* const found = std::ranges::find(kNumbers, number);
  if (number == kNoNumber || found == kNumbers.end()) return Claim::unknown;
  return static_cast<Claim>(found - kNumbers.begin());
}

// Attributes of a software component (RFC 9783 4.4.1).
constexpr std::int64_t kMeasurementType = 1;
constexpr std::int64_t kMeasurementValue = 2;
constexpr std::int64_t kVersion = 4;
constexpr std::int64_t kSignerId = 5;
constexpr std::int64_t kMeasurementDescription = 6;

constexpr std::uint32_t bit(Claim claim) noexcept {
  return std::uint32_t{1} << static_cast<unsigned>(claim);
}

bool has_old_rules(Profile profile) noexcept {
  return profile == Profile::psa_iot_1 || profile == Profile::legacy;
}

/// psa-hash-type (RFC 9783 4).
bool is_hash_size(std::size_t size) noexcept {
  return size == 32 || size == 48 || size == 64;
}

bool is_digits(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// EAN-13+5 (RFC 9783 4.2.3), or EAN-13 alone as PSA_IOT_PROFILE_1 has it.
bool is_certification_reference(std::string_view text, Profile profile) noexcept {
  constexpr std::size_t kEan = 13;
  if (text.size() == kEan) return has_old_rules(profile) && is_digits(text);
  return text.size() == kEan + 6 && text[kEan] == '-' && is_digits({text.data(), kEan}) &&
         is_digits({text.data() + kEan + 1, 5});
}

/// A key is an integer or text; text and integers beyond 63 bits are none that we know: kNoNumber.
Result<std::int64_t> read_key(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const cbor::Major major, cbor::peek(in));
  if (major == cbor::Major::tstr) {
    PEDIGREE_TRY(cbor::read_tstr(in));
    return kNoNumber;
  }
  const auto number = cbor::read_int(in);
  if (!number && number.error().code == ErrorCode::too_long) {
    PEDIGREE_TRY(cbor::skip(in));
    return kNoNumber;
  }
  return number;
}

/// Reads the value of a pair that is not understood.
Result<void> pass_over(Reader& in) noexcept {
  PEDIGREE_TRY(cbor::skip(in));
  return {};
}

Result<void> read_octets(Reader& in, Bytes& value, bool (*is_size)(std::size_t)) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(value, cbor::read_bstr(in));
  if (!is_size(value.size())) return fail(ErrorCode::bad_value, offset);
  return {};
}

template <typename Number>
Result<void> read_number(Reader& in, Number& value, std::int64_t least, std::int64_t most) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::int64_t number, cbor::read_int(in));
  if (number < least || number > most) return fail(ErrorCode::bad_value, offset);
  value = static_cast<Number>(number);
  return {};
}

/// The steps of Claims::parse.
struct Parser {
  Claims claims;
  std::uint32_t seen = 0;

  Claim claim_of(std::int64_t number) const noexcept {
    if (number == kEntropy) return Claim::entropy;
    const Claim old = old_claim(number);
    const Claim current = current_claim(number);
    if (claims.profile == Profile::psa_iot_1) return current == Claim::unknown ? old : Claim::foreign;
    if (old != Claim::unknown) return Claim::foreign;
    if (current == Claim::boot_seed && (number == kBootSeed200) != (claims.profile == Profile::psa_2_0_0)) {
      return Claim::foreign;
    }
    return current;
  }

  /// Finds the profile, which says what the other numbers mean (RFC 9783 4.5.2).
  Result<void> find_profile(Reader in, std::size_t count) noexcept {
    const std::uint32_t start = in.offset();
    bool has_private_numbers = false;
    for (std::size_t i = 0; i < count; ++i) {
      PEDIGREE_ASSIGN(const std::int64_t number, read_key(in));
      if (number == kNumbers[0] || number == kPrivateNumbers) return read_profile(in, number);
      has_private_numbers |= old_claim(number) != Claim::unknown;
      PEDIGREE_TRY(cbor::skip(in));
    }
    if (!has_private_numbers) return fail(ErrorCode::missing_field, start);
    claims.profile = Profile::psa_iot_1;
    claims.profile_stated = false;
    return {};
  }

  Result<void> read_profile(Reader& in, std::int64_t number) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::string_view text, cbor::read_tstr(in));
    for (const Profile profile : {Profile::tfm, Profile::psa_2_0_0, Profile::psa_iot_1, Profile::legacy}) {
      if (text == name(profile) && (profile == Profile::psa_iot_1) == (number == kPrivateNumbers)) {
        claims.profile = profile;
        return {};
      }
    }
    return fail(ErrorCode::unsupported_version, offset);
  }

  Result<void> read_pair(Reader& in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::int64_t number, read_key(in));
    const Claim claim = claim_of(number);
    if (claim == Claim::foreign) return fail(ErrorCode::bad_value, offset);
    if (claim == Claim::unknown) ++claims.unknown_claims;
    seen |= bit(claim);
    return read_claim(claim, in);
  }

  Result<void> read_claim(Claim claim, Reader& in) noexcept {
    switch (claim) {
      case Claim::nonce:
        return read_octets(in, claims.nonce, is_hash_size);
      case Claim::instance_id:
        return read_instance_id(in);
      case Claim::implementation_id:
        return read_octets(in, claims.implementation_id,
                           [](std::size_t size) { return size == kImplementationIdSize; });
      case Claim::boot_seed:
        return has_old_rules(claims.profile)
                   ? read_octets(in, claims.boot_seed, [](std::size_t size) { return size == 32; })
                   : read_octets(in, claims.boot_seed,
                                 [](std::size_t size) { return size >= 8 && size <= 32; });
      case Claim::client_id:
        return read_client_id(in);
      case Claim::security_lifecycle:
        return read_lifecycle(in);
      case Claim::certification_reference:
      case Claim::verification_service:
        return read_text(claim, in);
      case Claim::software_components:
        return read_components(in);
      case Claim::no_software_measurements:
        return read_number(in, claims.no_software_measurements, 1, 1);
      case Claim::entropy:
        return read_number(in, claims.entropy, 1, 255);
      case Claim::profile:  // was read first
      case Claim::unknown:
      case Claim::foreign:
        break;
    }
    return pass_over(in);
  }

  Result<void> read_instance_id(Reader& in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_TRY(
        read_octets(in, claims.instance_id, [](std::size_t size) { return size == kInstanceIdSize; }));
    if (claims.instance_id[0] != 0x01) return fail(ErrorCode::bad_value, offset);
    return {};
  }

  Result<void> read_client_id(Reader& in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_TRY(read_number(in, claims.client_id, INT32_MIN, INT32_MAX));
    if (claims.client_id == 0) return fail(ErrorCode::bad_value, offset);
    return {};
  }

  Result<void> read_lifecycle(Reader& in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_TRY(read_number(in, claims.security_lifecycle, 0, UINT16_MAX));
    if (!lifecycle_state(claims.security_lifecycle)) return fail(ErrorCode::bad_value, offset);
    return {};
  }

  Result<void> read_text(Claim claim, Reader& in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::string_view text, cbor::read_tstr(in));
    if (claim == Claim::verification_service) {
      if (text.empty()) return fail(ErrorCode::bad_value, offset);
      claims.verification_service = text;
      return {};
    }
    if (!is_certification_reference(text, claims.profile)) return fail(ErrorCode::bad_value, offset);
    claims.certification_reference = text;
    return {};
  }

  Result<void> read_components(Reader& in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(claims.software_component_count, cbor::read_array(in));
    if (claims.software_component_count == 0) return fail(ErrorCode::bad_value, offset);
    const Bytes items = in.rest();
    for (std::size_t i = 0; i < claims.software_component_count; ++i) PEDIGREE_TRY(read_component(in));
    claims.software_components = items.first(items.size() - in.size());
    return {};
  }

  Result<void> check_presence(std::uint32_t offset) const noexcept {
    std::uint32_t mandatory = bit(Claim::nonce) | bit(Claim::instance_id) | bit(Claim::implementation_id) |
                              bit(Claim::client_id) | bit(Claim::security_lifecycle);
    if (has_old_rules(claims.profile)) mandatory |= bit(Claim::boot_seed);
    if (!claims.no_software_measurements) mandatory |= bit(Claim::software_components);
    if ((seen & mandatory) != mandatory) return fail(ErrorCode::missing_field, offset);
    if (claims.no_software_measurements && claims.software_component_count > 0) {
      return fail(ErrorCode::bad_value, offset);
    }
    return {};
  }

  Result<void> parse(Reader in) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
    PEDIGREE_TRY(find_profile(in, count));
    for (std::size_t i = 0; i < count; ++i) PEDIGREE_TRY(read_pair(in));
    PEDIGREE_TRY(in.finish());
    return check_presence(offset);
  }
};

Result<void> read_attribute(Reader& in, SoftwareComponent& component) noexcept {
  PEDIGREE_ASSIGN(const std::int64_t number, read_key(in));
  switch (number) {
    case kMeasurementType: {
      PEDIGREE_ASSIGN(component.measurement_type, cbor::read_tstr(in));
      return {};
    }
    case kMeasurementValue:
      return read_octets(in, component.measurement_value, is_hash_size);
    case kVersion: {
      PEDIGREE_ASSIGN(component.version, cbor::read_tstr(in));
      return {};
    }
    case kSignerId:
      return read_octets(in, component.signer_id, is_hash_size);
    case kMeasurementDescription: {
      PEDIGREE_ASSIGN(component.measurement_description, cbor::read_tstr(in));
      return {};
    }
    default:
      return pass_over(in);
  }
}

void write_text(std::int64_t key, std::string_view text, cbor::Encoder& out) noexcept {
  if (text.empty()) return;
  out.integer(key);
  out.tstr(text);
}

void write_octets(std::int64_t key, Bytes octets, cbor::Encoder& out) noexcept {
  if (octets.empty()) return;
  out.integer(key);
  out.bstr(octets);
}

void write_component(const SoftwareComponent& component, cbor::Encoder& out) noexcept {
  out.map(2 + std::size_t{!component.measurement_type.empty()} + std::size_t{!component.version.empty()} +
          std::size_t{!component.measurement_description.empty()});
  write_text(kMeasurementType, component.measurement_type, out);
  write_octets(kMeasurementValue, component.measurement_value, out);
  write_text(kVersion, component.version, out);
  write_octets(kSignerId, component.signer_id, out);
  write_text(kMeasurementDescription, component.measurement_description, out);
}

constexpr std::int64_t number_of(Claim claim) noexcept {
  return kNumbers[static_cast<std::size_t>(claim)];
}

}  // namespace

Result<Claims> Claims::parse(Bytes payload) noexcept {
  Parser parser{};
  PEDIGREE_TRY(parser.parse(Reader(payload)));
  return parser.claims;
}

Result<SoftwareComponent> read_component(Reader& in) noexcept {
  Reader next = in;
  SoftwareComponent component;
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(next));
  for (std::size_t i = 0; i < count; ++i) PEDIGREE_TRY(read_attribute(next, component));
  if (component.measurement_value.empty() || component.signer_id.empty()) {
    return fail(ErrorCode::missing_field, in.offset());
  }
  in = next;
  return component;
}

void write_claims(const ClaimFields& fields, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(7 + std::size_t{!fields.boot_seed.empty()} +
              std::size_t{!fields.certification_reference.empty()} +
              std::size_t{!fields.verification_service.empty()} + std::size_t{fields.entropy != 0});
  write_octets(number_of(Claim::nonce), fields.nonce, encoder);
  write_octets(number_of(Claim::instance_id), fields.instance_id, encoder);
  write_text(number_of(Claim::profile), name(Profile::tfm), encoder);
  write_octets(number_of(Claim::boot_seed), fields.boot_seed, encoder);
  encoder.integer(number_of(Claim::client_id));
  encoder.integer(fields.client_id);
  encoder.integer(number_of(Claim::security_lifecycle));
  encoder.uint(fields.security_lifecycle);
  write_octets(number_of(Claim::implementation_id), fields.implementation_id, encoder);
  write_text(number_of(Claim::certification_reference), fields.certification_reference, encoder);
  encoder.integer(number_of(Claim::software_components));
  encoder.array(fields.software_components.size());
  for (const SoftwareComponent& component : fields.software_components) write_component(component, encoder);
  write_text(number_of(Claim::verification_service), fields.verification_service, encoder);
  if (fields.entropy != 0) {
    encoder.integer(kEntropy);
    encoder.uint(fields.entropy);
  }
}

}  // namespace pedigree::psa_token
