// SPDX-License-Identifier: Apache-2.0
// The [profile.NAME] tables of authority.toml; for read_config only.
#pragma once

#include "authority/config.h"
#include "authority/settings.h"

namespace pedigree::authority {

/// Reads every table of `table` into Config::profiles, over the defaults. Errors: bad_configuration.
[[nodiscard]] Answer<void> read_profiles(const toml::table& table, Config& config);

}  // namespace pedigree::authority
