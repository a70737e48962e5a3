// SPDX-License-Identifier: Apache-2.0
#include "cli/device_test_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "cli/provision_view.h"
#include "station/link/text.h"

namespace pedigree::cli {

namespace json = boost::json;
using namespace station::conformance;

namespace {

Style style_of(Ending ending) {
  switch (ending) {
    case Ending::passed:
      return Style::good;
    case Ending::failed:
      return Style::bad;
    case Ending::not_run:
      return Style::faint;
  }
  return Style::plain;
}

std::string numbers(const std::vector<std::uint32_t>& slots) {
  std::string text;
  for (const std::uint32_t slot : slots) text += fmt::format("{}{}", text.empty() ? "" : ", ", slot);
  return text;
}

std::string error_names(const std::vector<ErrorRow>& errors) {
  std::string text;
  for (const ErrorRow& row : errors) {
    if (row.answered || !row.why.empty()) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", pedigree::name(row.code));
  }
  return text;
}

}  // namespace

std::vector<std::string> plan_of(const Checks& checks, const Bench& bench) {
  const auto any = [&](Effect effect) {
    return std::ranges::find(checks, effect, &Check::effect) != checks.end();
  };
  std::vector<std::string> plan;
  const auto free = bench.free_slots();
  if ((any(Effect::keys) || any(Effect::commits)) && bench.may_make_keys()) {
    plan.push_back(fmt::format("makes keys in the free slots {}, and removes them again", numbers(free)));
  }
  if (any(Effect::commits) && bench.may_commit()) {
    plan.emplace_back("stores chains of a test root in those slots, and removes them again");
    if (bench.info.pinned_root.empty()) {
      plan.push_back(fmt::format("PINS the test root {} on the device, for good",
                                 shorten(station::hex(bench.authority.root_key()))));
      if (bench.closes_at_boot)
        plan.emplace_back(
            "CLOSES the device at the end: it is secured, and makes no keys once it boots with a root");
    }
  }
  if (any(Effect::restarts)) plan.emplace_back("restarts the device");
  if (any(Effect::cuts_power) && bench.power_cut) {
    plan.emplace_back("cuts the device's power, by the command of --power-cut");
  }
  if (plan.empty()) plan.emplace_back("only asks, and changes nothing");
  return plan;
}

void print_catalogue(const Context& context, const Checks& checks) {
  const std::vector<ErrorRow> errors = error_rows({});
  if (context.json) {
    json::array list;
    for (const Check& check : checks) {
      list.push_back(json::object{
          {"area", check.area}, {"check", check.name}, {"does", name(check.effect)}, {"what", check.what}});
    }
    json::array unprovoked;
    for (const ErrorRow& row : errors) {
      if (row.why.empty()) continue;
      unprovoked.push_back(json::object{
          {"code", static_cast<unsigned>(row.code)}, {"name", pedigree::name(row.code)}, {"why", row.why}});
    }
    print_json(json::object{{"checks", std::move(list)}, {"not_provoked", std::move(unprovoked)}});
    return;
  }
  Table table({"area", "check", "does", "what must hold"});
  for (const Check& check : checks) {
    table.add({check.area, check.name, {std::string(name(check.effect)), Style::faint}, check.what});
  }
  print(table.draw(context));
  print_line();
  print_line("Errors that no request provokes on every device, and why:");
  Table reasons({"code", "error", "why"});
  for (const ErrorRow& row : errors) {
    if (row.why.empty()) continue;
    reasons.add({std::to_string(static_cast<unsigned>(row.code)), std::string(pedigree::name(row.code)),
                 std::string(row.why)});
  }
  print(reasons.draw(context));
}

json::object to_json(const Report& report) {
  json::array rows;
  for (const Row& row : report.rows) {
    rows.push_back(json::object{{"area", row.area},
                                {"check", row.name},
                                {"result", name(row.ending)},
                                {"microseconds", row.time.count()},
                                {"what", row.what},
                                {"why", row.detail}});
  }
  json::array errors;
  for (const ErrorRow& row : report.errors) {
    errors.push_back(json::object{{"code", static_cast<unsigned>(row.code)},
                                  {"name", pedigree::name(row.code)},
                                  {"answered", row.answered},
                                  {"not_provoked", row.why}});
  }
  return {{"checks", std::move(rows)}, {"errors", std::move(errors)},
          {"passed", report.passed},   {"failed", report.failed},
          {"not_run", report.not_run}, {"left_behind", json::value_from(report.left_behind)}};
}

ReportTable::ReportTable(const Context& context, const Checks& checks) : context_(context) {
  for (const Check& check : checks) {
    area_ = std::max(area_, check.area.size());
    check_ = std::max(check_, check.name.size());
  }
}

void ReportTable::print_header() const {
  print_line(styled(context_, Style::faint,
                    fmt::format("  {:{}}  {:{}}  {:7}  time", "area", area_, "check", check_, "result")));
}

void ReportTable::print_row(const Row& row) const {
  const bool quick = row.ending == Ending::not_run;
  const std::string result = fmt::format("{:7}", name(row.ending));
  const Style style = row.ending == Ending::failed ? Style::bad : Style::faint;
  print_line(fmt::format("  {:{}}  {:{}}  {}  {:7}  {}", row.area, area_, row.name, check_,
                         styled(context_, style_of(row.ending), result),
                         quick ? "-" : duration_text(row.time),
                         styled(context_, style, printable(row.detail.empty() ? row.what : row.detail))));
}

void print_summary(Context& context, const std::string& line, const Report& report, bool whole) {
  const auto answered = std::ranges::count_if(report.errors, &ErrorRow::answered);
  if (!context.quiet) print_line();
  print_line(fmt::format("{} passed, {} failed, {} not run; {} different errors answered", report.passed,
                         report.failed, report.not_run, answered));
  if (const std::string missing = error_names(report.errors); !missing.empty() && whole && !context.quiet) {
    print_line("errors not answered in this run: " + missing);
  }
  if (!report.left_behind.empty()) {
    print_warning(context, fmt::format("slots {} of {} still hold keys of this test; run it again to see why",
                                       numbers(report.left_behind), line));
  }
}

}  // namespace pedigree::cli
