// SPDX-License-Identifier: Apache-2.0
// The firmware in the emulator, provisioned over its UART by the program and a real authority.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>

#include "device/factory/firmware.h"
#include "device/ports/qemu/firmware.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;

constexpr int kOk = 0;
constexpr int kDeviceRefused = 4;
constexpr int kRefused = 5;
constexpr int kUnreadable = 7;
constexpr const char* kTrust = "secure world starts";

template <typename T>
T must(station::Outcome<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return *std::move(outcome);
}

/// The folder of images that the program takes by itself.
std::filesystem::path find_images() {
  const auto found = qemu::find_firmware();
  if (!found) throw std::runtime_error(found.error().what + "; next: " + found.error().next);
  return found->secure.parent_path();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

std::size_t boots(const Plant& plant) {
  return count(read_text(plant.state() + "/secure.log"), kTrust);
}

/// What `pedigree provision --info` says of the device.
json::value info_of(const Plant& plant) {
  const auto result = run({program(), "provision", "--info", "--json", "--serial", plant.address()});
  if (result.status != kOk) throw std::runtime_error(result.output);
  return json::parse(result.output).at("devices").at(0);
}

class QemuTest : public ::testing::Test {
 protected:
  void provision(const std::string& profile, const std::string& says) {
    Process station(plant_.provision(0, {"--profile", profile, "--issuer", "acme"}));
    ASSERT_EQ(station.wait(), kOk) << station.errors();
    EXPECT_NE(station.output().find(says), std::string::npos) << station.output();
  }
  /// What an operator has this device do by grants.
  void operate(const std::string& command, const std::string& says) {
    const auto result = run({program(), command, "--serial", plant_.address(), "--authority", plant_.url(),
                             "--tls", plant_.path("ca/tls"), "--why", "a test"});
    ASSERT_EQ(result.status, kOk) << result.output;
    EXPECT_NE(result.output.find(says), std::string::npos) << result.output;
  }
  /// Slots, their keys and their chains.
  json::value slots() { return info_of(plant_).at("slots"); }

  Plant plant_;
};

TEST_F(QemuTest, KeyAndChainAreMadeBehindTrustZoneSurvivePowerCyclesAndEndByGrants) {
  write_file(plant_.path("ca/policy.toml"),
             read_text(plant_.path("ca/policy.toml")) +
                 "\n[[grant]]\nrole = \"station\"\nname = \"*\"\noperations = [\"begin\"]\n");
  plant_.start_authority();
  plant_.start_devices(1, {"--qemu"});
  EXPECT_EQ(info_of(plant_).at("world").as_string(), "TrustZone");
  ASSERT_NO_FATAL_FAILURE(provision("iak", "1 provisioned"));
  ASSERT_NO_FATAL_FAILURE(provision("tls-client", "1 provisioned"));
  const json::value before = slots();
  ASSERT_EQ(before.as_array().size(), 2U);
  const std::string id = plant_.id();

  plant_.cut_power();
  EXPECT_EQ(slots(), before) << "after a power cut";
  EXPECT_EQ(boots(plant_), 2U);

  {
    station::Loop loop;
    const auto link = must(station::open_serial(loop, plant_.address(), {}));
    ASSERT_TRUE(station::reset(*link));
  }
  EXPECT_EQ(slots(), before) << "after a reset over SMP";
  EXPECT_EQ(boots(plant_), 3U);
  ASSERT_NO_FATAL_FAILURE(provision("iak", "1 already"));

  // It leaves the factory.
  plant_.kill_devices();
  plant_.start_devices(1, {"--qemu", "--lifecycle", "secured"});
  EXPECT_EQ(plant_.id(), id);
  EXPECT_EQ(slots(), before) << "after the program was killed and started again";
  EXPECT_EQ(fault_in(plant_.standing(), enrol::Purpose::iak, "iak"), "");
  EXPECT_EQ(fault_in(plant_.standing(), enrol::Purpose::tls, "tls-client"), "");

  ASSERT_NO_FATAL_FAILURE(operate("rma", "destroyed slots 2 1, 1 certificate revoked"));
  EXPECT_TRUE(slots().as_array().empty());
  Process refused(plant_.provision(
      0, {"--profile", "tls-client", "--issuer", "acme", "--journal", plant_.path("repair")}));
  EXPECT_EQ(refused.wait(), kDeviceRefused) << refused.errors();
  EXPECT_NE(refused.errors().find("this operation needs a grant"), std::string::npos) << refused.errors();
  for (const std::string profile : {"iak", "tls-client"}) {
    Process station(plant_.provision(0, {"--profile", profile, "--issuer", "acme", "--journal",
                                         plant_.path("repair"), "--grant", "repaired"}));
    ASSERT_EQ(station.wait(), kOk) << station.errors();
  }
  const json::value after = slots();
  ASSERT_EQ(after.as_array().size(), 2U);
  EXPECT_EQ(after.at(0).at("key"), before.at(0).at("key")) << "the key that it was made with";
  EXPECT_NE(after.at(1).at("key"), before.at(1).at("key"));

  ASSERT_NO_FATAL_FAILURE(operate("decommission", "is decommissioned, 2 certificates revoked"));
  plant_.cut_power();
  EXPECT_EQ(info_of(plant_).at("lifecycle"), "decommissioned") << "and stays so";
  const auto attested = run({program(), "attest", "--serial", plant_.address()});
  EXPECT_EQ(attested.status, kDeviceRefused) << attested.output;
}

TEST_F(QemuTest, OthersReadNeitherKeysNorTakeTheDevice) {
  plant_.start_devices(1, {"--qemu"});
  struct stat facts{};
  for (const char* name : {"", "/nv", "/secure.log", "/qemu.log", "/lock"}) {
    ASSERT_EQ(::stat((plant_.state() + name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0077U, 0U) << name;
  }
  const auto second = run({program(), "device", "--qemu", "--state", plant_.state()});
  EXPECT_EQ(second.status, kUnreadable);
  EXPECT_NE(second.output.find("this device is already running"), std::string::npos) << second.output;
}

// Firmware for debugging: everybody can make its keys, so that no profile takes them but one for tests.
TEST_F(QemuTest, AFixedSeedIsRefusedOutsideATestProfile) {
  std::string settings = read_text(plant_.path("ca/authority.toml"));
  const std::string production = "test_keys = false";
  const std::size_t iak = settings.find("[profile.iak]");
  const std::size_t at = settings.find(production, iak);
  ASSERT_TRUE(iak != std::string::npos && at != std::string::npos) << settings;
  plant_.start_authority();
  plant_.start_devices(1, {"--qemu", "--firmware", (find_images() / "fixed_seed").string()});
  EXPECT_EQ(info_of(plant_).at("entropy").as_string(), "fixed seed");
  Process refused(plant_.provision(0, {"--profile", "iak", "--issuer", "acme", "--json"}));
  EXPECT_EQ(refused.wait(), kRefused) << refused.output();
  EXPECT_NE(refused.output().find("product firmware"), std::string::npos) << refused.output();
  EXPECT_NE((refused.errors() + refused.output()).find("keys from a fixed seed"), std::string::npos);
  EXPECT_EQ(plant_.standing().certificates.size(), 0U);

  settings.replace(at, production.size(), "test_keys = true");
  plant_.kill_authority();
  write_file(plant_.path("ca/authority.toml"), settings);
  plant_.start_authority();
  ASSERT_NO_FATAL_FAILURE(provision("iak", "1 provisioned"));
  EXPECT_EQ(fault_in(plant_.standing(), enrol::Purpose::iak, "iak"), "");
}

TEST_F(QemuTest, FourAtOnceAreProvisionedInParallel) {
  plant_.start_authority();
  plant_.start_devices(4, {"--qemu"});
  std::vector<std::string> options{"--profile", "iak", "--issuer", "acme"};
  for (unsigned device = 1; device < 4; ++device)
    options.insert(options.end(), {"--serial", plant_.address(device)});
  Process station(plant_.provision(0, options));
  ASSERT_EQ(station.wait(), kOk) << station.errors();
  EXPECT_NE(station.output().find("4 provisioned, 0 already, 0 refused, 0 failed"), std::string::npos)
      << station.output();
  for (unsigned device = 0; device < 4; ++device) {
    EXPECT_EQ(fault_in(plant_.standing(device), enrol::Purpose::iak, "iak"), "") << device;
  }
}

TEST_F(QemuTest, EndsWithTheProgram) {
  plant_.start_devices(2, {"--qemu"});
  const std::vector<std::string> states{plant_.state(0), plant_.state(1)};
  plant_.kill_devices();
  // The emulators have the locks until they are gone.
  for (const std::string& state : states) {
    Process again({program(), "device", "--qemu", "--state", state, "--ready-file", state + ".ready"});
    EXPECT_TRUE(again.wait_until([&] { return std::filesystem::exists(state + ".ready"); }))
        << again.errors();
    again.kill(SIGTERM);
    EXPECT_EQ(again.wait(), kOk);
  }
}

/// Signed images of the build, in the plant's folder, and the root's certificate.
std::string sign_images(const Plant& plant, const factory::DevelopmentSigner& signer) {
  const std::filesystem::path folder = plant.path("signed");
  std::filesystem::create_directories(folder);
  const auto write = [&](factory::Image image, const std::string& name) {
    const Octets code = read_file(find_images() / (name + ".bin"));
    write_file(folder / (name + ".img"), Bytes(factory::sign_image(signer, image, code).value()));
  };
  write(factory::Image::secure, "secure");
  write(factory::Image::nonsecure, "nonsecure");
  write_file(folder / "root.pem", to_pem("CERTIFICATE", signer.chain().back()));
  return folder;
}

TEST_F(QemuTest, AVendorsRootStartsImagesSignedBelowItAndNoOthers) {
  const auto vendor = factory::DevelopmentSigner::make().value();
  const std::string folder = sign_images(plant_, vendor);
  const std::vector<std::string> options{"--qemu", "--firmware", folder, "--firmware-root",
                                         folder + "/root.pem"};
  plant_.start_devices(1, options);
  EXPECT_EQ(info_of(plant_).at("world").as_string(), "TrustZone");
  const std::string state = plant_.state();
  EXPECT_FALSE(std::filesystem::exists(state + "/firmware")) << "no development root";
  plant_.kill_devices();

  std::vector<std::string> line{program(), "device", "--state", state};
  line.insert(line.end(), options.begin(), options.end());
  // The secure image of somebody else, under the same root's name.
  const Octets code = read_file(find_images() / "secure.bin");
  const auto stranger = factory::DevelopmentSigner::make().value();
  write_file(folder + "/secure.img",
             Bytes(factory::sign_image(stranger, factory::Image::secure, code).value()));
  const auto refused = run(line);
  EXPECT_NE(refused.status, kOk);
  EXPECT_NE(refused.output.find("nothing is started: untrusted_root"), std::string::npos) << refused.output;
  // And under another root.
  sign_images(plant_, stranger);
  const auto other = run(line);
  EXPECT_EQ(other.status, kUnreadable);
  EXPECT_NE(other.output.find("another firmware root"), std::string::npos) << other.output;
}

TEST_F(QemuTest, SaysWhatIsMissing) {
  const auto result =
      run({program(), "device", "--qemu", "--state", plant_.path("dev"), "--firmware", plant_.path("")});
  EXPECT_EQ(result.status, kUnreadable);
  EXPECT_NE(result.output.find("the firmware is not built"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("tools/setup.sh build mps2"), std::string::npos) << result.output;
}

// Its storage is gone, and with it the seed: the firmware offers no service, and the program says why.
TEST_F(QemuTest, SaysWhatTheFirmwareSaid) {
  plant_.start_devices(1, {"--qemu"});
  const std::string state = plant_.state();
  plant_.kill_devices();
  Octets memory(std::size_t{16} << 20U, 0);
  write_file(state + "/nv", memory);
  const auto result = run({program(), "device", "--qemu", "--state", state});
  EXPECT_NE(result.status, kOk);
  EXPECT_NE(result.output.find("no service"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace pedigree::testing
