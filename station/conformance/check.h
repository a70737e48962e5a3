// SPDX-License-Identifier: Apache-2.0
// What a check is, and how one ends.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "station/link/failure.h"

namespace pedigree::station::conformance {

class Bench;

/// What a check does to the device, from nothing to most.
enum class Effect : std::uint8_t {
  looks,      ///< changes nothing
  keys,       ///< makes keys in free slots, and removes them again
  commits,    ///< also stores chains; the first one pins its root for good
  restarts,   ///< restarts the device by an SMP reset
  cuts_power  ///< cuts its power, by the caller's command
};
[[nodiscard]] std::string_view name(Effect effect) noexcept;

/// Success, wrong(), or not_run(); a failure of the link or of the device's own fails the check.
using Checked = Outcome<void>;

struct Check {
  std::string area;  ///< "smp", "keys", ...
  std::string name;  ///< within the area, "unknown-command"
  std::string what;  ///< one line for people: what must hold
  Effect effect = Effect::looks;
  std::function<Checked(Bench&)> run;
  [[nodiscard]] std::string id() const { return area + "." + name; }
};
using Checks = std::vector<Check>;

/// The device is wrong: one sentence without a full stop.
[[nodiscard]] std::unexpected<Failure> wrong(std::string message);
/// The check says nothing about this device: why.
[[nodiscard]] std::unexpected<Failure> not_run(std::string why);
[[nodiscard]] bool is_not_run(const Failure& failure) noexcept;

/// The checks of each area, in the order in which they run.
void add_smp_checks(Checks& checks);
void add_os_checks(Checks& checks);
void add_info_checks(Checks& checks);
void add_key_checks(Checks& checks);
void add_begin_refusal_checks(Checks& checks);
void add_request_checks(Checks& checks);
void add_chain_checks(Checks& checks);
void add_refusal_checks(Checks& checks);
void add_commit_checks(Checks& checks);
void add_root_checks(Checks& checks);
void add_attest_checks(Checks& checks);
void add_grant_checks(Checks& checks);
void add_lifecycle_checks(Checks& checks);
void add_closing_checks(Checks& checks);
void add_image_checks(Checks& checks);
void add_power_checks(Checks& checks);

}  // namespace pedigree::station::conformance
