// SPDX-License-Identifier: Apache-2.0
// Devices that are wrong in a known way, and the check that must find it.
#pragma once

#include <string>
#include <vector>

#include "testing/conformance/faulty_device.h"

namespace pedigree::testing {

struct KnownFault {
  std::string name;
  std::string found_by;  ///< "area.check"
  Fault (*make)();       ///< a new one: faults may remember what went past
};

[[nodiscard]] std::vector<KnownFault> known_faults();
/// None.
[[nodiscard]] Fault no_fault();

}  // namespace pedigree::testing
