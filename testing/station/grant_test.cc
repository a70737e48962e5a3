// SPDX-License-Identifier: Apache-2.0
// Secured devices and what an operator has granted to them: back from the field, provisioned again, ended; by
// the program, against its own authority and devices, simulated and emulated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "authority/grant.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/files.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

constexpr int kOk = 0;
constexpr int kDeviceRefused = 4;
constexpr int kAuthorityRefused = 5;
constexpr int kUnreadable = 7;
constexpr const char* kPassphrase = "of this test only";

CommandResult pedigree(std::vector<std::string> words) {
  words.insert(words.begin(), program());
  return run(words);
}

class GrantCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    // The station of this authority may have keys granted for devices that come back.
    std::ofstream(plant_.path("passphrase")) << kPassphrase;
    std::filesystem::permissions(plant_.path("passphrase"), std::filesystem::perms::owner_read);
    std::ofstream policy(plant_.path("ca/policy.toml"), std::ios::app);
    policy << "\n[[grant]]\nrole = \"station\"\nname = \"*\"\noperations = [\"begin\", \"replace\"]\n";
    policy.close();
    plant_.start_authority();
    plant_.start_devices(1);
    provision({"--profile", "iak"}, kOk);
    provision({"--profile", "tls-client"}, kOk);
    secure();
  }
  void secure() {
    plant_.kill_devices();
    plant_.start_devices(1, {"--lifecycle", "secured"});
  }
  CommandResult provision(std::vector<std::string> options, int expected) {
    options.insert(options.end(), {"--issuer", "acme"});
    const CommandResult result = run(plant_.provision(0, options));
    EXPECT_EQ(result.status, expected) << result.output;
    return result;
  }
  /// A command for the device.
  CommandResult operate(std::vector<std::string> words) const {
    words.insert(words.end(), {"--udp", plant_.address()});
    return pedigree(words);
  }
  CommandResult online(const std::string& command) const {
    return operate({command, "--authority", plant_.url(), "--tls", plant_.path("ca/tls"), "--why", "a test"});
  }
  /// A command that opens keys of an authority's directory.
  CommandResult authority(std::vector<std::string> words) const {
    words.insert(words.begin(), "authority");
    words.insert(words.end(), {"--dir", plant_.path("ca"), "--passphrase-file", plant_.path("passphrase")});
    return pedigree(words);
  }
  std::size_t live() const {
    std::size_t count = 0;
    for (const Certified& one : plant_.standing().certificates) count += one.state == "revoked" ? 0U : 1U;
    return count;
  }
  /// Revokes the certificate of the TLS key as superseded.
  void supersede_tls() const {
    for (const Certified& one : plant_.standing().certificates) {
      if (one.profile != "tls-client" || one.state == "revoked") continue;
      EXPECT_EQ(pedigree({"authority", "revoke", "--dir", plant_.path("ca"), "--reason", "superseded",
                          "--why", "a test", one.serial})
                    .status,
                kOk);
    }
  }
  /// What the device's challenge is now, 64 hex digits.
  std::string nonce() const {
    const CommandResult asked = operate({"grant", "challenge", "--json"});
    EXPECT_EQ(asked.status, kOk) << asked.output;
    const json::object device = json::parse(asked.output).at("devices").at(0).as_object();
    EXPECT_EQ(device.at("device").as_string(), plant_.id());
    return std::string(device.at("nonce").as_string());
  }
  /// Has `words` ("--operation", ...) granted into a file, by the authority's command.
  std::string granted(std::vector<std::string> words) const {
    std::string file = plant_.path("grant.cose");
    words.insert(words.begin(), "grant");
    words.insert(words.end(),
                 {"--device", plant_.id(), "--nonce", nonce(), "--why", "a test", "--out", file});
    const CommandResult made = authority(words);
    EXPECT_EQ(made.status, kOk) << made.output;
    return file;
  }
  std::string destroys(unsigned slot) const {
    return granted({"--operation", "destroy", "--slot", std::to_string(slot)});
  }
  /// What the device says of the grant in this file, whose sending must fail.
  std::string refusal(const std::string& file) const {
    const CommandResult sent = operate({"grant", "send", file});
    EXPECT_EQ(sent.status, kDeviceRefused) << sent.output;
    return sent.output;
  }

  Plant plant_;
};

TEST_F(GrantCommands, ADeviceComesBackAndIsProvisionedAgain) {
  const auto before = plant_.standing();
  ASSERT_EQ(before.slots.size(), 2U);
  const CommandResult back = online("rma");
  ASSERT_EQ(back.status, kOk) << back.output;
  EXPECT_EQ(plant_.standing().slots.size(), 0U);
  EXPECT_EQ(live(), 1U) << "the key that the device was made with keeps its certificate";
  EXPECT_EQ(online("rma").status, kOk) << "nothing is left to be done";

  provision({"--profile", "tls-client"}, kDeviceRefused);
  provision({"--profile", "iak", "--grant", "repaired"}, kOk);
  provision({"--profile", "tls-client", "--grant", "repaired"}, kOk);
  const auto after = plant_.standing();
  EXPECT_EQ(fault_in(after, enrol::Purpose::iak, "iak"), "");
  ASSERT_EQ(after.slots.size(), 2U);
  for (const station::Slot& slot : after.slots) {
    for (const station::Slot& old : before.slots) {
      const bool same = old.purpose == slot.purpose;
      if (same && slot.purpose == enrol::Purpose::tls) {
        EXPECT_NE(slot.key, old.key);
      } else if (same) {
        EXPECT_EQ(slot.key, old.key) << "the key that it was made with";
      }
    }
  }

  // A key alone: a new one beside it, which then takes its place.
  supersede_tls();
  provision({"--profile", "tls-client", "--replace", "--grant", "worn"}, kOk);
  const auto replaced = plant_.standing();
  EXPECT_EQ(fault_in(replaced, enrol::Purpose::iak, "iak"), "");
  ASSERT_EQ(replaced.slots.size(), 2U);
  EXPECT_NE(replaced.slots.at(1).key, after.slots.at(1).key);
  const CommandResult history = pedigree({"authority", "list", "--dir", plant_.path("ca"), plant_.id()});
  EXPECT_THAT(history.output, HasSubstr("begin slot 1 (iak, P-256): repaired"));
  EXPECT_THAT(history.output, HasSubstr("destroy slot 2: a test"));
  EXPECT_THAT(history.output, HasSubstr("replace slot 2 (tls, P-256): worn"));
}

TEST_F(GrantCommands, ADeviceIsEndedByWhoeverMay) {
  // A station's certificate, for which no rule names an operation of rma.
  const std::string tls = plant_.path("ca/tls/");
  const CommandResult refused =
      operate({"rma", "--authority", plant_.url(), "--ca", tls + "ca.cert.pem", "--cert",
               tls + "station.cert.pem", "--key", tls + "station.key.pem", "--why", "a test"});
  EXPECT_EQ(refused.status, kAuthorityRefused) << refused.output;
  EXPECT_EQ(plant_.standing().slots.size(), 2U);

  const CommandResult ended = online("decommission");
  ASSERT_EQ(ended.status, kOk) << ended.output;
  EXPECT_EQ(plant_.registered(plant_.id()).state, "retired");
  for (const Certified& one : plant_.registered(plant_.id()).certificates) EXPECT_EQ(one.state, "revoked");
  const CommandResult again = online("decommission");
  EXPECT_EQ(again.status, kOk) << again.output;
  EXPECT_THAT(again.output, HasSubstr("was decommissioned before"));
  secure();
  EXPECT_EQ(online("rma").status, kDeviceRefused);
  provision({"--profile", "tls-client", "--grant", "x"}, kDeviceRefused);
}

TEST_F(GrantCommands, AGrantIsCarriedByHand) {
  const std::string file = destroys(2);
  const CommandResult shown = pedigree({"inspect", file});
  EXPECT_THAT(shown.output, HasSubstr("grant to destroy for device"));
  EXPECT_THAT(shown.output, HasSubstr("by the leaf of its own x5chain"));
  const CommandResult sent = operate({"grant", "send", file});
  ASSERT_EQ(sent.status, kOk) << sent.output;
  EXPECT_EQ(plant_.standing().slots.size(), 1U);
  EXPECT_THAT(refusal(file), HasSubstr("the grant answers no challenge of this device"));

  // A key: the grant opens its slot, and a station makes it without asking for another.
  const std::string begins =
      granted({"--operation", "begin", "--slot", "2", "--purpose", "tls", "--algorithm", "P-256"});
  supersede_tls();
  ASSERT_EQ(operate({"grant", "send", begins}).status, kOk);
  const CommandResult wrong = provision({"--profile", "idevid"}, kDeviceRefused);
  EXPECT_THAT(wrong.output, HasSubstr("the grant is for a key of another purpose or algorithm"));
  provision({"--profile", "tls-client", "--journal", plant_.path("other")}, kOk);
  EXPECT_EQ(plant_.standing().slots.size(), 2U);

  const CommandResult ended = operate({"grant", "send", granted({"--operation", "decommission"}), "--json"});
  ASSERT_EQ(ended.status, kOk) << ended.output;
  EXPECT_EQ(json::parse(ended.output).at("devices").at(0).at("operation"), "decommission");
  EXPECT_EQ(plant_.registered(plant_.id()).state, "retired");
  EXPECT_THAT(operate({"provision", "--info"}).output, HasSubstr("lifecycle  decommissioned"));
}

TEST_F(GrantCommands, ADeviceTakesAnotherRoot) {
  const crypto::OpenSslCrypto crypto;
  const auto now = std::time(nullptr);
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  const auto below = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  const app::Der root =
      authority::make_ca(crypto, {"Other Root", key.view(), {}, {}, now - 60, now + 86400}).value();
  const app::Der intermediate =
      authority::make_ca(crypto, {"CA", below.view(), {{root, key.view()}}, {}, now - 60, now + 86400})
          .value();
  write_file(plant_.path("other.pem"), std::string_view(app::certificate_pem(root)));
  write_file(plant_.path("ca.pem"), std::string_view(app::certificate_pem(intermediate)));
  const auto repin = [&](const std::string& file, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"repin",      "--new-root", plant_.path(file),     "--authority",
                                   plant_.url(), "--tls",      plant_.path("ca/tls"), "--why",
                                   "sold"};
    words.insert(words.end(), more.begin(), more.end());
    return operate(words);
  };
  EXPECT_EQ(repin("passphrase").status, kUnreadable);
  const CommandResult no_root = repin("ca.pem");
  EXPECT_EQ(no_root.status, kUnreadable) << no_root.output;
  EXPECT_THAT(no_root.output, HasSubstr("another one has signed it"));

  const CommandResult done = repin("other.pem");
  ASSERT_EQ(done.status, kOk) << done.output;
  EXPECT_THAT(done.output, HasSubstr("has pinned root"));
  EXPECT_THAT(done.output, HasSubstr("2 slots of before are in use"));
  const CommandResult again = repin("other.pem", {"--json"});
  ASSERT_EQ(again.status, kOk) << again.output;
  const json::object device = json::parse(again.output).at("devices").at(0).as_object();
  EXPECT_EQ(device.at("device").as_string(), plant_.id());
  EXPECT_TRUE(device.at("already").as_bool());
  EXPECT_EQ(device.at("root"), device.at("before"));
  EXPECT_EQ(device.at("slots").to_number<int>(), 2);
  EXPECT_THAT(operate({"provision", "--info"}).output, HasSubstr("root       "));
  const CommandResult history = pedigree({"authority", "list", "--dir", plant_.path("ca"), plant_.id()});
  EXPECT_THAT(history.output, HasSubstr("repin"));
  EXPECT_EQ(online("rma").status, kDeviceRefused) << "by another's grant";
}

/// A signer of grants: the authority's own, or somebody's.
struct Signer {
  app::Der certificate;
  app::Der root;
  crypto::OpenSslKey key;
};

/// As the authority signs, at any time and for any device.
class GrantsOfAnyKind : public GrantCommands {
 protected:
  /// What the device says of a grant to destroy the key of slot 2, whose sending must fail.
  std::string refusal_of(const Signer& signer, grant::Grant content, std::size_t flipped_from_end = 0) {
    Octets buffer(2 * grant::kMaxSize);
    const auto message =
        grant::sign(crypto_, content, signer.certificate, signer.root, signer.key.view(), buffer);
    if (!message) throw std::runtime_error("the grant is not signed");
    Octets sent(message->begin(), message->end());
    if (flipped_from_end != 0) sent.at(sent.size() - flipped_from_end) ^= 1U;
    write_file(plant_.path("odd.cose"), Bytes(sent));
    return refusal(plant_.path("odd.cose"));
  }
  /// Good, but for what is changed of it.
  grant::Grant good() {
    nonce_ = unhex(nonce());
    return {.operation = grant::Operation::destroy,
            .device_id = id_,
            .nonce = nonce_,
            .issued_at = static_cast<std::uint64_t>(std::time(nullptr)),
            .expires_at = static_cast<std::uint64_t>(std::time(nullptr)) + 3600,
            .slot = 2};
  }
  Signer authoritys() {
    const app::Layout layout{plant_.path("ca")};
    return {app::read_certificate(layout.grant_certificate()).value(),
            app::read_certificate(layout.root_certificate()).value(),
            app::open_key(layout.grant_key(), app::SecretText{kPassphrase}).value()};
  }
  Signer strangers() {
    const auto now = std::time(nullptr);
    const auto root_key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
    auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
    app::Der root =
        authority::make_ca(crypto_, {"Test Root", root_key.view(), {}, {}, now - 60, now + 86400}).value();
    const app::Der spki = authority::public_key_info(crypto_, key.view()).value();
    app::Der certificate =
        authority::certify_grant_signer(crypto_, {"x", spki, {root, root_key.view()}, now - 60, now + 86400})
            .value();
    return {std::move(certificate), std::move(root), std::move(key)};
  }

  const crypto::OpenSslCrypto crypto_;
  Octets id_, nonce_;
};

// Each is refused by the device itself; the program only carries it.
TEST_F(GrantsOfAnyKind, ForgedReplayedExpiredAndOthersAreRefused) {
  const Signer own = authoritys();
  id_ = unhex(plant_.id());
  EXPECT_THAT(refusal_of(own, good(), 1), HasSubstr("the signature does not verify")) << "the signature";
  EXPECT_THAT(refusal_of(own, good(), 67), HasSubstr("the signature does not verify")) << "the slot";
  EXPECT_THAT(refusal_of(strangers(), good()),
              HasSubstr("not by a delegate for grants that the device's pinned root has named"));
  Octets other = id_;
  other.back() ^= 1U;
  grant::Grant content = good();
  content.device_id = other;
  EXPECT_THAT(refusal_of(own, content), HasSubstr("the grant is for another device"));
  ASSERT_EQ(plant_.standing().slots.size(), 2U) << "none of them has done anything";

  // An hour of which nothing is left once a grant of the authority has told a later time.
  content = good();
  content.issued_at = static_cast<std::uint64_t>(x509::Certificate::parse(own.certificate)->not_before());
  content.expires_at = content.issued_at + 1;
  while (static_cast<std::uint64_t>(std::time(nullptr)) <= content.expires_at) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const std::string file = destroys(2);
  ASSERT_EQ(operate({"grant", "send", file}).status, kOk);
  ASSERT_EQ(plant_.standing().slots.size(), 1U);
  EXPECT_THAT(refusal(file), HasSubstr("the grant answers no challenge of this device, or one that was"));
  content.nonce = nonce_ = unhex(nonce());
  EXPECT_THAT(refusal_of(own, content), HasSubstr("the grant or its signer has expired"));
  // A restart ends the challenge, and the permission with it.
  const std::string begins =
      granted({"--operation", "begin", "--slot", "2", "--purpose", "tls", "--algorithm", "P-256"});
  secure();
  EXPECT_THAT(refusal(begins), HasSubstr("the grant answers no challenge of this device, or one that was"));
  EXPECT_EQ(plant_.standing().slots.size(), 1U);
}

// As one that an older `authority init` has made, or one whose root is kept elsewhere.
TEST_F(GrantCommands, AnAuthorityWithoutASignerOfGrantsGetsOne) {
  const auto restart = [&] {
    plant_.kill_authority();
    plant_.start_authority();
  };
  const std::string root_key = plant_.path("root.key.pem");
  std::filesystem::rename(plant_.path("ca/root.key.pem"), root_key);
  std::filesystem::remove(plant_.path("ca/grants.cert.pem"));
  std::filesystem::remove(plant_.path("ca/grants.key.pem"));
  restart();
  const CommandResult refused = online("rma");
  EXPECT_EQ(refused.status, kAuthorityRefused) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("this authority has no signer of grants"));
  EXPECT_THAT(refused.output, HasSubstr("pedigree authority grant-signer"));
  const CommandResult by_hand = authority({"grant", "--operation", "decommission", "--device", plant_.id(),
                                           "--nonce", nonce(), "--why", "a test", "--out", plant_.path("g")});
  EXPECT_EQ(by_hand.status, kAuthorityRefused) << by_hand.output;
  EXPECT_THAT(by_hand.output, HasSubstr("pedigree authority grant-signer --dir"));
  const CommandResult no_root = authority({"grant-signer"});
  EXPECT_EQ(no_root.status, kUnreadable) << no_root.output;
  EXPECT_THAT(no_root.output, HasSubstr("--request FILE"));

  const std::string request = plant_.path("grants.csr.pem"), certificate = plant_.path("grants.new.pem");
  ASSERT_EQ(authority({"grant-signer", "--request", request}).status, kOk);
  const std::vector<std::string> sign{"authority",
                                      "sign-grant-signer",
                                      "--request",
                                      request,
                                      "--issuer",
                                      plant_.path("ca/root.cert.pem"),
                                      "--issuer-key",
                                      root_key,
                                      "--passphrase-file",
                                      plant_.path("passphrase"),
                                      "--out",
                                      certificate};
  const CommandResult made = pedigree(sign);
  ASSERT_EQ(made.status, kOk) << made.output;
  const CommandResult taken = authority({"grant-signer", "--certificate", certificate});
  ASSERT_EQ(taken.status, kOk) << taken.output;
  EXPECT_EQ(authority({"grant-signer", "--certificate", certificate}).status, kOk) << "it is there";
  restart();
  const CommandResult back = online("rma");
  EXPECT_EQ(back.status, kOk) << back.output;
  EXPECT_TRUE(plant_.standing().slots.empty());

  // The next one, by the root's key for a moment; a certificate for another key is not taken over it.
  ASSERT_EQ(authority({"grant-signer", "--root-key", root_key}).status, kOk);
  EXPECT_EQ(authority({"grant-signer", "--certificate", certificate}).status, kAuthorityRefused);
  provision({"--profile", "iak", "--grant", "repaired"}, kOk);
}

}  // namespace
}  // namespace pedigree::testing
