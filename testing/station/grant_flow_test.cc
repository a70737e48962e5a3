// SPDX-License-Identifier: Apache-2.0
// The flows of grants, between an authority that serves and a simulated device in this process; and the
// conformance checks of grants on such a device.
#include <gtest/gtest.h>

#include <deque>
#include <fstream>

#include "device/ports/sim/test_unit.h"
#include "station/conformance/line.h"
#include "station/conformance/suite.h"
#include "station/flow/grant.h"
#include "station/flow/provision.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using namespace station;
using enrol::Lifecycle;

/// A line without a cable; it loses an answer where a test wants that.
class DirectLine final : public conformance::Line {
 public:
  explicit DirectLine(sim::Device& device) : device_(device) {}
  station::Outcome<void> send(Bytes packet) override {
    const Bytes answer = device_.handle(packet);
    if (!answer.empty()) answers_.emplace_back(answer.begin(), answer.end());
    device_.reset_if_asked();
    return {};
  }
  station::Outcome<void> send_octets(Bytes octets) override { return send(octets); }
  std::optional<Octets> receive(conformance::Clock::time_point) override {
    if (answers_.empty()) return std::nullopt;
    Octets answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  [[nodiscard]] std::size_t largest() const override { return 1024; }
  [[nodiscard]] bool serial() const override { return false; }
  [[nodiscard]] std::string peer() const override { return "direct"; }

 private:
  sim::Device& device_;
  std::deque<Octets> answers_;
};

conformance::Wire wire_to(sim::Device& device) {
  return {std::make_unique<DirectLine>(device), conformance::WireOptions{}};
}

class GrantFlow : public ::testing::Test {
 protected:
  GrantFlow() {
    std::ofstream(authority_.layout().policy(), std::ios::app)
        << "\n[[grant]]\nrole = \"station\"\nname = \"*\"\noperations = [\"begin\", \"replace\"]\n";
    authority_.restart();
    station_ = connect("station");
    operator_ = connect("operator");
  }
  std::unique_ptr<AuthorityClient> connect(const std::string& who) { return connect(who, authority_); }
  std::unique_ptr<AuthorityClient> connect(const std::string& who, const ServedAuthority& authority) {
    const auto& layout = authority.layout();
    auto client = open_authority(loop_, {.url = authority.url(),
                                         .ca_file = layout.tls_certificate("ca"),
                                         .certificate_file = layout.tls_certificate(who),
                                         .key_file = layout.tls_key(who),
                                         .notice = {}});
    if (!client) throw std::runtime_error(client.error().message);
    return *std::move(client);
  }
  UnitResult provision(const std::string& profile, const std::string& why = {},
                       ProvisionOptions options = {}) {
    const auto journal = Journal::open(authority_.scratch("journal"));
    const station::Line line{*station_, **journal, crypto_};
    options.profile = profile;
    options.issuer = "acme";
    options.grant_why = why;
    return provision_unit(wire_, line, options);
  }
  NewRoot root_in(Bytes der) {
    const auto root = x509::Certificate::parse(der);
    return {hex(*crypto_.sha256(root->spki().whole)), root->spki().key->type};
  }
  void secure() { device_->platform().lifecycle = Lifecycle::secured; }
  std::string state_of_device() {
    return std::string(authority_.client("operator")
                           ->get("/v1/devices/" + hex(device_->id()))
                           .json()
                           .at("state")
                           .as_string());
  }

  ServedAuthority authority_;
  crypto::OpenSslCrypto crypto_;
  Loop loop_;
  std::unique_ptr<AuthorityClient> station_, operator_;
  std::unique_ptr<sim::Device> device_ = sim::open_in_memory();
  conformance::Wire wire_ = wire_to(*device_);
  station::Device calls_{wire_};
};

TEST_F(GrantFlow, ADeviceComesBackAndIsProvisionedAgain) {
  ASSERT_EQ(provision("iak").state, UnitState::provisioned);
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  const auto before = calls_.slots().value();
  ASSERT_EQ(before.size(), 2U);
  const auto emptied = return_device(calls_, *operator_, "back from the field");
  ASSERT_TRUE(emptied.has_value()) << emptied.error().message;
  EXPECT_EQ(emptied->slots, (std::vector<std::uint32_t>{2, 1})) << "the key that it was made with last";
  EXPECT_EQ(emptied->revoked.size(), 1U) << "whose certificate stays";
  EXPECT_TRUE(calls_.slots().value().empty());
  const auto again = return_device(calls_, *operator_, "back from the field");
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->already && again->revoked.empty());

  const UnitResult refused = provision("tls-client");
  ASSERT_TRUE(refused.failure.has_value());
  EXPECT_EQ(refused.failure->code, ErrorCode::grant_required);
  const UnitResult iak = provision("iak", "repaired");
  EXPECT_EQ(iak.state, UnitState::provisioned) << (iak.failure ? iak.failure->message : "");
  const UnitResult tls = provision("tls-client", "repaired");
  EXPECT_EQ(tls.state, UnitState::provisioned) << (tls.failure ? tls.failure->message : "");
  EXPECT_EQ(provision("tls-client").state, UnitState::already);
  const auto after = calls_.slots().value();
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[0].key, before[0].key);
  EXPECT_NE(after[1].key, before[1].key);
}

TEST_F(GrantFlow, AReturnThatIsInterruptedGoesOn) {
  ASSERT_EQ(provision("iak").state, UnitState::provisioned);
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  // Power goes while the first slot is being destroyed.
  std::size_t writes = 0;
  device_->storage().set_hook(
      [&](sim::Storage::Write, std::uint64_t) -> std::int32_t { return writes++ < 2 ? 0 : -146; });
  const auto cut = return_device(calls_, *operator_, "x");
  device_->storage().set_hook({});
  device_->reboot();
  secure();
  const auto emptied = return_device(calls_, *operator_, "x");
  ASSERT_TRUE(emptied.has_value()) << emptied.error().message;
  EXPECT_TRUE(calls_.slots().value().empty());
  const UnitResult iak = provision("iak", "repaired");
  EXPECT_EQ(iak.state, UnitState::provisioned) << (iak.failure ? iak.failure->message : "");
}

TEST_F(GrantFlow, AKeyIsReplacedWhileTheOldOneServes) {
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  const std::string before = calls_.slots().value().at(0).key;
  ProvisionOptions replace;
  replace.replace = true;
  EXPECT_EQ(provision("tls-client", "worn", replace).state, UnitState::already) << "nobody has superseded it";
  ASSERT_TRUE(operator_->revoke_all(hex(device_->id()), "superseded", "worn", {}).has_value());
  EXPECT_EQ(provision("tls-client", "worn").state, UnitState::already) << "nobody asks for it";
  const UnitResult refused = provision("tls-client", {}, replace);
  ASSERT_TRUE(refused.failure.has_value());
  EXPECT_EQ(refused.failure->code, ErrorCode::grant_required);

  // The station goes away when the key is made; the old one serves.
  ProvisionOptions cut = replace;
  cut.fault_point = [](std::string_view where) {
    if (where == "before enrol") throw std::runtime_error("power");
  };
  EXPECT_THROW(static_cast<void>(provision("tls-client", "worn", cut)), std::runtime_error);
  auto slot = calls_.slots().value().at(0);
  EXPECT_EQ(slot.state, enrol::SlotState::replacing);
  EXPECT_EQ(slot.key, before);
  const UnitResult replaced = provision("tls-client", {}, replace);
  EXPECT_EQ(replaced.state, UnitState::provisioned) << (replaced.failure ? replaced.failure->message : "");
  slot = calls_.slots().value().at(0);
  EXPECT_EQ(slot.state, enrol::SlotState::active);
  EXPECT_NE(slot.key, before);
  EXPECT_EQ(provision("tls-client", "worn", replace).state, UnitState::already) << "nothing twice";
  EXPECT_EQ(calls_.slots().value().at(0).key, slot.key);
  ASSERT_EQ(provision("iak", "worn").state, UnitState::provisioned);
  EXPECT_EQ(provision("iak", "worn", replace).failure->code, ErrorCode::bad_value)
      << "the device was made with it";
}

// Another owner, with a root of his own.
TEST_F(GrantFlow, ADeviceIsHandedOver) {
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  ASSERT_TRUE(return_device(calls_, *operator_, "sold").has_value());
  ServedAuthority other;
  std::ofstream(other.layout().policy(), std::ios::app)
      << "\n[[grant]]\nrole = \"station\"\nname = \"*\"\noperations = [\"begin\"]\n";
  other.restart();
  const auto root = app::read_certificate(other.layout().root_certificate()).value();
  const NewRoot wanted = root_in(root);
  const std::string before = calls_.info().value().pinned_root;
  const auto done = repin_device(calls_, *operator_, wanted, "sold");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_FALSE(done->already);
  EXPECT_EQ(done->before, before);
  EXPECT_EQ(done->slots, 0U);
  EXPECT_EQ(calls_.info().value().pinned_root, wanted.spki_sha256);
  const auto again = repin_device(calls_, *operator_, wanted, "sold");
  ASSERT_TRUE(again.has_value()) << again.error().message << ": nothing is left that needs a grant";
  EXPECT_TRUE(again->already);
  const auto back = repin_device(calls_, *operator_, {before, crypto::KeyType::p256}, "regretted");
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, ErrorCode::grant_signer_refused) << "it is another's by now";
  EXPECT_EQ(provision("tls-client", "once more").failure->code, ErrorCode::grant_signer_refused);

  station_ = connect("station", other);
  const UnitResult bought = provision("tls-client", "bought");
  EXPECT_EQ(bought.state, UnitState::provisioned) << (bought.failure ? bought.failure->message : "");
  EXPECT_EQ(provision("iak", "bought").state, UnitState::provisioned) << "and the next without its root";
}

// Power goes at each write of it in turn: the old root, or the new one, and always one whose grants count.
TEST_F(GrantFlow, ARepinThatIsInterruptedGoesOn) {
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  const std::string before = calls_.info().value().pinned_root;
  const NewRoot wanted{std::string(64, 'a'), crypto::KeyType::p256};
  bool finished = false;
  for (std::size_t allowed = 0; allowed < 10 && !finished; ++allowed) {
    SCOPED_TRACE(allowed);
    secure();
    std::size_t writes = 0;
    device_->storage().set_hook(
        [&](sim::Storage::Write, std::uint64_t) -> std::int32_t { return writes++ < allowed ? 0 : -146; });
    const auto cut = repin_device(calls_, *operator_, wanted, "x");
    device_->storage().set_hook({});
    device_->reboot();
    secure();
    const std::string now = calls_.info().value().pinned_root;
    EXPECT_EQ(now, cut.has_value() ? wanted.spki_sha256 : now == before ? before : wanted.spki_sha256);
    finished = cut.has_value() && writes <= allowed;
    if (!finished && now == wanted.spki_sha256) {
      // Done, and nobody was told: the next run says so.
      const auto again = repin_device(calls_, *operator_, wanted, "x");
      ASSERT_TRUE(again.has_value()) << again.error().message;
      EXPECT_TRUE(again->already);
      finished = true;
    }
  }
  EXPECT_TRUE(finished);
  EXPECT_EQ(calls_.slots().value().size(), 1U) << "keys stay";
}

TEST_F(GrantFlow, ARootThatADeviceCannotTakeIsRefused) {
  const NewRoot wanted{std::string(64, 'a'), crypto::KeyType::p256};
  EXPECT_EQ(repin_device(calls_, *operator_, wanted, "x").error().code, ErrorCode::root_required);
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  const std::string before = calls_.info().value().pinned_root;
  EXPECT_EQ(
      repin_device(calls_, *operator_, {wanted.spki_sha256, crypto::KeyType::rsa3072}, "x").error().code,
      ErrorCode::unsupported_algorithm);
  const auto refused = repin_device(calls_, *station_, wanted, "x");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::not_authorised);
  EXPECT_EQ(calls_.info().value().pinned_root, before);
  // In the factory's lifecycle the same grant is asked for.
  device_->platform().lifecycle = Lifecycle::assembly_and_test;
  EXPECT_TRUE(repin_device(calls_, *operator_, wanted, "x").has_value());
  EXPECT_EQ(calls_.info().value().pinned_root, wanted.spki_sha256);
  EXPECT_EQ(calls_.info().value().slots_used, 1U);
}

TEST_F(GrantFlow, ADeviceIsEnded) {
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  // It is closed, and the power goes before it has wiped itself.
  std::size_t writes = 0;
  device_->storage().set_hook(
      [&](sim::Storage::Write, std::uint64_t) -> std::int32_t { return writes++ < 1 ? 0 : -146; });
  EXPECT_FALSE(decommission_device(calls_, *operator_, "recycled").has_value());
  EXPECT_EQ(state_of_device(), "retired") << "nobody believes it any more";
  const auto closed = decommission_device(calls_, *operator_, "recycled");
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().code, ErrorCode::storage_failure);
  device_->storage().set_hook({});
  device_->reboot();
  secure();
  const auto ended = decommission_device(calls_, *operator_, "recycled");
  ASSERT_TRUE(ended.has_value()) << ended.error().message;
  EXPECT_TRUE(ended->already) << "the restart has finished it";
  EXPECT_EQ(calls_.info().value().lifecycle, Lifecycle::decommissioned);
  EXPECT_EQ(state_of_device(), "retired");
  EXPECT_EQ(return_device(calls_, *operator_, "x").error().code, ErrorCode::lifecycle_forbids);
  EXPECT_EQ(repin_device(calls_, *operator_, {std::string(64, 'a'), crypto::KeyType::p256}, "x").error().code,
            ErrorCode::lifecycle_forbids);
}

TEST_F(GrantFlow, WhoeverMayNotIsTold) {
  ASSERT_EQ(provision("tls-client").state, UnitState::provisioned);
  secure();
  const auto refused = decommission_device(calls_, *station_, "x");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().side, Side::authority);
  EXPECT_EQ(refused.error().code, ErrorCode::not_authorised);
  EXPECT_EQ(calls_.slots().value().size(), 1U);
}

/// Keys of a conformance run.
class Keys final : public conformance::KeyMaker {
 public:
  Result<crypto::PrivateKey> make(crypto::KeyType type) override {
    auto key = crypto::OpenSslKey::generate(type);
    if (!key) return std::unexpected(key.error());
    keys_.push_back(*std::move(key));
    return keys_.back().view();
  }
  Result<Octets> private_value(const crypto::PrivateKey&) override { return fail(ErrorCode::key_not_found); }

 private:
  std::deque<crypto::OpenSslKey> keys_;
};

TEST(GrantConformance, ASimulatedDevicePasses) {
  const auto device = sim::open_in_memory();
  conformance::Wire wire = wire_to(*device);
  const crypto::OpenSslCrypto crypto;
  Keys keys;
  auto authority = conformance::TestAuthority::make(crypto, keys);
  ASSERT_TRUE(authority.has_value());
  conformance::Bench bench({wire, crypto, *authority, keys, {.pin_root = true, .change_in_use = false}, {}});
  ASSERT_TRUE(negotiate(wire).has_value());
  ASSERT_TRUE(bench.meet().has_value());
  const auto checks = conformance::select(conformance::all_checks(), {"grant"}, {});
  ASSERT_EQ(checks.size(), 3U);
  const conformance::Report report = conformance::run_checks(
      checks, bench,
      {[](const conformance::Check&) {}, [](const conformance::Row&) {}, [] { return false; }});
  for (const conformance::Row& row : report.rows) {
    EXPECT_EQ(row.ending, conformance::Ending::passed) << row.name << ": " << row.detail;
  }
  EXPECT_TRUE(report.left_behind.empty());
  for (const conformance::ErrorRow& row : report.errors) {
    if (!name(row.code).starts_with("grant_")) continue;
    EXPECT_TRUE(row.answered || !row.why.empty()) << name(row.code);
  }
}

}  // namespace
}  // namespace pedigree::testing
