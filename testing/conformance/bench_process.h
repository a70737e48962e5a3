// SPDX-License-Identifier: Apache-2.0
// `pedigree device` and `pedigree device-test` as processes, and what the latter found.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "testing/support/process.h"

namespace pedigree::testing {

/// What a run of the suite found.
struct Findings {
  int status = -1;
  std::string output;  ///< with errors
  boost::json::object report;

  /// "pass", "FAIL" or "not run"; empty where there is no such check. `id` is "area.check".
  [[nodiscard]] std::string result(const std::string& id) const;
  [[nodiscard]] std::string why(const std::string& id) const;
  /// The checks that did not pass, with their reasons, one a line. For messages.
  [[nodiscard]] std::string others() const;
  [[nodiscard]] std::size_t count(std::string_view key) const;
};

class TestDevice {
 public:
  /// A new simulated or emulated device in a folder of its own; `options` are further ones of `pedigree
  /// device`. Throws where it does not start.
  explicit TestDevice(std::vector<std::string> options);

  /// HOST:PORT, or the path of its pseudo-terminal.
  [[nodiscard]] const std::string& udp() const noexcept { return udp_; }
  [[nodiscard]] const std::string& serial() const noexcept { return serial_; }
  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }
  [[nodiscard]] Process& process() noexcept { return *process_; }

  /// Runs the suite on it, by way of its serial line where `serial`; `options` are further ones.
  [[nodiscard]] Findings test(std::vector<std::string> options, bool serial = false) const;

 private:
  TempDir folder_;
  std::unique_ptr<Process> process_;
  std::string udp_, serial_;
};

/// The environment's PEDIGREE_PROGRAM.
[[nodiscard]] std::string program();
/// Runs `pedigree device-test --json` with these options.
[[nodiscard]] Findings device_test(std::vector<std::string> options);

}  // namespace pedigree::testing
