// SPDX-License-Identifier: Apache-2.0
#include "authority/profile.h"

#include <fmt/format.h>

#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

constexpr std::uint32_t kMaxDays = 36500;

template <std::size_t N>
std::vector<std::uint8_t> octets(const x509::oid::Oid<N>& oid) {
  return {oid.begin(), oid.end()};
}

}  // namespace

Profile blank_profile(std::string name) {
  using enum crypto::KeyType;
  Profile profile;
  profile.name = std::move(name);
  profile.keys = {p256, p384, ed25519};
  profile.days = 365;
  return profile;
}

std::vector<Profile> default_profiles() {
  Profile iak = blank_profile("iak");
  iak.days.reset();
  iak.attestation = true;
  // So that no other key of the device, which may sign what the non-secure world chose, passes for this one.
  iak.key_purposes = {octets(x509::oid::kAttestationKey)};
  Profile idevid = blank_profile("idevid");
  idevid.days.reset();
  idevid.hardware_module_name = true;
  Profile tls_client = blank_profile("tls-client");
  tls_client.key_purposes = {octets(x509::oid::kClientAuth)};
  tls_client.device_uri = true;
  Profile data = blank_profile("data");
  data.key_purposes = {octets(x509::oid::kDocumentSigning)};
  return {std::move(iak), std::move(idevid), std::move(tls_client), std::move(data)};
}

Answer<void> check_profile(const Profile& profile) {
  const auto wrong = [&](std::string_view what) {
    return refuse(ErrorCode::bad_configuration, fmt::format("profile {}: {}", profile.name, what));
  };
  if (profile.keys.empty()) return wrong("keys must name at least one type of key");
  if (profile.key_usage == 0) return wrong("key_usage must name at least one use");
  if ((profile.key_usage & (x509::kKeyCertSign | x509::kCrlSign)) != 0) {
    return wrong("key_usage may not contain keyCertSign or cRLSign: a device is no authority");
  }
  if (profile.days && (*profile.days == 0 || *profile.days > kMaxDays)) {
    return wrong("validity must be \"forever\" or 1 to 36500 days");
  }
  if (profile.attestation && profile.evidence_required) {
    return wrong("an attestation key cannot bring evidence: its own token request is that");
  }
  if (profile.evidence_lifecycles.empty()) return wrong("evidence_lifecycles must name at least one state");
  return {};
}

}  // namespace pedigree::authority
