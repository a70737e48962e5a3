// SPDX-License-Identifier: Apache-2.0
// The firmware in the emulator, updated by the program: from the OEM's signature to the token that names it.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "device/ports/mps2/board.h"
#include "device/ports/qemu/firmware.h"
#include "server/app/files.h"
#include "testing/images/pki.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;

constexpr int kOk = 0;
constexpr int kNotTrusted = 3;
constexpr const char* kPassphrase = "of this test only";
const std::string kNonce(64, 'a');

class QemuImage : public ::testing::Test {
 protected:
  QemuImage()
      : pki_(crypto::OpenSslKey::from_pem(read_text(plant_.path("ca/root.key.pem")), kPassphrase).value(),
             app::read_certificate(plant_.path("ca/root.cert.pem")).value()),
        signer_(make_signer("OEM A")) {
    const auto found = qemu::find_firmware();
    if (!found) throw std::runtime_error(found.error().what + "; next: " + found.error().next);
    const auto folder = found->secure.parent_path();
    secure_ = read_file(folder / "secure.bin");
    nonsecure_ = read_file(folder / "nonsecure.bin");
    std::filesystem::create_directory(plant_.path("firmware"));
    write("firmware/secure.img", make(signer_, {1, 0, 0, 0}, true));
    write("firmware/nonsecure.img", make(signer_, {1, 0, 0, 0}));
    plant_.start_authority();
    plant_.start_devices(1, {"--qemu", "--firmware", plant_.path("firmware"), "--firmware-root",
                             plant_.path("ca/root.cert.pem")});
  }
  TestSigner make_signer(const std::string& oem) const {
    OemSpec spec;
    spec.name = oem;
    TestSigner signer = pki_.make_signer(crypto::KeyType::p256, spec);
    signer.chain.push_back(pki_.root());
    return signer;
  }
  Octets make(const TestSigner& signer, image::Version version, bool secure = false,
              std::uint32_t counter = 1) const {
    signing::SignOptions options = options_of(signer);
    options.header_size = mps2::kImageHeader;
    options.name = secure ? "secure" : "application";
    options.version = version;
    options.security_counter = counter;
    options.flags = secure ? image::kRomFixed : image::kRamLoad;
    options.load_address = secure ? mps2::kSecureImage : mps2::kNonSecureImage;
    return sign(pki_, signer, options, secure ? secure_ : nonsecure_);
  }
  std::string write(const std::string& name, const Octets& octets) const {
    write_file(plant_.path(name), Bytes(octets));
    return plant_.path(name);
  }
  /// Asked until the device is there again.
  json::object ask(std::vector<std::string> words) const {
    words.insert(words.begin(), {program(), "image"});
    words.insert(words.end(), {"--serial", plant_.address(), "--json", "--timeout", "120"});
    const CommandResult result = run(words);
    EXPECT_EQ(result.status, kOk) << result.output;
    return json::parse(result.output).at("devices").at(0).as_object();
  }
  std::string state() const {
    std::string text;
    const json::object device = ask({"state"});
    for (const json::value& slot : device.at("images").as_array()) {
      text += (text.empty() ? "" : " | ") + std::to_string(slot.at("image").to_number<int>()) + ":" +
              std::string(slot.at("version").as_string());
      for (const char* flag : {"active", "confirmed", "pending"}) {
        if (slot.at(flag).as_bool()) text += " " + std::string(flag);
      }
      if (!slot.at("refused").is_null())
        text += " " + std::string(slot.at("refused").at("error").as_string());
    }
    return text;
  }
  void authority(std::vector<std::string> words) const {
    words.insert(words.begin(), {program(), "authority"});
    words.insert(words.end(), {"--dir", plant_.path("ca")});
    Process process(words, {.environment = {{"PEDIGREE_PASSPHRASE", kPassphrase}}});
    EXPECT_EQ(process.wait(), kOk) << process.errors();
  }
  /// A new token, judged with these images by a policy that wants to know them.
  CommandResult verdict(const std::vector<std::string>& images) const {
    const std::string token = plant_.path("token.cbor");
    const CommandResult attested = run({program(), "attest", "--serial", plant_.address(), "--nonce", kNonce,
                                        "--out", token, "--timeout", "120"});
    EXPECT_EQ(attested.status, kOk) << attested.output;
    write_file(plant_.path("policy.toml"), std::string_view("lifecycles = [\"assembly-and-test\"]\n"
                                                            "unknown_image = \"reject\"\n"));
    std::vector<std::string> words{program(),    "verify",         "token",    token,
                                   "--nonce",    kNonce,           "--policy", plant_.path("policy.toml"),
                                   "--registry", plant_.path("ca")};
    for (const std::string& image : images) words.insert(words.end(), {"--image", image});
    return run(words);
  }

  Plant plant_;
  ImagePki pki_;
  TestSigner signer_;
  Octets secure_, nonsecure_;
};

TEST_F(QemuImage, AnUpdateIsTestedConfirmedAndNamedInTheToken) {
  EXPECT_EQ(state(), "0:1.0.0 active confirmed | 1:1.0.0 active confirmed");
  const std::string next = write("next.img", make(make_signer("OEM B"), {1, 1, 0, 0}));
  ask({"upload", next, "--test", "--reset"});
  EXPECT_EQ(state(), "0:1.0.0 confirmed | 0:1.1.0 active | 1:1.0.0 active confirmed");
  ask({"confirm"});
  plant_.cut_power();
  EXPECT_EQ(state(), "0:1.0.0 | 0:1.1.0 active confirmed | 1:1.0.0 active confirmed");

  Process station(plant_.provision(0, {"--profile", "iak", "--issuer", "acme"}));
  ASSERT_EQ(station.wait(), kOk) << station.errors();
  const CommandResult known = verdict({next, plant_.path("firmware/secure.img")});
  EXPECT_EQ(known.status, kOk) << known.output;
  EXPECT_NE(known.output.find("application 1.1.0, signed by OEM B signer of OEM B"), std::string::npos)
      << known.output;
  EXPECT_NE(known.output.find("secure 1.0.0, signed by OEM A signer of OEM A"), std::string::npos)
      << known.output;
  const CommandResult unknown = verdict({plant_.path("firmware")});
  EXPECT_EQ(unknown.status, kNotTrusted) << unknown.output;
}

TEST_F(QemuImage, ARevokedSignersUpdateIsRefusedAndTheOldOneRuns) {
  const TestSigner revoked = make_signer("OEM B");
  authority({"revoke-signer", "--certificate", write("oem.der", revoked.chain[1]), "--why", "bankrupt"});
  authority({"signer-revocations", "--out", plant_.path("list.cose")});
  Process station(plant_.provision(0, {"--profile", "iak", "--issuer", "acme"}));
  ASSERT_EQ(station.wait(), kOk) << station.errors();
  EXPECT_EQ(ask({"revocations"}).at("count").to_number<int>(), 1) << station.errors();
  ask({"upload", write("next.img", make(revoked, {1, 1, 0, 0})), "--test", "--reset"});
  EXPECT_EQ(state(), "0:1.0.0 active confirmed | 0:1.1.0 signer_revoked | 1:1.0.0 active confirmed");
  // The slot takes the next one.
  ask({"upload", write("good.img", make(signer_, {1, 2, 0, 0})), "--test", "--reset"});
  EXPECT_EQ(state(), "0:1.0.0 confirmed | 0:1.2.0 active | 1:1.0.0 active confirmed");
}

TEST_F(QemuImage, AStockClientUpdatesTheFirmware) {
  const std::string next = write("next.img", make(signer_, {1, 1, 0, 0}));
  const std::string hash(ask({"upload", next}).at("hash").as_string());
  ask({"erase"});
  const CommandResult uploaded = run({"/usr/bin/python3", "testing/station/smp_client.py", "serial",
                                      plant_.address(), "upload", next, "test", hash, "reset"});
  EXPECT_EQ(uploaded.status, kOk) << uploaded.output;
  EXPECT_EQ(state(), "0:1.0.0 confirmed | 0:1.1.0 active | 1:1.0.0 active confirmed");
  const CommandResult confirmed = run(
      {"/usr/bin/python3", "testing/station/smp_client.py", "serial", plant_.address(), "confirm", "state"});
  EXPECT_EQ(confirmed.status, kOk) << confirmed.output;
  EXPECT_EQ(state(), "0:1.0.0 | 0:1.1.0 active confirmed | 1:1.0.0 active confirmed");
}

}  // namespace
}  // namespace pedigree::testing
