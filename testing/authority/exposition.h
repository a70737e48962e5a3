// SPDX-License-Identifier: Apache-2.0
// A strict reader of Prometheus's text exposition format 0.0.4, which shares nothing with what writes it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pedigree::testing {

/// Value by name and labels, as they stand there: `up{job="a"}`.
using Metrics = std::map<std::string, double>;

/// Throws std::runtime_error with the line that is wrong: a sample without HELP and TYPE before it, of
/// another family, said twice, with a bad name, label or value; families in pieces; a counter that is not
/// called _total or is negative; a histogram whose buckets do not grow up to its count.
[[nodiscard]] Metrics parse_exposition(std::string_view text);

}  // namespace pedigree::testing
