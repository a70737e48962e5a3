// SPDX-License-Identifier: Apache-2.0
// What a provisioning run looks like: a live table on a terminal, or a bar where the units are too many for
// one; a line for each unit elsewhere; and the same facts as JSON.
#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <mutex>
#include <string>
#include <vector>

#include "cli/output.h"
#include "station/flow/provision.h"

namespace pedigree::cli {

class ProvisionView {
 public:
  /// `peers` names the units in order.
  ProvisionView(const Context& context, std::vector<std::string> peers);
  /// From any thread.
  void update(const station::Event& event);
  /// A warning between the lines of the view; from any thread.
  void notice(const std::string& text);
  /// Takes the live table away.
  void finish();

 private:
  struct Row {
    std::string unit;
    std::array<std::string, station::kSteps> steps;  // empty: not reached
    std::string time;
    bool ended = false;
    bool good = false;
    std::string key;
    std::string chain;
  };
  void note(const station::Event& event);
  void print_ended(const station::Event& event);
  void erase();
  void redraw();
  [[nodiscard]] Table table() const;

  const Context& context_;
  std::mutex mutex_;
  std::vector<std::string> peers_;
  std::vector<Row> rows_;
  Progress progress_;
  bool live_;   // the table is drawn again with every event
  bool brief_;  // too many units for a table on a terminal: the bar tells, and only failures get a line
  std::size_t drawn_lines_ = 0;
  std::size_t ended_ = 0;
};

/// "11 ms", "3.1 s".
[[nodiscard]] std::string duration_text(station::Duration time);
/// One unit's result as the report holds it.
[[nodiscard]] boost::json::object to_json(const station::UnitResult& result);
/// Warnings, then the failed units as problems with their next step; at most a handful of each. Sets the exit
/// code.
void print_failures(Context& context, const std::vector<station::UnitResult>& results,
                    const std::string& authority);
/// The exit code that a failure stands for.
[[nodiscard]] ExitCode exit_code_of(const station::Failure& failure);

}  // namespace pedigree::cli
