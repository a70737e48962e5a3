// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/device.h"

#include "crypto/psa/psa_crypto.h"
#include "device/ports/common/builtin_keys.h"
#include "device/update/service.h"
#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

/// Key identifiers of a device; the service's own are 2 to 17.
constexpr std::uint32_t kAttestationKey = 0x800;
constexpr std::uint32_t kHardwareUniqueKey = 0x801;
constexpr std::uint32_t kLastSlotKey = 17;
/// Where the lifecycle is kept: no PSA identifier maps there.
constexpr std::uint64_t kLifecycleAsset = 0x3000;

const crypto::PsaCrypto& psa() {
  static const crypto::PsaCrypto instance;
  return instance;
}

/// Index = handle. One table for a process, like the key store (its.cc).
std::vector<Device*>& devices() {
  static std::vector<Device*> table;
  return table;
}

/// One psa_call: input is read from the caller's vectors, output is collected and handed over on success
/// only.
class SimMessage final : public device::Message {
 public:
  SimMessage(std::int32_t type, std::int32_t client, std::span<const psa_invec> in, std::span<psa_outvec> out)
      : type_(type), client_(client), in_(in), out_(out), written_(out.size()) {}

  [[nodiscard]] std::int32_t type() const noexcept override { return type_; }
  [[nodiscard]] std::int32_t client() const noexcept override { return client_; }
  [[nodiscard]] std::size_t in_size(unsigned index) const noexcept override {
    return index < in_.size() ? in_[index].len : 0;
  }
  [[nodiscard]] std::size_t out_size(unsigned index) const noexcept override {
    return index < out_.size() ? out_[index].len : 0;
  }
  std::size_t read(unsigned index, MutableBytes out) noexcept override {
    const std::size_t size = std::min(in_size(index), out.size());
    if (size > 0) std::copy_n(static_cast<const std::uint8_t*>(in_[index].base), size, out.begin());
    return size;
  }
  void write(unsigned index, Bytes data) noexcept override {
    written_[index].insert(written_[index].end(), data.begin(), data.end());
  }
  void deliver() {
    for (std::size_t i = 0; i < out_.size(); ++i) {
      std::ranges::copy(written_[i], static_cast<std::uint8_t*>(out_[i].base));
      out_[i].len = written_[i].size();
    }
  }

 private:
  std::int32_t type_;
  std::int32_t client_;
  std::span<const psa_invec> in_;
  std::span<psa_outvec> out_;
  std::vector<std::vector<std::uint8_t>> written_;
};

std::expected<void, std::string> check(psa_status_t status, const char* what) {
  if (status == PSA_SUCCESS) return {};
  return std::unexpected(std::string(what) + " failed with PSA status " + std::to_string(status));
}

}  // namespace

Device::Device(std::unique_ptr<Storage> storage, const DeviceOptions& options)
    : storage_(std::move(storage)),
      number_(attach_storage(*storage_)),
      options_(options),
      scratch_(options.buffer_size),
      response_(options.buffer_size) {
  platform_.world = "simulated";
  platform_.entropy = enrol::Entropy::platform;  // the host's
  platform_.hardware_unique_key = key_id(number_, kHardwareUniqueKey);
  platform_.builtin_iak = key_id(number_, kAttestationKey);
  platform_.iak_signs_requests = !options.stock_iak;
  platform_.key_base = key_id(number_, 0);
  platform_.storage_base = storage_uid(number_, 0);
  if (devices().size() <= number_) devices().resize(number_ + 1);
  devices()[number_] = this;
}

Device::~Device() {
  secure_.reset();
  purge_keys();
  devices()[number_] = nullptr;
  detach_storage(number_);
}

std::expected<std::unique_ptr<Device>, std::string> Device::open(const std::filesystem::path& directory,
                                                                 const DeviceOptions& options) {
  auto storage = Storage::open(directory, options.durability);
  if (!storage) return std::unexpected(storage.error());
  auto firmware = Firmware::open(directory, options.firmware);
  if (!firmware) return std::unexpected(firmware.error());
  auto device = open(std::move(*storage), *std::move(firmware), options);
  if (!device) return std::unexpected(directory.string() + ": " + device.error());
  return device;
}

std::expected<std::unique_ptr<Device>, std::string> Device::open(std::unique_ptr<Storage> storage,
                                                                 const DeviceOptions& options) {
  auto firmware = options.firmware ? Firmware::in_memory(*options.firmware) : nullptr;
  return open(std::move(storage), std::move(firmware), options);
}

std::expected<std::unique_ptr<Device>, std::string> Device::open(std::unique_ptr<Storage> storage,
                                                                 std::unique_ptr<Firmware> firmware,
                                                                 const DeviceOptions& options) {
  if (auto ready = check(psa_crypto_init(), "psa_crypto_init"); !ready) return std::unexpected(ready.error());
  std::unique_ptr<Device> device(new Device(std::move(storage), options));
  device->firmware_ = std::move(firmware);
  if (device->firmware_) device->firmware_->set_log(options.log);
  if (auto booted = device->boot(options.lifecycle); !booted) return std::unexpected(booted.error());
  return device;
}

/// The lifecycle is written last: until then the device does not exist, and manufacture starts again.
std::expected<void, std::string> Device::manufacture(enrol::Lifecycle lifecycle) {
  if (const auto made = device::make_builtin_keys(platform_); !made) {
    return std::unexpected("making the built-in keys failed: " + std::string(sentence(made.error().code)));
  }
  const auto value = static_cast<std::uint8_t>(lifecycle);
  return check(storage_->set(kLifecycleAsset, {&value, 1}), "storing the lifecycle");
}

std::expected<void, std::string> Device::boot(std::optional<enrol::Lifecycle> wanted) {
  const auto* stored = storage_->find(kLifecycleAsset);
  if (stored == nullptr) {
    const auto first = wanted.value_or(enrol::Lifecycle::assembly_and_test);
    if (auto made = manufacture(first); !made) return made;
    platform_.lifecycle = first;
  } else {
    platform_.lifecycle =
        stored->empty() ? enrol::Lifecycle::unknown : static_cast<enrol::Lifecycle>(stored->front());
    if (wanted && *wanted < platform_.lifecycle) {
      return std::unexpected("the device's lifecycle is " + std::string(enrol::name(platform_.lifecycle)) +
                             " and cannot go back");
    }
    if (wanted && *wanted > platform_.lifecycle) {
      const auto value = static_cast<std::uint8_t>(*wanted);
      if (auto set = check(storage_->set(kLifecycleAsset, {&value, 1}), "storing the lifecycle"); !set) {
        return set;
      }
      platform_.lifecycle = *wanted;
    }
  }
  const auto id = device::read_device_id(platform_.builtin_iak, psa());
  if (!id) {
    return std::unexpected("reading the attestation key failed: " + std::string(sentence(id.error().code)));
  }
  platform_.device_id = *id;
  reboot();
  return {};
}

/// Mbed TLS keeps keys it has used in memory; a reboot forgets them.
void Device::purge_keys() const {
  for (std::uint32_t local = 2; local <= kLastSlotKey; ++local) psa_purge_key(key_id(number_, local));
  psa_purge_key(platform_.builtin_iak);
  psa_purge_key(platform_.hardware_unique_key);
}

void Device::boot_firmware() {
  boots_ = false;
  if (!firmware_) return;
  const auto booted = firmware_->boot(psa());
  boots_ = booted.has_value();
  if (!booted && options_.log) {
    options_.log("the boot stage starts nothing: " + std::string(sentence(booted.error().code)));
  }
}

void Device::reboot() {
  purge_keys();
  boot_firmware();
  attestation_ = Attestation::boot(platform_, psa(), options_.attestation);
  secure_.emplace(platform_, psa());
  secure_->get().recover();
  device::ServerOptions server;
  server.buffer_size = options_.buffer_size;
  server.buffer_count = options_.buffer_count;
  server.group = options_.smp_group;
  server.os_name = "Linux";
  server.machine = "pedigree-simulator";
  server.bootloader = "none";
  server_.emplace(service_handle(), server, scratch_);
}

Bytes Device::handle(Bytes request) {
  if (firmware_ && !boots_) return {};
  return server_->handle(request, response_);
}

void Device::reset_if_asked() {
  if (server_->take_reset()) reboot();
}

}  // namespace pedigree::sim

extern "C" psa_status_t psa_call(psa_handle_t handle, std::int32_t type, const psa_invec* in_vec,
                                 std::size_t in_len, psa_outvec* out_vec, std::size_t out_len) {
  using namespace pedigree::sim;
  const auto index = static_cast<std::size_t>(handle);
  if (handle <= 0 || index >= devices().size() || devices()[index] == nullptr) {
    return PSA_ERROR_CONNECTION_REFUSED;
  }
  if (in_len + out_len > PSA_MAX_IOVEC) return PSA_ERROR_PROGRAMMER_ERROR;
  SimMessage message(type, devices()[index]->client(), {in_vec, in_len}, {out_vec, out_len});
  const AttestationCaller caller(devices()[index]->attestation(), pedigree::device::kServicePartition);
  Device& device = *devices()[index];
  const bool updates = device.updater() != nullptr && pedigree::update::is_update_call(type);
  const psa_status_t status =
      updates ? pedigree::update::serve(*device.updater(), message) : device.service().call(message);
  if (status == PSA_SUCCESS) message.deliver();
  return status;
}
