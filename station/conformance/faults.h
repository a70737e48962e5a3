// SPDX-License-Identifier: Apache-2.0
// Chains that are wrong in exactly one way, and what a device must say of each.
#pragma once

#include <functional>
#include <vector>

#include "station/conformance/test_authority.h"

namespace pedigree::station::conformance {

/// Each step may spoil something; an empty one leaves it. Where a device has reasons to choose between, or
/// leaves a rule out as it may, `errors` has more than one.
struct Fault {
  std::string name;
  std::string what;
  std::vector<ErrorCode> errors;
  std::function<void(ChainPlan&)> plan;             ///< before certificates are made
  std::function<void(Certificates&)> certificates;  ///< afterwards
  std::function<void(Octets&)> wire;                ///< of the chain as it is sent
};

/// All of them; to be applied to a chain of a leaf and one CA.
[[nodiscard]] std::vector<Fault> chain_faults();

}  // namespace pedigree::station::conformance
