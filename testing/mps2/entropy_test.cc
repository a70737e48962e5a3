// SPDX-License-Identifier: Apache-2.0
// Where the emulated device's random numbers come from: what it gives out is random, what it is made with is
// tested, and a build for debugging says that it is one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <sstream>

#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "device/ports/mps2/secure/storage.h"
#include "device/ports/mps2/secure/test_medium.h"
#include "testing/mps2/board.h"
#include "testing/mps2/statistics.h"

namespace pedigree::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(600);
constexpr std::size_t kErased = std::size_t{128} * 1024;

Octets random_octets(std::size_t size, std::uint32_t number) {
  std::mt19937 random(number);
  Octets octets(size);
  for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
  return octets;
}

/// Each distance with its name, so that one that is too large says which.
struct Distance {
  const char* name;
  double (*of)(Bytes);
};
constexpr Distance kDistances[] = {{"monobit", monobit_distance},
                                   {"runs", runs_distance},
                                   {"octets", octets_distance},
                                   {"steps", steps_distance}};

std::set<std::string> far_ones(Bytes octets) {
  std::set<std::string> names;
  for (const Distance& distance : kDistances) {
    if (!(std::abs(distance.of(octets)) < kLimit)) names.insert(distance.name);
  }
  return names;
}

TEST(Statistics, SeeWhatIsNotRandom) {
  constexpr std::size_t kSize = 65536;
  for (std::uint32_t n = 0; n < 50; ++n)
    EXPECT_EQ(far_ones(random_octets(kSize, n)), std::set<std::string>{});
  EXPECT_EQ(far_ones(Octets(kSize)), (std::set<std::string>{"monobit", "runs", "octets", "steps"}));
  EXPECT_TRUE(far_ones(Octets(kSize, 0x55)).contains("runs"));
  Octets counter(kSize);
  for (std::size_t i = 0; i < kSize; ++i) counter[i] = static_cast<std::uint8_t>(i);
  EXPECT_TRUE(far_ones(counter).contains("octets")) << "too even";
  EXPECT_TRUE(far_ones(counter).contains("steps"));
  Octets biased = random_octets(kSize, 1);
  for (std::size_t i = 0; i < kSize; i += 10) biased[i] |= 1U;
  EXPECT_TRUE(far_ones(biased).contains("monobit"));
}

/// What the secure world has said when a line with these words is complete.
std::string boot_until(const Board& board, const Images& images, const std::string& words) {
  const auto emulator = board.run(images);
  const bool said = emulator->wait_until(
      [&] {
        const std::string log = board.secure_log();
        const std::size_t at = log.find(words);
        return at != std::string::npos && log.find('\n', at) != std::string::npos;
      },
      kPatience);
  const std::string log = board.secure_log();
  emulator->kill();
  emulator->wait();
  if (!said) throw std::runtime_error("not said: " + words + "; but: " + log.substr(0, 2000));
  return log;
}

/// What the image bin/random gives out at a boot.
Octets drawn(const Board& board) {
  std::istringstream lines(boot_until(board, {.secure = "random/"}, "random: end"));
  Octets octets;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("random ")) continue;
    const Octets more = unhex(line.substr(7));
    octets.insert(octets.end(), more.begin(), more.end());
  }
  return octets;
}

TEST(DeviceEntropy, WhatADeviceDrawsIsRandomAndNeverTheSame) {
  constexpr std::size_t kDrawn = 32768;
  const Board first;
  const Board second;
  Octets all;
  for (const Board* board : {&first, &first, &second}) {
    const Octets octets = drawn(*board);
    ASSERT_EQ(octets.size(), kDrawn);
    EXPECT_EQ(far_ones(octets), std::set<std::string>{});
    all.insert(all.end(), octets.begin(), octets.end());
  }
  EXPECT_EQ(far_ones(all), std::set<std::string>{});
  // No 8 octets twice, between boots of a device nor between devices: by chance once in 10^12.
  std::set<Octets> blocks;
  for (std::size_t at = 0; at < all.size(); at += 8) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    EXPECT_TRUE(blocks.insert(Octets(begin, begin + 8)).second);
  }
}

struct BadSeed {
  std::string name;
  Octets page;
  std::string said;
};

std::vector<BadSeed> bad_seeds() {
  Octets counter(32);
  for (std::size_t i = 0; i < counter.size(); ++i) counter[i] = static_cast<std::uint8_t>(i);
  Octets pattern = random_octets(8, 1);
  for (int i = 0; i < 2; ++i) pattern.insert(pattern.end(), pattern.begin(), pattern.end());
  Octets damaged = factory_seed(random_octets(32, 2));
  damaged[20] ^= 1U;
  return {{"missing", Octets(40, 0xff), "this device was made without a seed"},
          {"used up", Octets(40, 0), "this device was made without a seed"},
          {"damaged", damaged, "the factory seed is damaged"},
          {"all equal", factory_seed(Octets(32, 0x41)),
           "the factory seed fails its health test: repetition count"},
          {"zeros", factory_seed(Octets(32, 0)), "the factory seed fails its health test: repetition count"},
          {"counter", factory_seed(counter), "the factory seed fails its health test: repetition count"},
          {"pattern", factory_seed(pattern), "the factory seed fails its health test: repeated pattern"}};
}

TEST(DeviceEntropy, ABadFactorySeedMakesNoKeyAndNoService) {
  for (const BadSeed& bad : bad_seeds()) {
    SCOPED_TRACE(bad.name);
    const Board board;
    board.write_memory(kFactorySeedOffset, bad.page);
    const std::string log = boot_until(board, {}, "no service: ");
    EXPECT_NE(log.find("entropy: " + bad.said), std::string::npos) << "or: " << log;
    EXPECT_NE(log.find("no service: the random number generator has no entropy"), std::string::npos) << log;
    EXPECT_EQ(log.find("manufacture"), std::string::npos) << log;
    // Behind the header of the first bank nothing was ever written.
    const Octets memory = read_file(board.memory());
    EXPECT_TRUE(std::all_of(memory.begin() + 16, memory.begin() + static_cast<std::ptrdiff_t>(kErased),
                            [](std::uint8_t octet) { return octet == 0xff; }));
    board.with_device({}, [](station::Device& device) { EXPECT_FALSE(device.info().has_value()); });
  }
}

/// The store of a device whose seed is this.
Octets store_with_seed(Bytes seed) {
  mps2::TestMedium medium(2 * mps2::kBankSize);
  mps2::NvStore store(medium);
  if (!store.mount() || !store.set(mps2::kSeedAsset, seed)) throw std::runtime_error("no store");
  return medium.memory;
}

TEST(DeviceEntropy, ABadSeedInTheStoreIsNoBetter) {
  const Board board;
  board.write_memory(0, store_with_seed(Octets(32, 0xa5)));
  const std::string log = boot_until(board, {}, "no service: ");
  EXPECT_NE(log.find("entropy: the seed fails its health test: repetition count"), std::string::npos) << log;
  // The same store with a good one serves: it is the seed that was refused.
  const Board good;
  good.write_memory(0, store_with_seed(random_octets(32, 7)));
  good.with_device({}, [](station::Device& device) { EXPECT_TRUE(device.info().has_value()); });
}

TEST(DeviceEntropy, TheSeedIsReplacedAtEveryBoot) {
  const Board board;
  std::set<Octets> states;
  for (int boot = 0; boot < 3; ++boot) {
    board.with_device({}, [](station::Device& device) { ASSERT_TRUE(device.info().has_value()); });
    const Octets memory = read_file(board.memory());
    Octets now(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(kErased));
    EXPECT_TRUE(states.insert(std::move(now)).second);
    EXPECT_TRUE(std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(kFactorySeedOffset),
                            memory.begin() + static_cast<std::ptrdiff_t>(kFactorySeedOffset + 40),
                            [](std::uint8_t octet) { return octet == 0; }));
  }
}

struct Said {
  std::string id;
  enrol::Entropy info{};
  enrol::Entropy request{};
};

Said said_by(const Board& board, const Images& images) {
  Said said;
  board.with_device(images, [&](station::Device& device) {
    const auto info = device.info();
    ASSERT_TRUE(info.has_value()) << info.error().message;
    said.id = info->id;
    said.info = info->entropy;
    const auto key = device.begin({.slot = 1, .purpose = enrol::Purpose::tls});
    ASSERT_TRUE(key.has_value()) << key.error().message;
    const auto der = device.csr(1, Octets(32, 1));
    ASSERT_TRUE(der.has_value()) << der.error().message;
    const auto request = csr::Request::parse(*der);
    ASSERT_TRUE(request.has_value());
    const auto value = enrol::read_entropy(request->find_attribute(enrol::kEntropyAttribute));
    ASSERT_TRUE(value.has_value());
    said.request = *value;
  });
  return said;
}

TEST(DeviceEntropy, AFixedSeedIsSaidInInfoAndRequest) {
  const Said first = said_by(Board(), {.secure = "fixed_seed/"});
  const Said second = said_by(Board(), {.secure = "fixed_seed/"});
  EXPECT_EQ(first.info, enrol::Entropy::fixed);
  EXPECT_EQ(first.request, enrol::Entropy::fixed);
  EXPECT_EQ(first.id, second.id) << "it can be repeated";
  const Said product = said_by(Board(), {});
  EXPECT_EQ(product.info, enrol::Entropy::seed);
  EXPECT_EQ(product.request, enrol::Entropy::seed);
  EXPECT_NE(product.id, first.id);
}

}  // namespace
}  // namespace pedigree::testing
