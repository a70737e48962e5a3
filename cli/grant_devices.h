// SPDX-License-Identifier: Apache-2.0
// What commands that carry grants have in common: they do one thing to each of several devices.
#pragma once

#include <boost/json.hpp>
#include <functional>

#include "cli/authority_options.h"
#include "cli/device_lines.h"
#include "station/flow/device.h"

namespace pedigree::cli {

/// Whose certificate the authority wants to see.
inline constexpr const char* kGrantRole = "operator";

/// Prepares the lines, and opens the authority that is to grant. Throws Stop.
[[nodiscard]] std::unique_ptr<station::AuthorityClient> prepare_for_grants(Lines& lines, Context& context,
                                                                           LineArguments& line_arguments,
                                                                           AuthorityArguments& authority);
/// Opens the link of each device and does it; a failure is printed and kept in `list`, and does not keep the
/// other devices from theirs.
void each_device(Context& context, const Lines& lines, boost::json::array& list,
                 const std::function<station::Outcome<boost::json::object>(station::Device&)>& action);
/// Prints `list` as JSON where that is wanted, and ends the capture.
void finish_devices(const Context& context, const Lines& lines, boost::json::array list);

}  // namespace pedigree::cli
