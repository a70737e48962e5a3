// SPDX-License-Identifier: Apache-2.0
// The attack image (device/ports/mps2/attack) against the product's secure world: every attempt ends as
// docs/security-model.md says. The emulator's semihosting is off, and the verdict comes from both UARTs.
#include <gtest/gtest.h>

#include <sstream>

#include "device/ports/sim/test_authority.h"
#include "testing/mps2/board.h"

namespace pedigree::testing {
namespace {

/// What a secure world says of an attempt that it stopped; what an attempt that came back was answered.
struct Expected {
  std::string attempt;
  std::string stopped;
  std::string answer;
};

constexpr const char* kAttribution = " sfsr 00000008";  // SFSR.AUVIOL
constexpr const char* kEntry = " sfsr 00000001";        // SFSR.INVEP
constexpr const char* kRefused = "-129";                // PSA_ERROR_PROGRAMMER_ERROR
constexpr const char* kNoService = "-130";              // PSA_ERROR_CONNECTION_REFUSED

std::string number(ErrorCode code) {
  return std::to_string(static_cast<int>(code));
}

std::vector<Expected> memory_attempts() {
  std::vector<Expected> list;
  for (const char* name : {"read secure RAM",
                           "write secure RAM",
                           "read secure RAM, non-secure alias",
                           "write secure RAM, non-secure alias",
                           "read secure stack",
                           "read secure code",
                           "write secure code",
                           "read secure code, non-secure alias",
                           "read boot code",
                           "read boot code, non-secure alias",
                           "read gateway page",
                           "write gateway page",
                           "read storage",
                           "read factory seed",
                           "write storage",
                           "read firmware root",
                           "write firmware root",
                           "read update state",
                           "write update state",
                           "write list of revoked signers",
                           "read image slot 0",
                           "write image slot 0",
                           "write image slot 1",
                           "read boot report",
                           "write boot report",
                           "write boot report, non-secure alias",
                           "write boot code",
                           "read secure control block",
                           "write secure control block",
                           "write memory protection controller",
                           "write secure UART"}) {
    list.push_back({name, kAttribution, {}});
  }
  // The peripheral protection controller: blocked reads give 0, blocked writes are lost (see the trace).
  list.push_back({"read secure UART, non-secure alias", {}, "0"});
  list.push_back({"write secure UART, non-secure alias", {}, "0"});
  list.push_back({"read secure timer, non-secure alias", " cfsr 00008200", {}});  // BFARVALID, PRECISERR
  list.push_back({"switch off attribution", {}, "0"});
  list.push_back({"ask for reset", {}, "0"});
  list.push_back({"read secure RAM in a handler", kAttribution, {}});
  list.push_back({"stack into secure RAM", " sfsr 00000048 sfar 38000fe0", {}});  // AUVIOL, SFARVALID
  for (const char* name : {"branch into secure function", "branch into secure function, non-secure alias",
                           "branch into boot code", "branch into gateway, second instruction",
                           "branch into gateway, half an instruction", "branch to secure RAM"}) {
    list.push_back({name, kEntry, {}});
  }
  list.push_back({"return to the secure caller", "non-secure image returned", {}});
  list.push_back({"return to the secure caller in a handler", " hfsr 40000000", {}});
  list.push_back({"return from an exception that is none", kEntry, {}});
  list.push_back({"return from a handler to secure thread mode", " sfsr 00000004", {}});  // SFSR.INVER
  return list;
}

std::vector<Expected> vector_attempts() {
  std::vector<Expected> list{{"proper vectors", {}, "0"}};
  for (const char* name : {"input in secure RAM",
                           "input in secure RAM, non-secure alias",
                           "input in secure code",
                           "input in boot code",
                           "input in storage",
                           "input in gateway page",
                           "input reaches over the end of RAM",
                           "input at address 0",
                           "output in secure RAM",
                           "output in secure RAM, non-secure alias",
                           "output in secure code",
                           "output in storage",
                           "output in gateway page",
                           "output in secure control block",
                           "output reaches over the end of RAM",
                           "input wraps around",
                           "input wraps around from the top",
                           "output wraps around",
                           "input of 4096 octets",
                           "input of 2 GiB",
                           "output of 2 GiB",
                           "output of 4 GiB",
                           "five inputs",
                           "three inputs, two outputs",
                           "255 inputs, 255 outputs",
                           "input vectors in secure RAM",
                           "input vectors in storage",
                           "input vectors over the end of RAM",
                           "input vectors wrap around",
                           "output vectors in secure RAM",
                           "output vectors in gateway page",
                           "unaligned vectors",
                           "outputs overlap",
                           "outputs are the same",
                           "output over input"}) {
    list.push_back({name, {}, kRefused});
  }
  list.push_back({"handle of another service", {}, kNoService});
  list.push_back({"handle of none", {}, kNoService});
  list.push_back({"vectors change under the call", {}, "500"});
  list.push_back({"fault under the call", kAttribution, {}});
  return list;
}

std::vector<Expected> service_attempts() {
  const std::string forbidden = number(ErrorCode::purpose_forbids);
  const std::string no_slot = number(ErrorCode::slot_not_found);
  const std::string foreign = number(ErrorCode::not_owner);
  const std::string pending = number(ErrorCode::slot_busy);
  return {{"sign with the TLS key", {}, "0"},
          {"sign with the attestation key", {}, forbidden},
          {"sign with slot 0", {}, no_slot},
          {"sign with slot 9", {}, no_slot},
          {"sign with the platform's key number as slot", {}, no_slot},
          {"sign with slot 2^32-1", {}, no_slot},
          {"attestation key for purpose tls", {}, forbidden},
          {"attestation key for purpose data", {}, forbidden},
          {"attestation slot becomes a tls slot", {}, forbidden},
          {"tls slot gets the attestation key", {}, forbidden},
          {"tls slot becomes an attestation slot", {}, forbidden},
          {"purpose 0", {}, number(ErrorCode::bad_value)},
          {"unknown call", {}, number(ErrorCode::unknown_command)},
          {"attest over 31 octets", {}, number(ErrorCode::bad_value)},
          {"attest over no octets", {}, number(ErrorCode::bad_value)},
          {"attest over more octets than there are", {}, number(ErrorCode::bad_value)},
          {"attest with the tls slot", {}, forbidden},
          {"attest with a partition's slot", {}, forbidden},
          {"attest what the service states", {}, number(ErrorCode::reserved_challenge)},
          {"a token that names the secure side", {}, "0"},
          {"read a chain beyond its end", {}, number(ErrorCode::bad_offset)},
          {"label longer than its field", {}, number(ErrorCode::bad_value)},
          {"sign with a partition's slot", {}, foreign},
          {"destroy a partition's slot", {}, foreign},
          {"abort a partition's slot", {}, foreign},
          {"replace a partition's slot", {}, pending},
          {"take over a partition's slot", {}, pending},
          {"erase the image that runs", {}, number(ErrorCode::wrong_image_state)},
          {"erase slot 2^31", {}, number(ErrorCode::not_found)},
          {"write the secure image", {}, number(ErrorCode::wrong_image_state)},
          {"write an image of 4 GiB", {}, number(ErrorCode::too_long)},
          {"confirm an image that is not there", {}, number(ErrorCode::not_found)},
          {"a list that nobody signed", {}, number(ErrorCode::list_refused)},
          {"a list of 4 GiB", {}, number(ErrorCode::too_long)}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The secure world's log, cut after each line that says what became of the non-secure side.
std::vector<std::string> episodes(const std::string& log) {
  std::vector<std::string> found(1);
  for (const std::string& line : lines_of(log)) {
    found.back() += line + "\n";
    if (line.ends_with("restarts") || line.ends_with(": reset")) found.emplace_back();
  }
  found.pop_back();
  return found;
}

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t times = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++times;
  return times;
}

/// Whether the last line of the report is there, whole.
bool has_ended(const std::string& report) {
  const std::size_t end = report.find("\nend: ");
  return end != std::string::npos && report.find('\n', end + 1) != std::string::npos;
}

class IsolationTest : public ::testing::Test {
 protected:
  /// The product's own firmware, provisioned over its UART: an attestation key and a TLS key.
  void provision(const Images& images) {
    board_.with_device(images, [&](station::Device& device) {
      const station::KeyRequest wishes[] = {
          {.slot = 1, .purpose = enrol::Purpose::iak, .origin = enrol::Origin::builtin},
          {.slot = 2, .purpose = enrol::Purpose::tls}};
      for (const auto& wish : wishes) {
        const auto key = device.begin(wish);
        ASSERT_TRUE(key.has_value()) << key.error().message;
        const Octets chain = authority_.chain_for(key->spki, {.with_root = wish.slot == 1});
        const auto sha256 = authority_.crypto().sha256(chain);
        const auto written = device.write_chain(wish.slot, chain, *sha256);
        ASSERT_TRUE(written.has_value()) << written.error().message;
        const auto receipt = device.commit(wish.slot, Octets(32, 1));
        ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
      }
      chains_ = read_chains(device);
    });
  }
  static std::vector<Octets> read_chains(station::Device& device) {
    std::vector<Octets> chains;
    for (const std::uint32_t slot : {1U, 2U}) {
      const auto chain = device.read_chain(slot);
      EXPECT_TRUE(chain.has_value()) << (chain ? "" : chain.error().message);
      chains.push_back(chain.value_or(Octets{}));
    }
    return chains;
  }

  Board board_;
  sim::TestAuthority authority_;
  std::vector<Octets> chains_;
};

TEST_F(IsolationTest, EveryAttemptEndsAsTheTableSaysAndTheServiceGoesOn) {
  const std::string secure = "partition/";
  ASSERT_NO_FATAL_FAILURE(provision({.secure = secure}));
  const auto emulator = board_.run({.secure = secure, .nonsecure = "attack"},
                                   {"-trace", "tz_ppc_*_blocked", "-D", board_.trace_log().string()});
  const bool ended =
      emulator->wait_until([&] { return has_ended(board_.nonsecure_log()); }, std::chrono::seconds(600));
  emulator->kill();
  emulator->wait();
  const std::string report = board_.nonsecure_log();
  ASSERT_TRUE(ended) << report << board_.secure_log();

  std::vector<Expected> expected = memory_attempts();
  for (const auto& list : {vector_attempts(), service_attempts()}) {
    expected.insert(expected.end(), list.begin(), list.end());
  }
  std::string wanted = "begin 0 0\n";
  for (const Expected& one : expected) {
    wanted +=
        (one.stopped.empty() ? "returned " + one.answer : std::string("stopped")) + ": " + one.attempt + "\n";
  }
  EXPECT_EQ(report, wanted + "end: the service works\n");

  const std::vector<std::string> stopped = episodes(board_.secure_log());
  std::size_t next = 0;
  for (const Expected& one : expected) {
    if (one.stopped.empty()) continue;
    ASSERT_LT(next, stopped.size());
    EXPECT_NE(stopped[next].find(one.stopped), std::string::npos) << one.attempt << ": " << stopped[next];
    ++next;
  }
  EXPECT_EQ(next, stopped.size()) << "a fault that no attempt accounts for";
  EXPECT_EQ(count(read_text(board_.trace_log()), "tz_ppc_read_blocked"), 2U);
  EXPECT_EQ(count(read_text(board_.trace_log()), "tz_ppc_write_blocked"), 1U);

  board_.with_device({.secure = secure}, [&](station::Device& device) {
    EXPECT_EQ(read_chains(device), chains_);
    EXPECT_EQ(device.slots()->size(), 3U);
  });
}

/// The image without a second partition is what ships; the rest of the table holds for it too.
TEST_F(IsolationTest, TheProductsOwnImageStopsTheSame) {
  ASSERT_NO_FATAL_FAILURE(provision({}));
  const auto emulator = board_.run({.nonsecure = "attack"});
  ASSERT_TRUE(
      emulator->wait_until([&] { return has_ended(board_.nonsecure_log()); }, std::chrono::seconds(600)));
  const std::string report = board_.nonsecure_log();
  for (const auto& list : {memory_attempts(), vector_attempts(), service_attempts()}) {
    for (const Expected& one : list) {
      if (one.attempt.ends_with("a partition's slot")) continue;
      const std::string line = (one.stopped.empty() ? "returned " + one.answer : std::string("stopped")) +
                               ": " + one.attempt + "\n";
      EXPECT_NE(report.find(line), std::string::npos) << line;
    }
  }
  EXPECT_NE(report.find("end: the service works\n"), std::string::npos);
}

TEST_F(IsolationTest, ThroughAHoleInTheBorderAttemptsSucceed) {
  ASSERT_NO_FATAL_FAILURE(provision({.secure = "hole/"}));
  const auto emulator = board_.run({.secure = "hole/", .nonsecure = "attack"});
  ASSERT_TRUE(emulator->wait_until(
      [&] { return board_.nonsecure_log().find(": write storage\n") != std::string::npos; },
      std::chrono::seconds(600)));
  const std::string report = board_.nonsecure_log();
  EXPECT_NE(report.find("returned 1112753232: read storage\n"), std::string::npos)
      << "the log's magic number";
  EXPECT_NE(report.find("returned 0: read factory seed\n"), std::string::npos);
  EXPECT_NE(report.find("returned 0: write storage\n"), std::string::npos);
  EXPECT_NE(report.find("stopped: read secure RAM\n"), std::string::npos) << "the hole is no larger";
}

}  // namespace
}  // namespace pedigree::testing
