// SPDX-License-Identifier: Apache-2.0
// Simulated devices against an authority that demands evidence.
#pragma once

#include "testing/authority/evidence_fixture.h"
#include "testing/evidence/sim_unit.h"

namespace pedigree::testing {

class Evidence : public DemandedEvidence {
 protected:
  Answer provision_iak(SimUnit& unit) {
    return provision(authority_, *station_, unit, "iak", enrol::Purpose::iak);
  }
};

}  // namespace pedigree::testing
