// SPDX-License-Identifier: Apache-2.0
// A simulated device: its storage, its manufacture, the secure service, and the SMP server in front.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "device/ports/sim/attestation.h"
#include "device/ports/sim/firmware.h"
#include "device/ports/sim/storage.h"
#include "device/server/server.h"
#include "device/service/service.h"

namespace pedigree::sim {

struct DeviceOptions {
  /// Empty: assembly and test for a new device, unchanged for one that exists. A lifecycle only moves on.
  std::optional<enrol::Lifecycle> lifecycle;
  Durability durability = Durability::process;
  /// What SMP `parameters` answers.
  std::uint32_t buffer_size = 1024;
  std::uint32_t buffer_count = 4;
  std::uint16_t smp_group = smp::kPedigreeGroup;  ///< number of Pedigree's group
  /// As on stock TF-M: the attestation key signs nothing but tokens, and is certified by a token request.
  bool stock_iak = false;
  AttestationOptions attestation;
  /// What a new device's image slots are made from; a device without slots cannot be updated.
  std::optional<FactoryFirmware> firmware;
  /// Called with a sentence for what the boot stage refuses.
  std::function<void(const std::string&)> log;
};

/// Not for several threads at once: Mbed TLS 2.28's PSA allows one at a time in a process.
class Device {
 public:
  /// Opens the device of a state directory, manufacturing it (hardware unique key, attestation key,
  /// lifecycle) where there is none yet. Errors: a sentence.
  [[nodiscard]] static std::expected<std::unique_ptr<Device>, std::string> open(
      const std::filesystem::path& directory, const DeviceOptions& options);
  /// The same on any storage; image slots are then in memory.
  [[nodiscard]] static std::expected<std::unique_ptr<Device>, std::string> open(
      std::unique_ptr<Storage> storage, const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// Loses everything but the storage, and boots.
  void reboot();
  /// Answers one SMP packet; empty where no answer is due. Borrowed until the next call. Call
  /// reset_if_asked() once it has left.
  [[nodiscard]] Bytes handle(Bytes request);
  void reset_if_asked();

  /// What psa_call and the functions of pedigree/service.h take.
  [[nodiscard]] psa_handle_t service_handle() const noexcept { return static_cast<psa_handle_t>(number_); }
  /// Who calls from now on: negative on the non-secure side, else a secure partition.
  void set_client(std::int32_t client) noexcept { client_ = client; }
  [[nodiscard]] std::int32_t client() const noexcept { return client_; }
  [[nodiscard]] Bytes id() const noexcept { return platform_.device_id; }
  [[nodiscard]] Storage& storage() noexcept { return *storage_; }
  [[nodiscard]] device::Platform& platform() noexcept { return platform_; }
  [[nodiscard]] device::Service& service() noexcept { return secure_->get(); }
  /// Of the present boot; null where the device has no image slots, or its boot stage starts nothing: it then
  /// answers nothing either.
  [[nodiscard]] update::Updater* updater() noexcept { return boots_ ? &firmware_->updater() : nullptr; }
  /// Of the present boot; null where there was no entropy for it.
  [[nodiscard]] Attestation* attestation() noexcept { return attestation_.get(); }

  /// Octets of the largest chain a simulated device takes, root included.
  static constexpr std::size_t kMaxChain = 8192;

 private:
  Device(std::unique_ptr<Storage> storage, const DeviceOptions& options);
  [[nodiscard]] std::expected<void, std::string> boot(std::optional<enrol::Lifecycle> wanted);
  [[nodiscard]] std::expected<void, std::string> manufacture(enrol::Lifecycle lifecycle);
  [[nodiscard]] static std::expected<std::unique_ptr<Device>, std::string> open(
      std::unique_ptr<Storage> storage, std::unique_ptr<Firmware> firmware, const DeviceOptions& options);
  void boot_firmware();
  void purge_keys() const;

  std::unique_ptr<Storage> storage_;
  std::uint32_t number_ = 0;
  std::int32_t client_ = -1;
  DeviceOptions options_;
  device::Platform platform_;
  std::unique_ptr<Firmware> firmware_;
  bool boots_ = false;  ///< the boot stage has started the images of `firmware_`
  std::unique_ptr<Attestation> attestation_;
  std::optional<device::StaticService<kMaxChain>> secure_;
  std::vector<std::uint8_t> scratch_;
  std::vector<std::uint8_t> response_;
  std::optional<device::Server> server_;
};

}  // namespace pedigree::sim
