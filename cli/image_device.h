// SPDX-License-Identifier: Apache-2.0
// How devices' firmware images are shown. The commands are in image_device_commands.cc, which registers them
// below `pedigree image`.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "cli/output.h"
#include "station/flow/image.h"

namespace CLI {
class App;
}

namespace pedigree::cli {

/// A line for each slot, and below it why an image was refused.
[[nodiscard]] std::string image_table(const Context& context, const std::vector<station::ImageSlot>& slots);
[[nodiscard]] boost::json::array to_json(const std::vector<station::ImageSlot>& slots);
/// What to do about a failure of the image group; empty where its own sentence says it.
[[nodiscard]] std::string image_next_step(const station::Failure& failure);

/// state, upload, test, confirm, erase, revocations.
void add_image_device_commands(CLI::App& image, Context& context);

}  // namespace pedigree::cli
