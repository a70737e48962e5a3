// SPDX-License-Identifier: Apache-2.0
// `pedigree provision` as people and scripts meet it: text, JSON, a terminal, errors with their exit codes.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/command.h"
#include "testing/station/plant.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using testing::Process;
using testing::ProcessOptions;

class Provision : public ::testing::Test {
 protected:
  void start(unsigned devices, const std::vector<std::string>& options = {}) {
    plant_.start_authority();
    plant_.start_devices(devices, options);
  }
  /// Runs `pedigree provision` and these words alone; the answer must be JSON.
  json::value json_of(std::vector<std::string> words, int status = kExitOk) {
    words.emplace_back("--json");
    Process process(words);
    EXPECT_EQ(process.wait(), status) << process.output();
    EXPECT_EQ(process.errors(), "");
    return json::parse(process.output());
  }
  std::vector<std::string> every(unsigned devices) {
    std::vector<std::string> all;
    for (unsigned i = 0; i < devices; ++i) all.push_back(plant_.address(i));
    return all;
  }
  /// A failure: its exit code, its first line, and that it says what to do next.
  static void expect_error(const std::vector<std::string>& words, int status, const std::string& text) {
    Process process(words);
    EXPECT_EQ(process.wait(), status) << process.errors();
    EXPECT_TRUE(process.errors().starts_with("error: ")) << process.errors();
    EXPECT_NE(process.errors().find(text), std::string::npos) << process.errors();
    EXPECT_NE(process.errors().find("\n  next "), std::string::npos) << process.errors();
  }

  testing::Plant plant_;
};

TEST_F(Provision, JsonTellsEverything) {
  start(1);
  const json::value first =
      json_of(plant_.provision(0, {"--issuer", "acme", "--out", plant_.path("chains")}));
  EXPECT_EQ(first.at("provisioned"), 1);
  EXPECT_EQ(first.at("failed"), 0);
  const json::value& unit = first.at("units").as_array().at(0);
  EXPECT_EQ(unit.at("device"), json::value(plant_.id()));
  EXPECT_EQ(unit.at("line"), json::value("udp " + plant_.address()));
  EXPECT_EQ(unit.at("state"), "provisioned");
  EXPECT_EQ(unit.at("receipt"), "active");
  EXPECT_EQ(unit.at("chain").as_array().size(), 3U);
  EXPECT_EQ(unit.at("key_reused"), false);
  for (const char* step : {"connect", "info", "nonce", "key", "csr", "enrol", "chain", "commit", "receipt"}) {
    EXPECT_GE(unit.at("steps_ms").at(step).as_double(), 0) << step;
  }
  const auto standing = plant_.standing();
  EXPECT_EQ(testing::fault_in(standing, enrol::Purpose::iak, "iak"), "");
  EXPECT_EQ(unit.at("serial"), json::value(standing.certificates.front().serial));
  const std::string pem = testing::read_text(plant_.path("chains/" + plant_.id() + "-iak.chain.pem"));
  EXPECT_EQ(testing::pem_ders(pem).size(), 3U);
  const json::value second = json_of(plant_.provision(0, {"--issuer", "acme"}));
  EXPECT_EQ(second.at("already"), 1);
  EXPECT_EQ(second.at("units").as_array().at(0).at("serial"), unit.at("serial"));
}

TEST_F(Provision, JsonOfAFailure) {
  start(1);
  const json::value answer = json_of(plant_.provision(0, {"--issuer", "nobody"}), kExitAuthorityRefused);
  EXPECT_EQ(answer.at("refused"), 1);
  const json::value& error = answer.at("units").as_array().at(0).at("error");
  EXPECT_EQ(error.at("side"), "authority");
  EXPECT_EQ(error.at("error"), "unknown_issuer");
  EXPECT_EQ(error.at("step"), "enrol");
  EXPECT_EQ(error.at("kept_key"), true);
  EXPECT_NE(error.at("next").as_string(), "");
}

TEST_F(Provision, TextWithoutATerminalHasNoEscapes) {
  start(3);
  Process process(plant_.provision_at(every(3)));
  EXPECT_EQ(process.wait(), kExitOk);
  const std::string text = process.output();
  EXPECT_EQ((text + process.errors()).find('\x1b'), std::string::npos);
  EXPECT_EQ(std::ranges::count(text, '\n'), 4);
  EXPECT_TRUE(text.starts_with("provisioned  ")) << text;
  EXPECT_TRUE(text.ends_with("\n3 provisioned, 0 already, 0 refused, 0 failed\n")) << text;
  EXPECT_EQ(process.errors(), "");
  Process quiet(plant_.provision_at(every(3), {"--quiet"}));
  EXPECT_EQ(quiet.wait(), kExitOk);
  EXPECT_EQ(quiet.output() + quiet.errors(), "");
}

TEST_F(Provision, ATerminalShowsALiveTable) {
  start(2);
  Process process(plant_.provision_at(every(2)), {.terminal = true});
  EXPECT_EQ(process.wait(), kExitOk);
  const std::string text = process.output();
  // Header and two rows go and come again, and their last form stays.
  const std::size_t last = text.rfind("\x1b[3A\x1b[J");
  ASSERT_NE(last, std::string::npos) << text;
  EXPECT_LT(text.find("unit"), last);
  const std::string_view shown = std::string_view(text).substr(last);
  EXPECT_NE(shown.find("generated"), std::string::npos) << shown;
  EXPECT_NE(shown.find("2 certs"), std::string::npos) << shown;
  EXPECT_NE(shown.find("2 provisioned"), std::string::npos) << shown;
  EXPECT_NE(text.find("\x1b[32m"), std::string::npos);
  Process plain(plant_.provision_at(every(2)), {.environment = {{"NO_COLOR", "1"}}, .terminal = true});
  EXPECT_EQ(plain.wait(), kExitOk);
  EXPECT_EQ(plain.output().find("\x1b[32m"), std::string::npos);
}

TEST_F(Provision, ANoticeDoesNotTearTheTable) {
  start(1);
  plant_.kill_authority();
  Process process(plant_.provision(0), {.terminal = true});
  ASSERT_TRUE(process.wait_until([&] { return process.output().find("trying again") != std::string::npos; }));
  plant_.start_authority();
  EXPECT_EQ(process.wait(), kExitOk);
  const std::string text = process.output();
  // The table goes away, the warning stands in its place, the table comes back below it.
  const std::size_t warning = text.find("warning:");
  EXPECT_NE(text.rfind("\x1b[2A\x1b[J", warning), std::string::npos) << text;
  EXPECT_NE(text.find("unit", warning), std::string::npos) << text;
}

TEST_F(Provision, ManyUnitsOnATerminalGetABar) {
  start(40, {"--delay", "25"});
  Process process(plant_.provision_at(every(40), {"--jobs", "4"}), {.terminal = true});
  EXPECT_EQ(process.wait(), kExitOk);
  EXPECT_NE(process.output().find("units ["), std::string::npos) << process.output();
  EXPECT_EQ(process.output().find("provisioned  "), std::string::npos) << process.output();
  EXPECT_NE(process.output().find("40 provisioned, 0 already"), std::string::npos) << process.output();
}

TEST_F(Provision, InfoShowsDevicesAndGoesOnAfterOneThatIsSilent) {
  start(2);
  ASSERT_EQ(Process(plant_.provision(0)).wait(), kExitOk);
  std::vector<std::string> words{
      testing::program(), "provision", "--info",         "--timeout", "0.3", "--udp", "127.0.0.1:9", "--udp",
      plant_.address(0),  "--udp",     plant_.address(1)};
  Process process(words);
  EXPECT_EQ(process.wait(), kExitNoConnection);
  EXPECT_TRUE(process.output().starts_with(plant_.id(0))) << process.output();
  EXPECT_NE(process.output().find("iak"), std::string::npos) << process.output();
  EXPECT_NE(process.output().find(plant_.id(1)), std::string::npos) << process.output();
  EXPECT_NE(process.errors().find("nothing listens on 127.0.0.1:9"), std::string::npos) << process.errors();
  const json::value answer = json_of(words, kExitNoConnection);
  ASSERT_EQ(answer.at("devices").as_array().size(), 3U);
  EXPECT_TRUE(answer.at("devices").as_array().at(0).as_object().contains("error"));
  EXPECT_EQ(answer.at("devices").as_array().at(1).at("slots").as_array().at(0).at("state"), "active");
  EXPECT_TRUE(plant_.standing(1).slots.empty());
}

TEST_F(Provision, AnotherNumberOfTheSmpGroup) {
  start(1, {"--smp-group", "300"});
  expect_error(plant_.provision(0), kExitDeviceRefused, "does not support");
  const json::value done = json_of(plant_.provision(0, {"--smp-group", "300"}));
  EXPECT_EQ(done.at("provisioned"), 1) << json::serialize(done);
}

TEST_F(Provision, StatusReadsTheJournal) {
  start(1);
  ASSERT_EQ(Process(plant_.provision(0)).wait(), kExitOk);
  const std::vector<std::string> words{testing::program(), "provision", "status", "--journal",
                                       plant_.path("journal")};
  Process process(words);
  EXPECT_EQ(process.wait(), kExitOk);
  EXPECT_NE(process.output().find("  done  "), std::string::npos) << process.output();
  const json::value answer = json_of(words);
  EXPECT_EQ(answer.at("units").as_array().at(0).at("device"), json::value(plant_.id()));
  EXPECT_EQ(answer.at("units").as_array().at(0).at("state"), "done");
}

TEST_F(Provision, CaptureIsReadByInspect) {
  start(1);
  const std::string file = plant_.path("smp.pcap");
  ASSERT_EQ(Process(plant_.provision(0, {"--capture", file})).wait(), kExitOk);
  const json::value answer = json_of({testing::program(), "inspect", file});
  EXPECT_NE(json::serialize(answer).find("commit"), std::string::npos);
  expect_error(plant_.provision(0, {"--capture", plant_.path("none/smp.pcap")}), kExitUnreadable,
               "none/smp.pcap");
}

TEST_F(Provision, WhatTheCommandLineGetsWrong) {
  start(1);
  const std::string program = testing::program();
  expect_error(plant_.provision_at({}), kExitUsage, "no device is named");
  expect_error({program, "provision", "--udp", plant_.address()}, kExitUsage, "--authority");
  expect_error(plant_.provision(0, {"--profile", "nobody"}), kExitUsage, "--profile");
  expect_error(plant_.provision(0, {"--authority", "http://localhost"}), kExitUsage, "https://HOST:PORT");
  expect_error(plant_.provision(0, {"--tls", plant_.path("nowhere")}), kExitUnreadable, "nowhere");
  expect_error(plant_.provision(0, {"--tls", plant_.path("ca")}), kExitUnreadable, "ca.cert.pem");
  EXPECT_TRUE(plant_.standing().slots.empty());
}

TEST_F(Provision, WhatCannotBeReached) {
  start(1);
  expect_error(plant_.provision_at({"127.0.0.1:9"}, {"--timeout", "0.3"}), kExitNoConnection,
               "nothing listens");
  expect_error(plant_.provision_at({"nobody.invalid:1337"}), kExitNoConnection, "nobody.invalid");
  plant_.kill_authority();
  Process process(plant_.provision(0, {"--authority-timeout", "0"}));
  EXPECT_EQ(process.wait(), kExitNoConnection);
  EXPECT_NE(process.errors().find("check --authority"), std::string::npos) << process.errors();
}

TEST_F(Provision, WhatIsRefused) {
  start(2);
  const testing::Plant other;
  expect_error(plant_.provision(0, {"--ca", other.path("ca/tls/ca.cert.pem")}), kExitAuthorityRefused,
               "not by the CA");
  expect_error(plant_.provision(0, {"--cert", other.path("ca/tls/station.cert.pem"), "--key",
                                    other.path("ca/tls/station.key.pem")}),
               kExitAuthorityRefused, "station.cert.pem");
  expect_error(plant_.provision(0, {"--issuer", "nobody"}), kExitAuthorityRefused, "nobody");
  ASSERT_EQ(Process(plant_.provision(0)).wait(), kExitOk);
  ASSERT_EQ(testing::run({testing::program(), "authority", "revoke", "--dir", plant_.path("ca"), plant_.id()})
                .status,
            0);
  expect_error(plant_.provision(0, {"--journal", plant_.path("second")}), kExitAuthorityRefused, "revoked");
  plant_.kill_devices();
  plant_.start_devices(2, {"--lifecycle", "secured"});
  expect_error(plant_.provision(1), kExitDeviceRefused, "grant");
  plant_.kill_devices();
  plant_.start_devices(2, {"--lifecycle", "decommissioned"});
  expect_error(plant_.provision(1), kExitDeviceRefused, "lifecycle");
}

}  // namespace
}  // namespace pedigree::cli
