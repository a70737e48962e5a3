// SPDX-License-Identifier: Apache-2.0
// Firmware updates of simulated devices by the program, over UDP and the console's framing, with losses,
// kills and refusals; and by a client that knows nothing of Pedigree.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "device/ports/sim/firmware.h"
#include "server/app/files.h"
#include "testing/images/pki.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;
using sim::Firmware;

constexpr int kOk = 0;
constexpr int kDeviceRefused = 4;
constexpr const char* kPassphrase = "of this test only";

struct Spec {
  image::Version version{1, 0, 0, 0};
  std::uint32_t counter = 1;
  std::size_t size = 3000;
  bool secure = false;
};

class ImageUpload : public ::testing::Test {
 protected:
  ImageUpload()
      : pki_(crypto::OpenSslKey::from_pem(read_text(plant_.path("ca/root.key.pem")), kPassphrase).value(),
             app::read_certificate(plant_.path("ca/root.cert.pem")).value()),
        signer_(make_signer(pki_)) {
    std::filesystem::create_directory(plant_.path("firmware"));
    write(plant_.path("firmware/secure.img"), {.secure = true});
    write(plant_.path("firmware/nonsecure.img"), {});
  }
  static TestSigner make_signer(const ImagePki& pki) {
    TestSigner signer = pki.make_signer(crypto::KeyType::p256);
    signer.chain.push_back(pki.root());  // a device knows the root by its hash
    return signer;
  }
  Octets make(const Spec& spec, const TestSigner& signer) const {
    signing::SignOptions options = options_of(signer);
    options.version = spec.version;
    options.security_counter = spec.counter;
    options.flags = spec.secure ? image::kRomFixed : image::kRamLoad;
    options.load_address = spec.secure ? 0x10010000 : Firmware::kNonSecureAddress;
    return sign(pki_, signer, options, code(spec.size));
  }
  std::string write(const std::string& file, const Spec& spec) const { return write(file, spec, signer_); }
  std::string write(const std::string& file, const Spec& spec, const TestSigner& signer) const {
    write_file(file, Bytes(make(spec, signer)));
    return file;
  }

  void start(std::vector<std::string> options = {}) {
    serial_ = std::ranges::find(options, "--pty") != options.end();
    options.insert(options.end(), {"--firmware", plant_.path("firmware"), "--firmware-root",
                                   plant_.path("ca/root.cert.pem")});
    options_ = options;
    plant_.start_devices(1, options);
  }
  std::vector<std::string> image(std::vector<std::string> words) const {
    words.insert(words.begin(), {program(), "image"});
    words.insert(words.end(), {serial_ ? "--serial" : "--udp", plant_.address(), "--json"});
    return words;
  }
  /// The one device's part of what `pedigree image ... --json` prints.
  json::object ask(std::vector<std::string> words, int status = kOk) const {
    const CommandResult result = run(image(std::move(words)));
    EXPECT_EQ(result.status, status) << result.output;
    return json::parse(result.output).at("devices").at(0).as_object();
  }
  /// "1.0.0 active confirmed | 1.1.0 pending" of the non-secure slots.
  static std::string text_of(const json::object& device) {
    std::string text;
    for (const json::value& slot : device.at("images").as_array()) {
      if (slot.at("image").to_number<int>() != 0) continue;
      text += (text.empty() ? "" : " | ") + std::string(slot.at("version").as_string());
      for (const char* flag : {"active", "confirmed", "pending"}) {
        if (slot.at(flag).as_bool()) text += " " + std::string(flag);
      }
      if (!slot.at("refused").is_null())
        text += " " + std::string(slot.at("refused").at("error").as_string());
    }
    return text;
  }
  std::string state() const { return text_of(ask({"state"})); }
  /// Restarts the device as a power cut does.
  void power_cycle() {
    plant_.kill_devices();
    plant_.start_devices(1, options_);
  }
  /// Octets of slot 1 that are there, by the flash file itself.
  std::size_t received() const {
    const Octets flash = read_file(plant_.state() + "/firmware-flash");
    const Bytes slot = Bytes(flash).subspan(Firmware::kLayout.slot(1), Firmware::kLayout.slot_size);
    std::size_t size = slot.size();
    while (size > 0 && slot[size - 1] == 0xff) --size;
    return size;
  }
  std::string python(std::vector<std::string> words) const {
    const std::string& address = plant_.address();
    const std::size_t colon = address.rfind(':');
    std::vector<std::string> command{"/usr/bin/python3", "testing/station/smp_client.py"};
    if (serial_) {
      command.insert(command.end(), {"serial", address});
    } else {
      command.insert(command.end(), {"udp", address.substr(0, colon), address.substr(colon + 1)});
    }
    command.insert(command.end(), words.begin(), words.end());
    const CommandResult result = run(command);
    EXPECT_EQ(result.status, 0) << result.output;
    return result.output;
  }

  Plant plant_;
  ImagePki pki_;
  TestSigner signer_;
  bool serial_ = false;
  std::vector<std::string> options_;
};

TEST_F(ImageUpload, UploadTestResetConfirm) {
  for (const char* line : {"--udp", "--pty"}) {
    SCOPED_TRACE(line);
    std::filesystem::remove_all(plant_.path("devices"));
    start(line == std::string("--pty") ? std::vector<std::string>{"--pty"} : std::vector<std::string>{});
    const std::string file = write(plant_.path("next.img"), {.version = {1, 1, 0, 0}, .size = 40000});
    EXPECT_EQ(state(), "1.0.0 active confirmed");
    const json::object sent = ask({"upload", file, "--test", "--reset"});
    EXPECT_EQ(sent.at("resumed_at").to_number<int>(), 0);
    EXPECT_EQ(text_of(sent), "1.0.0 active confirmed | 1.1.0 pending");
    EXPECT_EQ(state(), "1.0.0 confirmed | 1.1.0 active");
    EXPECT_EQ(text_of(ask({"confirm"})), "1.0.0 | 1.1.0 active confirmed");
    power_cycle();
    EXPECT_EQ(state(), "1.0.0 | 1.1.0 active confirmed");
    EXPECT_EQ(text_of(ask({"erase"})), "1.1.0 active confirmed");
    EXPECT_NE(ask({"test", file}, kDeviceRefused).at("error").as_string().find("slot is not in the state"),
              std::string::npos);
  }
}

TEST_F(ImageUpload, AKilledStationGoesOnWhereItStopped) {
  start({"--delay", "4"});
  const std::string file = write(plant_.path("next.img"), {.version = {1, 1, 0, 0}, .size = 300000});
  std::size_t last = 0;
  for (const std::size_t until : {20000U, 100000U, 200000U}) {
    Process station(image({"upload", file}));
    ASSERT_TRUE(station.wait_until([&] { return received() > until; }))
        << station.output() << station.errors();
    station.kill();
    station.wait();
    EXPECT_GE(received(), last) << "nothing is sent twice";
    last = received();
  }
  const json::object sent = ask({"upload", file});
  EXPECT_GE(sent.at("resumed_at").to_number<std::size_t>(), last);
  EXPECT_EQ(text_of(ask({"test", file})), "1.0.0 active confirmed | 1.1.0 pending");
}

TEST_F(ImageUpload, APowerCutInBetweenCostsAtMostASector) {
  start({"--delay", "4"});
  const std::string file = write(plant_.path("next.img"), {.version = {1, 1, 0, 0}, .size = 200000});
  Process station(image({"upload", file}));
  ASSERT_TRUE(station.wait_until([&] { return received() > 60000; })) << station.errors();
  plant_.kill_devices();
  plant_.start_devices(1, options_);
  EXPECT_EQ(station.wait(), kOk) << "it waited for the device: " << station.output() << station.errors();
  EXPECT_EQ(state(), "1.0.0 active confirmed | 1.1.0");
  power_cycle();
  const json::object again = ask({"upload", file, "--test", "--reset"});
  EXPECT_EQ(state(), "1.0.0 confirmed | 1.1.0 active");
}

TEST_F(ImageUpload, EveryKindOfLossIsMadeGood) {
  const std::string file = write(plant_.path("next.img"), {.version = {1, 1, 0, 0}, .size = 15000});
  const std::vector<std::string> lines[] = {
      {"--drop", "0.1", "--duplicate", "0.1", "--delay", "5", "--corrupt", "0.00002"},
      {"--pty", "--corrupt", "0.00005"}};
  for (const auto& line : lines) {
    std::filesystem::remove_all(plant_.path("devices"));
    start(line);
    ask({"upload", file, "--test"});
    EXPECT_EQ(state(), "1.0.0 active confirmed | 1.1.0 pending");
  }
}

TEST_F(ImageUpload, WhatTheBootStageRefusesIsNamed) {
  start();
  const ImagePki foreign;
  const TestSigner other = make_signer(foreign);
  write_file(plant_.path("foreign.img"), Bytes(make({.version = {2, 0, 0, 0}}, other)));
  ask({"upload", plant_.path("foreign.img"), "--test", "--reset"});
  EXPECT_EQ(state(), "1.0.0 active confirmed | 2.0.0 untrusted_root");
  const CommandResult text = run({program(), "image", "state", "--udp", plant_.address()});
  EXPECT_NE(text.output.find("slot 1 was refused: the chain does not end at a trusted root"),
            std::string::npos)
      << text.output;

  ask({"upload", write(plant_.path("newer.img"), {.version = {1, 1, 0, 0}, .counter = 3}), "--test",
       "--reset"});
  ask({"confirm"});
  ask({"upload", write(plant_.path("older.img"), {.version = {1, 2, 0, 0}, .counter = 2}), "--test",
       "--reset"});
  EXPECT_EQ(state(), "1.2.0 rolled_back | 1.1.0 active confirmed");
}

TEST_F(ImageUpload, ARevokedSignerIsRefusedOnceTheListIsThere) {
  start();
  plant_.start_authority();
  const TestSigner revoked = make_signer(pki_);
  write_file(plant_.path("signer.der"), Bytes(revoked.chain[0]));
  const auto authority = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {program(), "authority"});
    words.insert(words.end(), {"--dir", plant_.path("ca")});
    Process process(words, {.environment = {{"PEDIGREE_PASSPHRASE", kPassphrase}}});
    EXPECT_EQ(process.wait(), kOk) << process.errors();
    return process.output();
  };
  authority({"revoke-signer", "--certificate", plant_.path("signer.der"), "--why", "its key was stolen"});
  authority({"signer-revocations", "--out", plant_.path("list.cose")});
  const CommandResult shown = run({program(), "inspect", plant_.path("list.cose")});
  EXPECT_NE(shown.output.find("of 1 revoked firmware signers"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("by the leaf of its own x5chain"), std::string::npos) << shown.output;
  EXPECT_EQ(ask({"revocations"}).at("number").to_number<int>(), 0);
  // The station brings it along.
  Process station(plant_.provision(0, {"--json"}));
  EXPECT_EQ(station.wait(), kOk) << station.errors();
  const json::object kept = ask({"revocations"});
  EXPECT_EQ(kept.at("count").to_number<int>(), 1);
  EXPECT_EQ(json::parse(station.output()).at("units").at(0).at("revocation_list"), kept.at("number"));

  write_file(plant_.path("next.img"), Bytes(make({.version = {1, 1, 0, 0}}, revoked)));
  ask({"upload", plant_.path("next.img"), "--test", "--reset"});
  EXPECT_EQ(state(), "1.0.0 active confirmed | 1.1.0 signer_revoked");

  // By hand; and an older list does not come back.
  authority({"signer-revocations", "--renew", "--out", plant_.path("newer.cose")});
  EXPECT_EQ(ask({"revocations", plant_.path("newer.cose")}).at("count").to_number<int>(), 1);
  const json::object refused = ask({"revocations", plant_.path("list.cose")}, kDeviceRefused);
  EXPECT_EQ(refused.at("code").to_number<unsigned>(), static_cast<unsigned>(ErrorCode::list_rolled_back));
}

TEST_F(ImageUpload, AStockClientUpdatesADevice) {
  for (const char* line : {"--udp", "--pty"}) {
    SCOPED_TRACE(line);
    std::filesystem::remove_all(plant_.path("devices"));
    start(line == std::string("--pty") ? std::vector<std::string>{"--pty"} : std::vector<std::string>{});
    const std::string file = write(plant_.path("next.img"), {.version = {1, 1, 0, 4}, .size = 20000});
    const std::string hash(ask({"upload", file}).at("hash").as_string());
    ask({"erase"});
    const std::string uploaded = python({"upload", file, "test", hash, "reset"});
    EXPECT_NE(uploaded.find("\"match\": true"), std::string::npos) << uploaded;
    const std::string confirmed = python({"state", "confirm", "state"});
    EXPECT_NE(confirmed.find("1.1.0.4"), std::string::npos) << confirmed;
    EXPECT_EQ(state(), "1.0.0 | 1.1.0.4 active confirmed");
    EXPECT_EQ(python({"test", std::string(64, '0')}), "{\"group\": 1, \"rc\": 8}\n") << "HASH_NOT_FOUND";
    EXPECT_EQ(python({"test", hash}), "{\"group\": 1, \"rc\": 33}\n") << "it runs";
    EXPECT_EQ(python({"erase"}), "{}\n");
  }
}

TEST_F(ImageUpload, ADeviceOfAnotherMakerIsUpdatedToo) {
  const std::string file = write(plant_.path("next.img"), {.version = {1, 1, 0, 0}, .size = 60000});
  for (const auto& [version, losses] : {std::pair{"2", "0"}, {"1", "0"}, {"2", "7"}}) {
    SCOPED_TRACE(version + std::string(" ") + losses);
    Process server({"/usr/bin/python3", "testing/station/zephyr_server.py", version, losses});
    ASSERT_TRUE(server.wait_until([&] { return server.output().ends_with('\n'); })) << server.errors();
    std::string port = server.output();
    port.pop_back();
    const auto device = [&](std::vector<std::string> words, int status = kOk) {
      words.insert(words.begin(), {program(), "image"});
      words.insert(words.end(), {"--udp", "127.0.0.1:" + port, "--json"});
      const CommandResult result = run(words);
      EXPECT_EQ(result.status, status) << result.output;
      return json::parse(result.output).at("devices").at(0).as_object();
    };
    EXPECT_EQ(text_of(device({"upload", file})), "1.0.0 active confirmed | 1.1.0");
    EXPECT_EQ(text_of(device({"test", file})), "1.0.0 active confirmed | 1.1.0 pending");
    EXPECT_EQ(text_of(device({"confirm"})), "1.0.0 active confirmed | 1.1.0 pending");
    EXPECT_EQ(text_of(device({"erase"})), "1.0.0 active confirmed");
    const json::object refused = device({"test", file}, kDeviceRefused);
    const std::string_view sentence = refused.at("error").as_string();
    EXPECT_EQ(sentence, version == std::string("1") ? "the device has no such object"
                                                    : "no slot holds an image with this hash");
    EXPECT_EQ(device({"revocations"}, kDeviceRefused).at("code").to_number<unsigned>(),
              static_cast<unsigned>(ErrorCode::unknown_command));
  }
}

TEST_F(ImageUpload, ADeviceWithoutSlotsSaysSo) {
  plant_.start_devices(1);
  const CommandResult result = run({program(), "image", "state", "--udp", plant_.address()});
  EXPECT_EQ(result.status, kDeviceRefused);
  EXPECT_NE(result.output.find("next "), std::string::npos) << result.output;
  EXPECT_EQ(python({"state"}), "{\"rc\": 8}\n");
}

}  // namespace
}  // namespace pedigree::testing
