// SPDX-License-Identifier: Apache-2.0
// Profiles as tokens state them, and words for people.
#include "core/psa_token/psa_token.h"

namespace pedigree::psa_token {

std::string_view name(Profile profile) noexcept {
  switch (profile) {
    case Profile::tfm:
      return "tag:psacertified.org,2023:psa#tfm";
    case Profile::psa_2_0_0:
      return "http://arm.com/psa/2.0.0";
    case Profile::psa_iot_1:
      return "PSA_IOT_PROFILE_1";
    case Profile::legacy:
      return "tag:psacertified.org,2019:psa#legacy";
  }
  return "unknown";
}

std::optional<Lifecycle> lifecycle_state(std::uint16_t claim) noexcept {
  const auto state = static_cast<std::uint8_t>(claim >> 8U);
  if ((state & 0x0fU) != 0 || state > static_cast<std::uint8_t>(Lifecycle::decommissioned)) return {};
  return static_cast<Lifecycle>(state);
}

std::string_view name(Lifecycle state) noexcept {
  switch (state) {
    case Lifecycle::unknown:
      return "unknown";
    case Lifecycle::assembly_and_test:
      return "assembly and test";
    case Lifecycle::psa_rot_provisioning:
      return "PSA RoT provisioning";
    case Lifecycle::secured:
      return "secured";
    case Lifecycle::non_psa_rot_debug:
      return "non-PSA-RoT debug";
    case Lifecycle::recoverable_psa_rot_debug:
      return "recoverable PSA RoT debug";
    case Lifecycle::decommissioned:
      return "decommissioned";
  }
  return "unknown";
}

}  // namespace pedigree::psa_token
