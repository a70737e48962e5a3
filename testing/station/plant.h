// SPDX-License-Identifier: Apache-2.0
// A factory in a temporary folder: the program's own authority and simulated devices as processes, and what
// they know afterwards, asked of the devices over SMP and of the authority's database.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "station/flow/device.h"
#include "testing/support/process.h"

namespace pedigree::testing {

/// The environment's PEDIGREE_PROGRAM, or `pedigree` beside the running program.
[[nodiscard]] std::string program();

/// A certificate as the authority's registry holds it.
struct Certified {
  std::string serial;
  std::string profile;
  std::string state;  ///< "active": the receipt was taken
  std::string key;    ///< hex of SHA-256 of its SPKI
};

/// What a device and the authority say of the device, side by side.
struct Standing {
  std::string id;
  std::vector<station::Slot> slots;
  std::vector<Certified> certificates;
  std::string state;  ///< in the registry; empty if it is not known there
};

class Plant {
 public:
  /// Makes the authority's directory with the issuers "vendor" and, below it, "acme"; nothing runs yet.
  Plant();
  ~Plant();
  Plant(const Plant&) = delete;
  Plant& operator=(const Plant&) = delete;

  /// Starts the authority; after the first time on the port that it had then.
  void start_authority();
  /// With SIGKILL.
  void kill_authority();
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

  /// Keeps the devices' state in memory (/dev/shm) from now on, if there is such a folder: a device's flash
  /// is not this computer's disk.
  void keep_devices_in_memory();
  /// Starts simulated devices as one process, or emulated ones where `options`, further ones of `pedigree
  /// device`, have --qemu.
  void start_devices(unsigned count, const std::vector<std::string>& options = {});
  /// Starts as many in a process beside those that run, which one core could not serve.
  void start_more_devices(unsigned count, const std::vector<std::string>& options = {});
  /// Power cut: SIGKILL. start_devices of one device takes the UDP port again that it had before.
  void kill_devices();
  /// Where the device listens: HOST:PORT, or the path of its pseudo-terminal.
  [[nodiscard]] const std::string& address(unsigned device = 0) const { return addresses_.at(device); }
  /// Powers an emulated device off at whatever it does; its program powers it on again at once.
  void cut_power(unsigned device = 0) const;
  /// The folder in which the device keeps its state.
  [[nodiscard]] const std::string& state(unsigned device = 0) const { return states_.at(device); }
  [[nodiscard]] const std::string& id(unsigned device = 0) const { return ids_.at(device); }
  [[nodiscard]] bool serial() const noexcept { return serial_; }

  /// CPU time of the two processes so far, in milliseconds.
  [[nodiscard]] double authority_cpu() const { return authority_->cpu_milliseconds(); }
  [[nodiscard]] double devices_cpu() const;

  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }

  /// The command `pedigree provision` for these targets, with this authority, its TLS folder and the journal
  /// folder "journal", unless `options` name others.
  [[nodiscard]] std::vector<std::string> provision_at(const std::vector<std::string>& targets,
                                                      const std::vector<std::string>& options = {}) const;
  /// The same for one device of this plant.
  [[nodiscard]] std::vector<std::string> provision(unsigned device,
                                                   const std::vector<std::string>& options = {}) const;

  /// Throws where the device does not answer.
  [[nodiscard]] Standing standing(unsigned device = 0) const;
  /// The registry's certificates of a device, from the database itself.
  [[nodiscard]] Standing registered(const std::string& id) const;

 private:
  TempDir folder_;
  std::unique_ptr<TempDir> memory_;
  std::unique_ptr<Process> authority_;
  std::vector<std::unique_ptr<Process>> devices_;
  std::string url_;
  std::vector<std::string> addresses_;
  std::vector<std::string> ids_;
  std::vector<std::string> states_;
  bool serial_ = false;
  unsigned starts_ = 0;
};

/// Empty if the device has one key of the purpose, active, and the registry one certificate of the profile,
/// active, for that key, whose receipt was taken; otherwise what is wrong.
[[nodiscard]] std::string fault_in(const Standing& standing, enrol::Purpose purpose,
                                   const std::string& profile);

}  // namespace pedigree::testing
