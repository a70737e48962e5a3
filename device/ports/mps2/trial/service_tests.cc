// SPDX-License-Identifier: Apache-2.0
// The service's own tests (device/scenarios) in the secure world, over the target's PSA Crypto and its
// storage. The emulator ends with the number of checks that did not hold. They run on a device of their own
// beside the real one: other keys, other assets.
#include <new>

#include "device/ports/common/builtin_keys.h"
#include "device/ports/mps2/secure/partitions.h"
#include "device/ports/mps2/secure/storage.h"
#include "device/ports/mps2/secure/world.h"
#include "device/ports/mps2/trial/semihosting.h"
#include "device/scenarios/stage.h"
#include "psa/crypto.h"
#include "psa/internal_trusted_storage.h"

namespace pedigree::mps2 {
namespace {

constexpr psa_handle_t kHandle = 1;
constexpr std::uint32_t kKeyBase = 0x300;
constexpr std::uint32_t kKeys = 18;  // Platform::key_base
constexpr std::uint64_t kStorageBase = 0x2'0000'0000;
constexpr std::uint32_t kItems = 0x500;  // device/service/store.h
using TestService = device::StaticService<2048>;

constinit device::Platform test_platform{
    .world = "TrustZone",
    .hardware_unique_key = 0x801,
    .builtin_iak = 0x800,
    .key_base = kKeyBase,
    .storage_base = kStorageBase,
    .part_size = 512,
};
constinit crypto::PsaCrypto psa;
alignas(TestService) constinit std::array<std::byte, sizeof(TestService)> service_memory{};
alignas(scenarios::Stage) constinit std::array<std::byte, sizeof(scenarios::Stage)> stage_memory{};
constinit TestService* service = nullptr;
constinit std::int32_t client = scenarios::kNonSecure;
constinit std::uint32_t failures = 0;

/// One call, from inside the secure world.
class DirectMessage final : public device::Message {
 public:
  DirectMessage(std::int32_t type, std::span<const psa_invec> in, std::span<psa_outvec> out) noexcept
      : type_(type), in_(in), out_(out) {}
  [[nodiscard]] std::int32_t type() const noexcept override { return type_; }
  [[nodiscard]] std::int32_t client() const noexcept override { return mps2::client; }
  [[nodiscard]] std::size_t in_size(unsigned index) const noexcept override {
    return index < in_.size() ? in_[index].len : 0;
  }
  [[nodiscard]] std::size_t out_size(unsigned index) const noexcept override {
    return index < out_.size() ? out_[index].len : 0;
  }
  std::size_t read(unsigned index, MutableBytes out) noexcept override {
    const std::size_t size = std::min(in_size(index), out.size());
    std::copy_n(static_cast<const std::uint8_t*>(in_[index].base), size, out.begin());
    return size;
  }
  void write(unsigned index, Bytes data) noexcept override {
    std::ranges::copy(data, static_cast<std::uint8_t*>(out_[index].base) + written_[index]);
    written_[index] += data.size();
  }
  void finish() noexcept {
    for (std::size_t i = 0; i < out_.size(); ++i) out_[i].len = written_[i];
  }

 private:
  std::int32_t type_;
  std::span<const psa_invec> in_;
  std::span<psa_outvec> out_;
  std::array<std::size_t, PSA_MAX_IOVEC> written_{};
};

class TargetPort final : public scenarios::Port {
 public:
  [[nodiscard]] psa_handle_t handle() const noexcept override { return kHandle; }
  void make_new() noexcept override {
    for (std::uint32_t key = 0; key < kKeys; ++key) static_cast<void>(psa_destroy_key(kKeyBase + key));
    for (std::uint32_t item = 0; item < kItems; ++item)
      static_cast<void>(psa_its_remove(kStorageBase + item));
    test_platform.lifecycle = enrol::Lifecycle::assembly_and_test;
    client = scenarios::kNonSecure;
    boot();
  }
  void boot() noexcept override {
    if (!mount_storage()) failed("the storage is mounted", __LINE__);
    service = new (service_memory.data()) TestService(test_platform, psa);
    service->get().recover();
  }
  void act_as(std::int32_t who) noexcept override { client = who; }
  [[nodiscard]] device::Platform& platform() noexcept override { return test_platform; }
  void failed(std::string_view check, int line) noexcept override {
    ++failures;
    log_hex("failed, line ", static_cast<std::uint32_t>(line));
    log(": ");
    log(check);
    log("\n");
  }
};

void run(scenarios::Stage& stage, std::span<const scenarios::Scenario> list) noexcept {
  for (const scenarios::Scenario& scenario : list) {
    const std::uint32_t before = failures;
    stage.port.make_new();
    scenario.run(stage);
    log(failures == before ? "passed: " : "failed: ");
    log(scenario.name);
    log("\n");
  }
}

}  // namespace

void start_partitions(device::Service& /*service*/) noexcept {
  TargetPort port;
  const auto id = device::read_device_id(test_platform.builtin_iak, psa);
  if (id) test_platform.device_id = *id;
  auto* const stage = new (stage_memory.data()) scenarios::Stage(port);
  PEDIGREE_EXPECT(*stage, stage->issuer.ok());
  run(*stage, scenarios::key_scenarios());
  run(*stage, scenarios::chain_scenarios());
#ifdef PEDIGREE_INJECT_FAILURE
  // For the test that this suite can fail.
  PEDIGREE_EXPECT(*stage, stage->info().slots_used == 99);
#endif
  log_hex("service tests: failures ", failures);
  log("\n");
  end_emulator(failures);
}

}  // namespace pedigree::mps2

extern "C" psa_status_t psa_call(psa_handle_t /*handle*/, std::int32_t type, const psa_invec* in_vec,
                                 std::size_t in_len, psa_outvec* out_vec, std::size_t out_len) {
  pedigree::mps2::DirectMessage message(type, {in_vec, in_len}, {out_vec, out_len});
  const std::int32_t status = pedigree::mps2::service->get().call(message);
  if (status == 0) message.finish();
  return status;
}
