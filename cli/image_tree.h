// SPDX-License-Identifier: Apache-2.0
// Where an image comes from: root, OEM, signer, image, and the images that it was built from.
#pragma once

#include <boost/json/object.hpp>

#include "cli/image_view.h"

namespace pedigree::cli {

/// What is known beside the image itself.
struct TreeContext {
  const ImageView& view;
  std::optional<image::TrustOptions> trust;  ///< where roots were given; each statement is then verified
  bool image_trusted = false;
};

/// The tree for people: certificates from the root down, the image, and below it its parents, each generation
/// deeper. A parent of several is drawn with its own parents once.
[[nodiscard]] TreeNode image_tree(const TreeContext& context);
/// The same for programs.
[[nodiscard]] boost::json::object image_tree_json(const TreeContext& context);

}  // namespace pedigree::cli
