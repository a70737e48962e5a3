// SPDX-License-Identifier: Apache-2.0
// Words for people, as in the glossary.
#include "core/enrol/messages.h"

namespace pedigree::enrol {

std::string_view name(Purpose purpose) noexcept {
  switch (purpose) {
    case Purpose::iak:
      return "iak";
    case Purpose::idevid:
      return "idevid";
    case Purpose::tls:
      return "tls";
    case Purpose::data:
      return "data";
  }
  return "unknown";
}

std::string_view name(SlotState state) noexcept {
  switch (state) {
    case SlotState::empty:
      return "empty";
    case SlotState::pending:
      return "pending";
    case SlotState::active:
      return "active";
    case SlotState::replacing:
      return "replacing";
  }
  return "unknown";
}

std::string_view name(Origin origin) noexcept {
  switch (origin) {
    case Origin::generate:
      return "generated";
    case Origin::derive:
      return "derived";
    case Origin::builtin:
      return "builtin";
    case Origin::import:
      return "imported";
  }
  return "unknown";
}

std::string_view name(Lifecycle lifecycle) noexcept {
  switch (lifecycle) {
    case Lifecycle::unknown:
      return "unknown";
    case Lifecycle::assembly_and_test:
      return "assembly and test";
    case Lifecycle::rot_provisioning:
      return "PSA RoT provisioning";
    case Lifecycle::secured:
      return "secured";
    case Lifecycle::debug:
      return "debug";
    case Lifecycle::decommissioned:
      return "decommissioned";
  }
  return "unknown";
}

std::string_view name(Entropy entropy) noexcept {
  switch (entropy) {
    case Entropy::unknown:
      return "unknown";
    case Entropy::platform:
      return "platform";
    case Entropy::seed:
      return "seed";
    case Entropy::fixed:
      return "fixed seed";
  }
  return "unknown";
}

}  // namespace pedigree::enrol
