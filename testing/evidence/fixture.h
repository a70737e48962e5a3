// SPDX-License-Identifier: Apache-2.0
// An authority whose profile tls-client demands evidence.
#pragma once

#include <gtest/gtest.h>

#include "testing/evidence/sim_unit.h"

namespace pedigree::testing {

class Evidence : public ::testing::Test {
 protected:
  Evidence() {
    authority_.stop();
    std::string config = read_text(authority_.layout().config());
    const std::string_view none = "evidence = \"none\"";
    config.replace(config.find(none, config.find("[profile.tls-client]")), none.size(),
                   "evidence = \"required\"");
    write_file(authority_.layout().config(), std::string_view(config));
    authority_.restart();
    station_ = authority_.client("station");
  }
  Answer provision_iak(SimUnit& unit) {
    return provision(authority_, *station_, unit, "iak", enrol::Purpose::iak);
  }

  ServedAuthority authority_;
  std::unique_ptr<Client> station_;
};

}  // namespace pedigree::testing
