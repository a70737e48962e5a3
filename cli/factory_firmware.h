// SPDX-License-Identifier: Apache-2.0
// The firmware that a new simulated device is made with.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "cli/output.h"
#include "device/ports/sim/firmware.h"

namespace pedigree::cli {

/// Reads secure.img and nonsecure.img of a folder, and the certificate of the root that verifies them.
/// Without `root_file` a device cannot be updated: nothing.
[[nodiscard]] std::expected<std::optional<sim::FactoryFirmware>, Problem> read_factory_firmware(
    const std::string& folder, const std::string& root_file);

}  // namespace pedigree::cli
