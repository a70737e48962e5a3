// SPDX-License-Identifier: Apache-2.0
// What a conformance run looks like: what it will do, a table of checks, the errors, and the same as JSON.
#pragma once

#include <boost/json/fwd.hpp>

#include "cli/output.h"
#include "station/conformance/suite.h"

namespace pedigree::cli {

/// What the run will do to the device, one sentence a line.
[[nodiscard]] std::vector<std::string> plan_of(const station::conformance::Checks& checks,
                                               const station::conformance::Bench& bench);

/// All checks and errors, for --list.
void print_catalogue(const Context& context, const station::conformance::Checks& checks);

/// The table, a row for each check as it ends: a run on a slow device takes minutes.
class ReportTable {
 public:
  ReportTable(const Context& context, const station::conformance::Checks& checks);
  void print_header() const;
  void print_row(const station::conformance::Row& row) const;

 private:
  const Context& context_;
  std::size_t area_ = 4;  // as wide as their headings at least
  std::size_t check_ = 5;
};

/// The sums, and what to know beside the table; `whole`: the run was of all checks.
void print_summary(Context& context, const std::string& line, const station::conformance::Report& report,
                   bool whole);
[[nodiscard]] boost::json::object to_json(const station::conformance::Report& report);

}  // namespace pedigree::cli
