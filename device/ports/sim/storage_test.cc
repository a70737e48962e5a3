// SPDX-License-Identifier: Apache-2.0
// State folders: what they survive, who may read them, and what is said of those that cannot be used.
#include "device/ports/sim/storage.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "device/ports/sim/test_unit.h"
#include "testing/support/support.h"

namespace pedigree::sim {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

std::string error_of(const fs::path& folder, const DeviceOptions& options = {}) {
  const auto device = Device::open(folder, options);
  return device ? "" : device.error();
}

DeviceOptions in_lifecycle(enrol::Lifecycle lifecycle) {
  DeviceOptions options;
  options.lifecycle = lifecycle;
  return options;
}

TEST(StateFolder, KeepsIdentityKeysChainsAndLifecycle) {
  const TempDir folder;
  const TestAuthority authority;
  for (const Durability durability : {Durability::process, Durability::host}) {
    const fs::path path = folder / (durability == Durability::host ? "host" : "process");
    DeviceOptions options;
    options.durability = durability;
    auto device = Device::open(path, options).value();
    const Octets id(device->id().begin(), device->id().end());
    const Client client(device->service_handle());
    client.provision(authority, {.slot = 2});
    const Begun pending = client.begin({.slot = 3, .purpose = enrol::Purpose::idevid}).value();
    const Octets chain = client.read_chain(2).value();
    device.reset();

    device = Device::open(path, in_lifecycle(enrol::Lifecycle::secured)).value();
    const Client again(device->service_handle());
    EXPECT_TRUE(equal(device->id(), id));
    EXPECT_EQ(again.read_chain(2).value(), chain);
    EXPECT_EQ(again.public_key(3).value(), pending.spki);
    EXPECT_TRUE(again.sign_hash(2, Octets(32, 1)).has_value());
    device.reset();
    EXPECT_EQ(error_of(path, in_lifecycle(enrol::Lifecycle::assembly_and_test)),
              path.string() + ": the device's lifecycle is secured and cannot go back");
  }
}

TEST(StateFolder, IsReadableByItsOwnerOnly) {
  const TempDir folder;
  const auto device = Device::open(folder / "device", {}).value();
  const auto mode = [](const fs::path& path) {
    return static_cast<unsigned>(fs::status(path).permissions());
  };
  EXPECT_EQ(mode(folder / "device"), 0700U);
  for (const auto& entry : fs::directory_iterator(folder / "device"))
    EXPECT_EQ(mode(entry.path()), 0600U) << entry;
}

TEST(StateFolder, BelongsToOneDeviceAtATime) {
  const TempDir folder;
  const fs::path path = folder / "device";
  const auto device = Device::open(path, {}).value();
  EXPECT_EQ(error_of(path), path.string() + ": this device is already running; stop it first");
}

TEST(StateFolder, SaysWhyItCannotBeUsed) {
  const TempDir folder;
  testing::write_file(folder / "file", "");
  EXPECT_EQ(error_of(folder / "file"),
            (folder / "file").string() + ": cannot open the state directory: Not a directory");
  EXPECT_EQ(error_of(folder / "file/below"),
            (folder / "file/below").string() + ": cannot make the state directory: Not a directory");
  // An asset that cannot be read: a folder stands in its place.
  static_cast<void>(Device::open(folder / "device", {}).value());
  for (const auto& entry : fs::directory_iterator(folder / "device")) {
    if (entry.path().filename() == "lock") continue;
    const fs::path kept = folder / "kept";
    fs::rename(entry.path(), kept);
    fs::create_directory(entry.path());
    EXPECT_NE(error_of(folder / "device").find(entry.path().string() + ": this asset cannot be read"),
              std::string::npos);
    fs::remove(entry.path());
    fs::rename(kept, entry.path());
  }
  EXPECT_EQ(error_of(folder / "device"), "");
}

TEST(StateFolder, LeftoversAndForeignFilesAreNoAssets) {
  const TempDir folder;
  const fs::path path = folder / "device";
  auto device = Device::open(path, {}).value();
  const auto assets = device->storage().assets();
  device.reset();
  testing::write_file(path / "asset-00001011.new", "half a record");
  testing::write_file(path / "asset-xyz", "");
  testing::write_file(path / "notes.txt", "");
  device = Device::open(path, {}).value();
  EXPECT_EQ(device->storage().assets(), assets);
}

/// A process that makes and wipes keys until it is killed. Slot 1 is provisioned and stays as it is.
[[noreturn]] void churn(const fs::path& path, int ready) {
  const auto device = Device::open(path, {});
  if (!device) ::_exit(1);
  const Client client((*device)->service_handle());
  for (std::uint32_t round = 0;; ++round) {
    const auto begun = client.begin({.slot = 2 + round % 3, .replace = false});
    if (!begun || !client.destroy(2 + round % 3)) ::_exit(2);
    if (round == 0 && ::write(ready, "r", 1) != 1) ::_exit(3);
  }
}

TEST(StateFolder, SurvivesSigkillInTheMiddleOfWriting) {
  const TempDir folder;
  const fs::path path = folder / "device";
  Octets chain;
  {
    const auto device = Device::open(path, {}).value();
    const Client client(device->service_handle());
    client.provision(TestAuthority(), {.slot = 1});
    chain = client.read_chain(1).value();
  }
  for (unsigned round = 0; round < 12; ++round) {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) churn(path, ready[1]);
    ::close(ready[1]);
    char octet = 0;
    EXPECT_EQ(::read(ready[0], &octet, 1), 1);
    ::close(ready[0]);
    // It is writing now; each round kills it at another place.
    for (unsigned wait = 0; wait < 500 * round; ++wait) static_cast<void>(::getppid());
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;

    const auto device = Device::open(path, {});
    ASSERT_TRUE(device.has_value()) << device.error();
    const Client client((*device)->service_handle());
    EXPECT_EQ(client.read_chain(1).value(), chain);
    EXPECT_TRUE(client.sign_hash(1, Octets(32, 1)).has_value());
    for (const auto& line : client.slots()) {
      if (line.slot == 1) continue;
      EXPECT_TRUE(client.csr(line.slot, 1).has_value()) << line.slot;
      EXPECT_TRUE(client.destroy(line.slot).has_value()) << line.slot;
    }
    EXPECT_EQ(client.info().slots_used, 1U);
  }
}

}  // namespace
}  // namespace pedigree::sim
