// SPDX-License-Identifier: Apache-2.0
// The firmware of a simulated device that can be updated: image slots in a file of its state folder, and the
// reference firmware's own boot stage and updater over it. What it decides is decided for real; only that the
// image then runs is left out.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/update/boot.h"
#include "device/update/updater.h"

namespace pedigree::sim {

/// What the factory puts into a device.
struct FactoryFirmware {
  Sha256 root{};  ///< SHA-256 of the firmware root's SubjectPublicKeyInfo
  std::vector<std::uint8_t> secure;
  std::vector<std::uint8_t> nonsecure;
};

class Firmware final : public update::BootLog {
 public:
  /// Opens the slots of a state folder, making them from `factory` where there are none yet. Null where there
  /// are none and no factory. Errors: a sentence.
  [[nodiscard]] static std::expected<std::unique_ptr<Firmware>, std::string> open(
      const std::filesystem::path& folder, const std::optional<FactoryFirmware>& factory);
  /// The same in memory, for tests.
  [[nodiscard]] static std::unique_ptr<Firmware> in_memory(const FactoryFirmware& factory);
  ~Firmware();

  /// Called with a sentence for each refused image, and where a tested one was not confirmed.
  void set_log(std::function<void(const std::string&)> log) { log_ = std::move(log); }
  /// One boot. Errors: why nothing may be started; the updater is then not to be used.
  [[nodiscard]] Result<void> boot(const crypto::Crypto& crypto);
  /// Of the present boot.
  [[nodiscard]] update::Updater& updater() noexcept { return *updater_; }
  [[nodiscard]] const update::BootReport& report() const noexcept { return report_; }

  void refused(std::size_t image, std::uint8_t slot, ErrorCode code) noexcept override;
  /// As BootLog.
  void reverted(std::uint8_t slot) noexcept override;

  /// Where images are linked for, as on the reference board: what a header's load address must say.
  static constexpr std::uint32_t kNonSecureAddress = 0x00200000;
  static constexpr update::Layout kLayout{.sector = 4096, .list_size = 8192, .slot_size = 1U << 20U};

 private:
  class Memory;
  Firmware(std::unique_ptr<Memory> memory, const Sha256& root, std::vector<std::uint8_t> secure);
  void say(const std::string& text) const {
    if (log_) log_(text);
  }

  std::unique_ptr<Memory> memory_;
  Sha256 root_;
  std::vector<std::uint8_t> secure_;
  std::vector<std::uint8_t> execution_;
  std::vector<std::uint8_t> scratch_;
  update::BootReport report_;
  std::optional<update::Updater> updater_;
  std::function<void(const std::string&)> log_;
};

}  // namespace pedigree::sim
