// SPDX-License-Identifier: Apache-2.0
// Firmware images beside a token: read and verified by the policy's roots, and shown.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cli/files.h"
#include "verifier/appraisal.h"
#include "verifier/policy.h"

namespace pedigree::cli {

/// Adds the images of files and folders to the policy; of a folder, those files that are images. One that its
/// roots do not vouch for, or whose signer the list of `revocations` (a file; empty: none) names, is a
/// problem where it was named, and passed over with a warning where its folder was.
[[nodiscard]] std::expected<void, Problem> add_images(const crypto::Crypto& crypto,
                                                      const std::vector<std::string>& paths,
                                                      const std::string& revocations, der::UnixTime now,
                                                      verifier::Policy& policy,
                                                      std::vector<std::string>& warnings);

/// A line for each component whose image is known, and one for each signed one whose image is not.
[[nodiscard]] std::vector<std::string> image_lines(const verifier::Appraisal& appraisal);

}  // namespace pedigree::cli
