// SPDX-License-Identifier: Apache-2.0
// pedigree image: firmware images.
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/image_device.h"

namespace pedigree::cli {

void add_image_command(CLI::App& app, Context& context) {
  CLI::App* image = app.add_subcommand("image", "Firmware images: on devices");
  image->require_subcommand(1);
  add_image_device_commands(*image, context);
}

}  // namespace pedigree::cli
