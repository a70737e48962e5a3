// SPDX-License-Identifier: Apache-2.0
// The emulated device loses power by itself at chosen changes of its update area, the boot stage's own writes
// among them: it always boots, and a station finishes the update. PEDIGREE_LONG=1: many cuts instead of a
// few.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "device/ports/mps2/trial/power_cut.h"
#include "testing/mps2/signed_board.h"

namespace pedigree::testing {
namespace {

/// What an image built with PEDIGREE_POWER_CUT reads and writes at mps2::kPowerCutPage.
struct Page {
  std::uint32_t magic = mps2::kPowerCutMagic;
  std::uint32_t changes_before_cut = UINT32_MAX - 1;  // never
  std::uint32_t changes = 0;
};

class BootPowerTest : public ::testing::Test {
 protected:
  static void set(const SignedBoard& unit, const Page& page) {
    Octets octets(sizeof page);
    std::memcpy(octets.data(), &page, sizeof page);
    unit.board.write_memory(mps2::kPowerCutPage, octets);
  }
  static Page page_of(const SignedBoard& unit) {
    Page page;
    const Octets octets = unit.board.read_memory(mps2::kPowerCutPage, sizeof page);
    std::memcpy(&page, octets.data(), sizeof page);
    return page;
  }
  /// What a station does in one life of the device, as far as it comes. True once the image runs for good.
  bool go_on(const SignedBoard& unit, const Octets& image) {
    bool done = false;
    const Octets hash = *station::image_hash(image);
    unit.live_with_link(
        [&](station::Link& link) {
          station::ImageClient client(link);
          const auto slots = client.state();
          if (!slots) return;  // it went off
          const auto running =
              std::ranges::find_if(*slots, [](const auto& slot) { return slot.image == 0 && slot.active; });
          ASSERT_NE(running, slots->end()) << unit.board.secure_log();
          const bool runs = running->hash == hex(hash);
          EXPECT_TRUE(runs || running->hash == hex(*station::image_hash(unit.first)));
          for (const auto& slot : *slots) EXPECT_FALSE(slot.refused);
          if (runs && running->confirmed) {
            done = true;
          } else if (runs) {
            static_cast<void>(client.confirm({}));
          } else if (client.upload(image, *unit.pki.crypto().sha256(image), {})) {
            static_cast<void>(client.test(hash));
          }
        },
        {"-no-reboot"});
    return done;
  }
  /// How many lives it took.
  int update(const SignedBoard& unit, const Octets& image) {
    for (int lives = 1; lives <= 8; ++lives) {
      if (go_on(unit, image) || HasFatalFailure()) return lives;
    }
    ADD_FAILURE() << "the update does not end: " << unit.board.secure_log();
    return 0;
  }
};

TEST_F(BootPowerTest, AnUpdateCutAtChosenChangesLeavesABootableDevice) {
  SignedBoard unit("power_cut/");
  const Octets second = unit.make({.version = {1, 1, 0, 0}, .counter = 2});
  set(unit, {});
  // The first boot manufactures the device; its changes are those of storage.
  unit.live([](station::ImageClient& client) { ASSERT_TRUE(client.state()); });
  const Octets made = unit.board.read_memory(0, mps2::kUpdateArea + mps2::kUpdateLayout.slot(1));
  set(unit, {});
  EXPECT_EQ(update(unit, second), 3);
  const std::uint32_t changes = page_of(unit).changes;
  ASSERT_GT(changes, second.size() / 64) << "every program of the upload is a change";
  const unsigned rounds = std::getenv("PEDIGREE_LONG") != nullptr ? 60 : 6;
  unsigned cuts = 0;
  for (unsigned round = 1; round <= rounds; ++round) {
    // Spread over all, and the last ones: trial and confirmation are records.
    const std::uint32_t change =
        round % 2 == 0 ? changes - 1 - round / 2 * 5 : changes * round / (rounds + 1);
    SCOPED_TRACE("power cut at change " + std::to_string(change) + " of " + std::to_string(changes));
    unit.board.write_memory(0, made);
    set(unit, {.changes_before_cut = change});
    const int lives = update(unit, second);
    ASSERT_FALSE(HasFailure());
    cuts += page_of(unit).magic == 0 ? 1 : 0;
    EXPECT_GE(lives, 3);
  }
  EXPECT_EQ(cuts, rounds);
}

}  // namespace
}  // namespace pedigree::testing
