// SPDX-License-Identifier: Apache-2.0
// An image as facts for people and programs.
#pragma once

#include "cli/image_view.h"
#include "cli/inspect.h"

namespace pedigree::cli {

/// What was read of an image: its header, and a part for each TLV with its place and what it says.
[[nodiscard]] Report image_report(const ImageView& view, der::UnixTime now);

}  // namespace pedigree::cli
