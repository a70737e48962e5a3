// SPDX-License-Identifier: Apache-2.0
// The conformance suite on simulated devices: it passes, changes what it says, and refuses what it should.
#include <gtest/gtest.h>

#include <csignal>

#include "station/conformance/suite.h"
#include "testing/conformance/bench_process.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;
using Options = std::vector<std::string>;

constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kNoConnection = 6;

/// A device under a shell script that cuts its power and gives it back: SIGKILL, and a start on the same
/// line.
class Powered {
 public:
  Powered() {
    write_file(script(), R"sh(#!/bin/sh
cd "$(dirname "$0")" || exit 1
if [ -s pid ]; then
  kill -9 "$(cat pid)"
  flock state/lock true
fi
rm -f ready
setsid "$PEDIGREE_PROGRAM" device --state state --udp "127.0.0.1:$(cat port)" --pty --ready-file ready \
  >device.log 2>&1 </dev/null &
echo $! >pid
tries=0
while [ ! -s ready ]; do
  sleep 0.02
  tries=$((tries + 1))
  [ $tries -lt 3000 ] || exit 1
done
sed 's/.*"udp":"127.0.0.1:\([0-9]*\)".*/\1/' ready >port
ln -sfn "$(sed 's/.*"serial":"\([^"]*\)".*/\1/' ready)" line
)sh");
    std::filesystem::permissions(script(), std::filesystem::perms::owner_all);
    write_file(folder_ / "port", std::string_view("0"));
    const CommandResult started = run({script()});
    if (started.status != 0) throw std::runtime_error("the device did not start: " + started.output);
  }
  ~Powered() {
    const std::string pid = read_text(folder_ / "pid");
    ::kill(std::stoi(pid), SIGKILL);
  }
  Powered(const Powered&) = delete;
  Powered& operator=(const Powered&) = delete;

  [[nodiscard]] std::string script() const { return folder_ / "power"; }
  [[nodiscard]] std::string line() const { return folder_ / "line"; }
  [[nodiscard]] std::string udp() const {
    std::string port = read_text(folder_ / "port");
    while (port.ends_with('\n')) port.pop_back();
    return "127.0.0.1:" + port;
  }

 private:
  TempDir folder_;
};

/// What no simulated device without firmware update has, in assembly and test and unused.
bool may_be_left_out(const std::string& id, bool serial) {
  return id == "attest.own-chain" || id.starts_with("lifecycle.") || id.starts_with("image.") ||
         (id == "smp.console" && !serial);
}

void expect_all_pass(const Findings& found, bool serial) {
  ASSERT_EQ(found.status, kOk) << found.others();
  for (const json::value& row : found.report.at("checks").as_array()) {
    const std::string id =
        std::string(row.at("area").as_string()) + "." + std::string(row.at("check").as_string());
    if (row.at("result").as_string() == "pass") continue;
    EXPECT_TRUE(may_be_left_out(id, serial)) << id << ": " << row.at("why").as_string();
  }
  EXPECT_EQ(found.count("failed"), 0U);
  EXPECT_TRUE(found.report.at("left_behind").as_array().empty());
}

/// Every error of a device's range was answered, or has its reason for not being.
void expect_all_errors(const Findings& found) {
  for (const json::value& row : found.report.at("errors").as_array()) {
    EXPECT_TRUE(row.at("answered").as_bool() || !row.at("not_provoked").as_string().empty())
        << row.at("name").as_string() << " was not answered, and nothing says why";
  }
}

TEST(ConformanceTest, ASimulatedDevicePassesOverUdpThroughPowerCuts) {
  const Powered device;
  const Findings found = device_test({"--udp", device.udp(), "--pin-root", "--power-cut", device.script()});
  expect_all_pass(found, false);
  expect_all_errors(found);
}

TEST(ConformanceTest, ASimulatedDevicePassesOverASerialLineThroughPowerCuts) {
  const Powered device;
  const Findings found =
      device_test({"--serial", device.line(), "--pin-root", "--power-cut", device.script()});
  expect_all_pass(found, true);
}

TEST(ConformanceTest, SmallBuffersAndAStockAttestationKeyPass) {
  const TestDevice device({"--udp", "127.0.0.1:0", "--buffer-size", "512", "--stock-iak"});
  const Findings found = device.test({"--pin-root"});
  EXPECT_EQ(found.status, kOk) << found.others();
}

TEST(ConformanceTest, WithoutAPowerCutThoseChecksSayThatTheyWereNotRun) {
  const TestDevice device({"--udp", "127.0.0.1:0"});
  const Findings found = device.test({"--pin-root", "--filter", "power"});
  EXPECT_EQ(found.result("power.commit"), "not run");
  EXPECT_NE(found.why("power.commit").find("--power-cut"), std::string::npos);
}

/// What `pedigree provision --info` says of a device's slots and root.
std::string info_of(const TestDevice& device) {
  return run({program(), "provision", "--info", "--json", "--udp", device.udp()}).output;
}

TEST(ConformanceTest, ARootIsNotPinnedWithoutLeave) {
  const TestDevice device({"--udp", "127.0.0.1:0"});
  const std::string before = info_of(device);
  const Findings refused = device.test({});
  EXPECT_EQ(refused.status, kUsage) << refused.output;
  EXPECT_NE(refused.output.find("--pin-root"), std::string::npos) << refused.output;
  EXPECT_EQ(info_of(device), before);
  // What pins nothing needs no leave.
  const Findings looked = device.test({"--skip", "commit", "--skip", "refusal", "--skip", "power", "--skip",
                                       "attest.chain", "--skip", "grant.refusal"});
  EXPECT_EQ(looked.status, kOk) << looked.others();
  EXPECT_EQ(info_of(device), before);
}

TEST(ConformanceTest, ARootThatWasKeptTestsTheDeviceAgain) {
  const TestDevice device({"--udp", "127.0.0.1:0"});
  const Options kept{"--pin-root", "--test-root", device.path("root"), "--filter",
                     "commit",     "--filter",    "refusal.other-root"};
  EXPECT_EQ(device.test(kept).status, kOk);
  const auto key = std::filesystem::status(device.path("root") + "/root.key.pem").permissions();
  EXPECT_EQ(key & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
  const Findings again = device.test({kept.begin() + 1, kept.end()});
  EXPECT_EQ(again.status, kOk) << again.others();
  EXPECT_EQ(again.result("commit.kinds"), "pass");
  // Without that root nothing can be stored, and the rows say so.
  const Findings without = device.test({"--filter", "commit.kinds", "--filter", "info"});
  EXPECT_EQ(without.status, kOk) << without.others();
  EXPECT_EQ(without.result("commit.kinds"), "not run");
  EXPECT_NE(without.why("commit.kinds").find("--test-root"), std::string::npos);
}

TEST(ConformanceTest, ADeviceInUseIsLeftAlone) {
  const TestDevice device({"--udp", "127.0.0.1:0"});
  // Its user's: a key with a chain, made by a run of the test's own root that leaves it.
  const CommandResult made = run({program(), "provision", "--info", "--udp", device.udp()});
  ASSERT_EQ(made.status, kOk) << made.output;
  {
    auto line = station::conformance::open_udp_line(device.udp());
    ASSERT_TRUE(line.has_value());
    station::conformance::Wire wire(*std::move(line), {});
    station::Device used(wire);
    ASSERT_TRUE(used.begin({.slot = 3, .purpose = enrol::Purpose::tls}).has_value());
    ASSERT_TRUE(used.begin({.slot = 5, .purpose = enrol::Purpose::iak}).has_value());
  }
  const std::string before = info_of(device);
  const Findings refused = device.test({"--pin-root"});
  EXPECT_EQ(refused.status, kUsage) << refused.output;
  EXPECT_NE(refused.output.find("--allow-changes"), std::string::npos) << refused.output;
  EXPECT_EQ(info_of(device), before);
  const Findings looked = device.test({"--filter", "info", "--filter", "smp"});
  EXPECT_EQ(looked.status, kOk) << looked.others();

  const Findings found = device.test({"--allow-changes", "--skip", "commit", "--skip", "refusal", "--skip",
                                      "power", "--skip", "attest.chain", "--skip", "grant.refusal"});
  EXPECT_EQ(found.status, kOk) << found.others();
  EXPECT_EQ(found.result("keys.iak-generated"), "not run");
  EXPECT_EQ(found.result("keys.data-generated"), "pass");
  EXPECT_EQ(info_of(device), before) << "the user's slots were touched";
}

TEST(ConformanceTest, ALaterLifecycleIsTestedForWhatItForbids) {
  for (const auto& [lifecycle, check] : {std::pair{"secured", "lifecycle.secured"},
                                         {"debug", "lifecycle.secured"},
                                         {"decommissioned", "lifecycle.decommissioned"}}) {
    const TestDevice device({"--udp", "127.0.0.1:0", "--lifecycle", lifecycle});
    const Findings found = device.test({"--filter", "lifecycle", "--filter", "keys", "--filter", "commit"});
    EXPECT_EQ(found.status, kOk) << lifecycle << ": " << found.others();
    EXPECT_EQ(found.result(check), "pass") << lifecycle << ": " << found.others();
    EXPECT_EQ(found.result("keys.data-generated"), "not run") << lifecycle;
  }
}

TEST(ConformanceTest, SilenceEndsIt) {
  const Findings found = device_test({"--udp", "127.0.0.1:1", "--timeout", "0.5"});
  EXPECT_EQ(found.status, kNoConnection) << found.output;
}

TEST(ConformanceTest, ACommandThatFailsIsNamed) {
  const TestDevice device({"--udp", "127.0.0.1:0"});
  const Findings found = device.test({"--pin-root", "--filter", "power.begin", "--power-cut", "exit 9"});
  EXPECT_NE(found.why("power.begin").find("status 9"), std::string::npos) << found.output;
}

TEST(ConformanceTest, ADeviceWhoseStorageIsLostWithItsPowerIsFound) {
  const Powered device;
  const std::string wipe = "rm -rf " + std::filesystem::path(device.script()).parent_path().string() +
                           "/state/asset-*; " + device.script();
  const Findings found =
      device_test({"--udp", device.udp(), "--pin-root", "--filter", "power.commit", "--power-cut", wipe});
  EXPECT_EQ(found.result("power.commit"), "FAIL") << found.output;
}

TEST(Patterns, KnowStarsAndQuestionMarks) {
  using station::conformance::matches;
  EXPECT_TRUE(matches("keys.*", "keys.tls-generated"));
  EXPECT_TRUE(matches("*.restart", "chain.restart"));
  EXPECT_TRUE(matches("s?p", "smp"));
  EXPECT_FALSE(matches("smp", "smp.echo"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_TRUE(matches("*", ""));
}

TEST(Catalogue, NamesEachCheckOnce) {
  const auto checks = station::conformance::all_checks();
  std::set<std::string> names;
  for (const auto& check : checks) {
    EXPECT_TRUE(names.insert(check.id()).second) << check.id();
    EXPECT_FALSE(check.what.empty()) << check.id();
  }
  EXPECT_GT(checks.size(), 100U);
}

}  // namespace
}  // namespace pedigree::testing
