// SPDX-License-Identifier: Apache-2.0
// Claims that parse hold views of their own input and read their components to the end; written and parsed
// again they are the same claims. Those that do not parse name an offset inside the input.
#include <cstdlib>
#include <vector>

#include "core/psa_token/psa_token.h"

namespace {

using namespace pedigree;
using namespace pedigree::psa_token;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<SoftwareComponent> components_of(const Claims& claims) {
  std::vector<SoftwareComponent> components;
  Reader in(claims.software_components);
  while (!in.empty()) {
    const auto component = read_component(in);
    require(component.has_value());
    components.push_back(*component);
  }
  require(components.size() == claims.software_component_count);
  return components;
}

void require_same(const SoftwareComponent& a, const SoftwareComponent& b) {
  require(a.measurement_type == b.measurement_type && a.version == b.version &&
          a.measurement_description == b.measurement_description);
  require(equal(a.measurement_value, b.measurement_value) && equal(a.signer_id, b.signer_id));
}

void require_same(const Claims& a, const Claims& b) {
  require(equal(a.nonce, b.nonce) && equal(a.instance_id, b.instance_id) &&
          equal(a.implementation_id, b.implementation_id) && equal(a.boot_seed, b.boot_seed));
  require(a.client_id == b.client_id && a.security_lifecycle == b.security_lifecycle &&
          a.entropy == b.entropy);
  require(a.certification_reference == b.certification_reference &&
          a.verification_service == b.verification_service);
  const auto left = components_of(a);
  const auto right = components_of(b);
  require(left.size() == right.size());
  for (std::size_t i = 0; i < left.size(); ++i) require_same(left[i], right[i]);
}

std::vector<std::uint8_t> written(const ClaimFields& fields) {
  Writer sizer;
  write_claims(fields, sizer);
  std::vector<std::uint8_t> octets(sizer.size());
  Writer out(octets);
  write_claims(fields, out);
  require(out.size() == octets.size());
  return octets;
}

/// What the tfm profile has no form for is left out of what is written: an EAN-13 without its version, and a
/// list without components.
void check_round_trip(Claims claims) {
  constexpr std::size_t kEan = 13;
  if (claims.no_software_measurements) return;
  if (claims.certification_reference.size() == kEan) claims.certification_reference = {};
  const auto components = components_of(claims);
  const auto octets = written({.nonce = claims.nonce,
                               .instance_id = claims.instance_id,
                               .implementation_id = claims.implementation_id,
                               .client_id = claims.client_id,
                               .security_lifecycle = claims.security_lifecycle,
                               .boot_seed = claims.boot_seed,
                               .certification_reference = claims.certification_reference,
                               .verification_service = claims.verification_service,
                               .software_components = components,
                               .entropy = claims.entropy});
  const auto again = Claims::parse(octets);
  require(again.has_value());
  require(again->profile == Profile::tfm && again->profile_stated && again->unknown_claims == 0);
  require_same(claims, *again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto claims = Claims::parse(Bytes(data, size));
  if (!claims) {
    require(claims.error().offset <= size);
    return 0;
  }
  const auto inside = [&](Bytes part) {
    return part.empty() || (part.data() >= data && part.data() + part.size() <= data + size);
  };
  require(inside(claims->nonce) && inside(claims->instance_id) && inside(claims->implementation_id));
  require(inside(claims->boot_seed) && inside(claims->software_components));
  require(inside(as_bytes(claims->certification_reference)) &&
          inside(as_bytes(claims->verification_service)));
  require((claims->software_component_count == 0) == claims->no_software_measurements);
  require(lifecycle_state(claims->security_lifecycle).has_value() && claims->client_id != 0);
  check_round_trip(*claims);
  return 0;
}
