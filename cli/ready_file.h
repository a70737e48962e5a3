// SPDX-License-Identifier: Apache-2.0
// Tells whoever started a program that it is ready, and where.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace pedigree::cli {

/// Writes the value under another name first, so that whoever waits for the file finds it whole. False where
/// it cannot be written.
[[nodiscard]] bool write_ready_file(const std::string& file, const boost::json::value& value);

}  // namespace pedigree::cli
