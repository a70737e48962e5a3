// SPDX-License-Identifier: Apache-2.0
// pedigree device --qemu: the reference firmware in an emulator, on pseudo-terminals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "core/enrol/messages.h"

namespace pedigree::cli {

/// What the command line says.
struct EmulatedArguments {
  std::string state;
  std::uint32_t count = 1;
  std::string firmware;       ///< folder of the images; empty: the usual ones
  std::string firmware_root;  ///< file of the root that they are signed below; empty: a development root
  std::string ready_file;
  std::optional<enrol::Lifecycle> lifecycle;  ///< that the devices are moved on to
};

/// Runs the devices until a signal; a failure is printed and left in `context`.
void run_emulated_devices(Context& context, const EmulatedArguments& arguments);

}  // namespace pedigree::cli
