// SPDX-License-Identifier: Apache-2.0
// [log], [limits] and [metrics] of authority.toml; for read_config only.
#pragma once

#include "authority/config.h"
#include "authority/settings.h"

namespace pedigree::authority {

/// Errors of each: bad_configuration, with line and setting.
[[nodiscard]] Answer<void> read_log(const toml::table& table, Config& config);
[[nodiscard]] Answer<void> read_limits(const toml::table& table, Config& config);
[[nodiscard]] Answer<void> read_metrics(const toml::table& table, Config& config);

/// Empty, or what parse_listen reads.
[[nodiscard]] bool is_listen(std::string_view text);

}  // namespace pedigree::authority
