// SPDX-License-Identifier: Apache-2.0
#include "station/conformance/suite.h"

#include <algorithm>

namespace pedigree::station::conformance {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
      if (matches(pattern.substr(1), text.substr(skipped))) return true;
    }
    return false;
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         matches(pattern.substr(1), text.substr(1));
}

std::string_view name(Ending ending) noexcept {
  switch (ending) {
    case Ending::passed:
      return "pass";
    case Ending::failed:
      return "FAIL";
    case Ending::not_run:
      return "not run";
  }
  return "unknown";
}

Checks all_checks() {
  Checks checks;
  add_smp_checks(checks);
  add_os_checks(checks);
  add_info_checks(checks);
  add_key_checks(checks);
  add_begin_refusal_checks(checks);
  add_request_checks(checks);
  add_chain_checks(checks);
  add_refusal_checks(checks);
  add_commit_checks(checks);
  add_attest_checks(checks);
  add_grant_checks(checks);
  add_lifecycle_checks(checks);
  add_image_checks(checks);
  add_power_checks(checks);
  add_closing_checks(checks);
  return checks;
}

Checks select(const Checks& checks, const std::vector<std::string>& filters,
              const std::vector<std::string>& skips) {
  const auto named = [](const Check& check, const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
      return matches(pattern, check.id()) || matches(pattern, check.area);
    });
  };
  Checks chosen;
  std::ranges::copy_if(checks, std::back_inserter(chosen), [&](const Check& check) {
    return (filters.empty() || named(check, filters)) && !named(check, skips);
  });
  return chosen;
}

namespace {

Row run_check(const Check& check, Bench& bench) {
  Row row{check.area, check.name, check.what, Ending::passed, {}, {}};
  const auto start = Clock::now();
  bench.remark.clear();
  const Checked checked = check.run(bench);
  row.time = std::chrono::duration_cast<Duration>(Clock::now() - start);
  if (checked) {
    row.detail = bench.remark;
    return row;
  }
  row.ending = is_not_run(checked.error()) ? Ending::not_run : Ending::failed;
  row.detail = checked.error().message;
  return row;
}

}  // namespace

Report run_checks(const Checks& checks, Bench& bench, const Watch& watch) {
  Report report;
  bool silent = false;
  for (const Check& check : checks) {
    const bool stopped = watch.stop();
    watch.began(check);
    Row row{check.area, check.name, check.what, Ending::not_run, "the device no longer answers", {}};
    if (stopped) row.detail = "the run was stopped";
    if (!silent && !stopped) row = run_check(check, bench);
    // What a check leaves is no other check's: each begins with free slots.
    const auto cleaned = silent ? Outcome<void>() : bench.clean();
    if (!cleaned && row.ending != Ending::failed) {
      row.ending = Ending::failed;
      row.detail = "its keys could not be removed: " + cleaned.error().message;
    }
    if (row.ending == Ending::failed && !silent) silent = !bench.wire.wait_until_back();
    report.passed += row.ending == Ending::passed ? 1 : 0;
    report.failed += row.ending == Ending::failed ? 1 : 0;
    report.not_run += row.ending == Ending::not_run ? 1 : 0;
    watch.ended(row);
    report.rows.push_back(std::move(row));
  }
  report.left_behind.assign(bench.ours().begin(), bench.ours().end());
  report.errors = error_rows(bench.wire.answered_errors());
  return report;
}

}  // namespace pedigree::station::conformance
