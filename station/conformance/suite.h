// SPDX-License-Identifier: Apache-2.0
// The conformance suite: all checks in order, on one device, with a report.
#pragma once

#include <functional>

#include "station/conformance/bench.h"

namespace pedigree::station::conformance {

/// Every check there is, in the order in which they run.
[[nodiscard]] Checks all_checks();
/// Those whose "area.name" matches one of `filters` (all where there is none) and none of `skips`. Patterns
/// know * and ?; an area alone stands for all of it.
[[nodiscard]] Checks select(const Checks& checks, const std::vector<std::string>& filters,
                            const std::vector<std::string>& skips);
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

enum class Ending : std::uint8_t { passed, failed, not_run };
[[nodiscard]] std::string_view name(Ending ending) noexcept;

struct Row {
  std::string area, name, what;
  Ending ending{};
  std::string detail;  ///< why it failed or was not run; a remark otherwise
  Duration time{};
};

/// An error of the one list, in a device's answers.
struct ErrorRow {
  ErrorCode code{};
  bool answered = false;  ///< in this run
  std::string_view why;   ///< where no request brings a device to answer it: the reason
};

struct Report {
  std::vector<Row> rows;
  std::vector<ErrorRow> errors;
  std::vector<std::uint32_t> left_behind;  ///< slots of the suite that it could not remove
  std::size_t passed = 0, failed = 0, not_run = 0;
};

/// Every error of the list that a device may answer, or whose number is in a device's range; those that no
/// request provokes have a reason.
[[nodiscard]] std::vector<ErrorRow> error_rows(const std::set<ErrorCode>& answered);

/// What a run tells while it goes on, and asks.
struct Watch {
  std::function<void(const Check&)> began;
  std::function<void(const Row&)> ended;
  std::function<bool()> stop;  ///< asked before each check: end here
};

/// Runs the checks; after each, what the suite has made is removed.
[[nodiscard]] Report run_checks(const Checks& checks, Bench& bench, const Watch& watch);

}  // namespace pedigree::station::conformance
