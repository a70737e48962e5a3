// SPDX-License-Identifier: Apache-2.0
// Power is cut at every write of what a grant permits.
#include <functional>
#include <set>

#include "device/ports/sim/grant_fixture.h"
#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

/// What one grant is for, and whether its work is done.
struct Work {
  std::string name;
  Operation operation;
  std::function<Outcome(const Client&)> act;
  std::function<bool(const Client&)> done;
};

class GrantCutTest : public GrantTest, public ::testing::WithParamInterface<std::size_t> {
 public:
  static const std::vector<Work>& works() {
    static const std::vector<Work> list{
        {"Begin", Operation::begin,
         [](const Client& client) -> Outcome {
           PEDIGREE_TRY(client.begin({.slot = 3}));
           return {};
         },
         [](const Client& client) { return client.slot(3).state == 1; }},
        {"Replace", Operation::replace,
         [](const Client& client) -> Outcome {
           PEDIGREE_TRY(client.begin({.slot = kTls, .replace = true}));
           return {};
         },
         [](const Client& client) { return client.slot(kTls).state == 3; }},
        {"Destroy", Operation::destroy, [](const Client& client) { return client.destroy(kTls); },
         [](const Client& client) { return client.slot(kTls).state == 0; }},
        {"Repin", Operation::repin, [](const Client&) { return Outcome(); },
         [](const Client& client) {
           return equal(client.info().pinned_root, other_authority().root_spki_sha256());
         }},
        {"Decommission", Operation::decommission, [](const Client&) { return Outcome(); },
         [](const Client& client) {
           return client.info().lifecycle == static_cast<std::uint8_t>(Lifecycle::decommissioned);
         }},
    };
    return list;
  }

 protected:
  /// As a station does: what is done is left, otherwise a new grant is asked for.
  static Outcome carry_out(Device& device, const Work& work) {
    const Client client(device.service_handle());
    if (work.done(client)) return {};
    const std::uint32_t slot = work.operation == Operation::begin ? 3 : kTls;
    PEDIGREE_TRY(client.grant(signer().sign(wanted_of(device, work.operation, slot))));
    return work.act(client);
  }
  static std::set<std::uint64_t> identifiers(const Assets& assets) {
    std::set<std::uint64_t> uids;
    for (const auto& [uid, content] : assets) uids.insert(uid);
    return uids;
  }
};

TEST_P(GrantCutTest, AtEveryWriteItIsAsBeforeOrAsAfterAndCanBeFinished) {
  const Work& work = works()[GetParam()];
  const Assets before = device_->storage().assets();
  const auto whole = boot(before);
  ASSERT_TRUE(carry_out(*whole, work).has_value());
  ASSERT_TRUE(work.done(Client(whole->service_handle())));
  const auto after = identifiers(whole->storage().assets());

  bool more = true;
  std::size_t cuts = 0;
  for (; more; ++cuts) {
    SCOPED_TRACE("cut after write " + std::to_string(cuts));
    const auto dying = boot(before);
    std::size_t count = 0;
    dying->storage().set_hook([&](Storage::Write, std::uint64_t) -> std::int32_t {
      return count++ < cuts ? PSA_SUCCESS : PSA_ERROR_STORAGE_FAILURE;
    });
    const Outcome outcome = carry_out(*dying, work);
    more = count > cuts;
    const auto device = boot(dying->storage().assets());
    const Client client(device->service_handle());
    if (outcome) {
      EXPECT_TRUE(work.done(client)) << "what was answered is durable";
    }
    if (!work.done(client)) {
      EXPECT_EQ(client.slots().size(), 2U);
      EXPECT_TRUE(client.sign_hash(kTls, Octets(32, 1)).has_value());
      EXPECT_TRUE(equal(client.info().pinned_root, authority().root_spki_sha256()));
    }
    const Outcome resumed = carry_out(*device, work);
    EXPECT_TRUE(resumed.has_value()) << (resumed ? "" : name(resumed.error().code));
    EXPECT_TRUE(work.done(client));
    EXPECT_EQ(identifiers(device->storage().assets()), after) << "nothing is left over, nothing is lost";
  }
  EXPECT_GT(cuts, 1U) << "at least the grant's record was written";
}

/// A wipe that is cut short is finished by the next boots, whatever happens to those.
TEST_F(GrantTest, ADecommissionThatIsInterruptedGoesOnAtEachBoot) {
  const Assets before = device_->storage().assets();
  const auto whole = boot(before);
  ASSERT_TRUE(client_.slots().size() == 2);
  ASSERT_TRUE(Client(whole->service_handle())
                  .grant(signer().sign(wanted_of(*whole, Operation::decommission)))
                  .has_value());
  Assets flash = before;
  {
    const auto dying = boot(before);
    std::size_t count = 0;
    dying->storage().set_hook([&](Storage::Write, std::uint64_t) -> std::int32_t {
      return count++ < 1 ? PSA_SUCCESS : PSA_ERROR_STORAGE_FAILURE;
    });
    EXPECT_EQ(
        Client(dying->service_handle()).grant(signer().sign(wanted_of(*dying, Operation::decommission))),
        fail(ErrorCode::storage_failure));
    EXPECT_EQ(Client(dying->service_handle()).info().lifecycle,
              static_cast<std::uint8_t>(Lifecycle::decommissioned));
    EXPECT_EQ(Client(dying->service_handle()).sign_hash(kTls, Octets(32, 1)),
              fail(ErrorCode::lifecycle_forbids))
        << "closed before it is wiped";
    EXPECT_EQ(Client(dying->service_handle()).info().slots_used, 2U)
        << "and it says that it is not wiped yet";
    flash = dying->storage().assets();
  }
  bool finished = false;
  for (std::size_t boots = 0; !finished && boots < 200; ++boots) {
    const auto dying = open_in_memory();
    dying->storage().assets() = flash;
    std::size_t count = 0;
    dying->storage().set_hook([&](Storage::Write, std::uint64_t) -> std::int32_t {
      return count++ < 1 ? PSA_SUCCESS : PSA_ERROR_STORAGE_FAILURE;
    });
    dying->reboot();
    finished = count <= 1;
    flash = dying->storage().assets();
  }
  EXPECT_TRUE(finished) << "one write at each boot is progress enough";
  EXPECT_EQ(flash, whole->storage().assets());
}

INSTANTIATE_TEST_SUITE_P(Operations, GrantCutTest,
                         ::testing::Range(std::size_t{0}, GrantCutTest::works().size()),
                         [](const auto& parameter) { return GrantCutTest::works()[parameter.param].name; });

}  // namespace
}  // namespace pedigree::sim
