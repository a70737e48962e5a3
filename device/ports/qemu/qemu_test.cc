// SPDX-License-Identifier: Apache-2.0
// What an emulated device needs before it can start: its storage, made once, and the images.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "device/ports/mps2/secure/storage.h"
#include "device/ports/qemu/firmware.h"
#include "device/ports/qemu/state.h"
#include "device/service/record.h"
#include "testing/support/support.h"

namespace pedigree::qemu {
namespace {

using testing::Octets;
using testing::TempDir;

Octets used_part(const State& state) {
  Octets memory = testing::read_file(state.memory());
  EXPECT_EQ(memory.size(), State::kMemorySize);
  memory.resize(mps2::kFactorySeed + mps2::kFactorySeedSize);
  return memory;
}

TEST(State, NewStorageIsErasedAndHasASeed) {
  const TempDir folder;
  const auto state = State::open(folder / "device");
  ASSERT_TRUE(state) << state.error();
  const Octets memory = used_part(*state);
  EXPECT_TRUE(std::all_of(memory.begin(), memory.begin() + mps2::kFactorySeed,
                          [](std::uint8_t octet) { return octet == 0xff; }));
  const Bytes page = Bytes(memory).subspan(mps2::kFactorySeed);
  EXPECT_EQ(testing::hex(page.first(4)), "50445345");
  Octets crc(4);
  Writer(crc).big_endian(device::crc32(page.first(36)), 4);
  EXPECT_EQ(testing::hex(page.last(4)), testing::hex(crc));
}

TEST(State, EveryDeviceHasASeedOfItsOwn) {
  const TempDir folder;
  const auto first = State::open(folder / "1");
  const auto second = State::open(folder / "2");
  ASSERT_TRUE(first && second);
  EXPECT_NE(used_part(*first), used_part(*second));
}

TEST(State, OthersCannotReadIt) {
  const TempDir folder;
  const mode_t before = ::umask(0);
  const auto state = State::open(folder / "device");
  ::umask(before);
  ASSERT_TRUE(state) << state.error();
  struct stat facts{};
  ASSERT_EQ(::stat(state->folder().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  for (const auto& file : {state->memory(), state->secure_log(), state->emulator_log()}) {
    ASSERT_EQ(::stat(file.c_str(), &facts), 0) << file;
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << file;
  }
}

TEST(State, StorageIsNeverReplaced) {
  const TempDir folder;
  Octets before;
  {
    const auto state = State::open(folder / "device");
    ASSERT_TRUE(state) << state.error();
    before = used_part(*state);
  }
  // A cut while the first storage was being made leaves the file under its other name.
  testing::write_file(folder / "device/nv.new", "half of one");
  const auto again = State::open(folder / "device");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(used_part(*again), before);
}

TEST(State, AHalfMadeStorageIsMadeAnew) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "device");
  testing::write_file(folder / "device/nv.new", "half of one");
  const auto state = State::open(folder / "device");
  ASSERT_TRUE(state) << state.error();
  EXPECT_EQ(used_part(*state).size(), mps2::kFactorySeed + mps2::kFactorySeedSize);
  EXPECT_FALSE(std::filesystem::exists(folder / "device/nv.new"));
}

TEST(State, AnotherFileIsLeftAlone) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "device");
  testing::write_file(folder / "device/nv", "somebody's notes");
  const auto state = State::open(folder / "device");
  ASSERT_FALSE(state);
  EXPECT_NE(state.error().find("not the storage of an emulated device"), std::string::npos) << state.error();
  EXPECT_EQ(testing::read_text(folder / "device/nv"), "somebody's notes");
}

TEST(State, ALinkIsNotFollowed) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "device");
  std::filesystem::create_symlink(folder / "elsewhere", folder / "device/nv");
  EXPECT_FALSE(State::open(folder / "device"));
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(State, BelongsToOneUserAtATime) {
  const TempDir folder;
  const auto first = State::open(folder / "device");
  ASSERT_TRUE(first) << first.error();
  const auto second = State::open(folder / "device");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("already running"), std::string::npos) << second.error();
}

TEST(State, WaitsForALifeThatIsJustEnding) {
  const TempDir folder;
  std::optional<State> first(*State::open(folder / "device"));
  std::thread ending([&first] { first.reset(); });
  const auto second = State::open(folder / "device");
  ending.join();
  EXPECT_TRUE(second) << second.error();
}

/// PATH as told, until its end.
class Path {
 public:
  explicit Path(const std::string& value) : before_(std::getenv("PATH")) {
    ::setenv("PATH", value.c_str(), 1);
  }
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

 private:
  std::string before_;
};

class FirmwareTest : public ::testing::Test {
 protected:
  FirmwareTest() {
    testing::write_file(folder_ / "qemu-system-arm", "");
    std::filesystem::permissions(folder_ / "qemu-system-arm", std::filesystem::perms::owner_all);
  }
  void add(const char* image) { testing::write_file(folder_ / image, ""); }
  TempDir folder_;
  Path path_{"/nowhere:" + folder_.path().string()};
};

TEST_F(FirmwareTest, IsFoundWhereItIsSaidToBe) {
  for (const char* image : {"boot.elf", "secure.bin", "nonsecure.bin"}) add(image);
  const auto firmware = find_firmware(folder_.path());
  ASSERT_TRUE(firmware) << firmware.error().what;
  EXPECT_EQ(firmware->emulator, folder_ / "qemu-system-arm");
  EXPECT_EQ(firmware->nonsecure, folder_ / "nonsecure.bin");
}

TEST_F(FirmwareTest, MissingImagesAreNamed) {
  add("boot.elf");
  add("nonsecure.bin");
  const auto firmware = find_firmware(folder_.path());
  ASSERT_FALSE(firmware);
  EXPECT_EQ(firmware.error().what,
            "the firmware is not built: there is no " + (folder_ / "secure.bin").string());
  EXPECT_EQ(firmware.error().next, "tools/setup.sh source mbedtls && tools/setup.sh build mps2");
}

TEST_F(FirmwareTest, AMissingEmulatorIsNamed) {
  const Path nothing("/nowhere");
  const auto firmware = find_firmware(folder_.path());
  ASSERT_FALSE(firmware);
  EXPECT_EQ(firmware.error().what, "qemu-system-arm is not installed");
  EXPECT_EQ(firmware.error().next, "apt-get install qemu-system-arm");
}

}  // namespace
}  // namespace pedigree::qemu
