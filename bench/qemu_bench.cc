// SPDX-License-Identifier: Apache-2.0
// The firmware in the emulator: its boot, a provisioning over its UART beside what a wire of 115,200 baud
// takes, and what the secure service adds to the PSA operations that it is made of, in instructions.
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "bench/measure.h"
#include "bench/results.h"
#include "core/enrol/messages.h"
#include "core/smp/console.h"
#include "device/factory/prepare.h"
#include "station/link/capture.h"
#include "testing/station/plant.h"

namespace pedigree::bench {
namespace {

constexpr double kOctetsPerSecond = 115200.0 / 10;  // 8N1
constexpr int kBoots = 5;
constexpr int kRuns = 3;
constexpr std::uint32_t kCsrCall = 4;     // PEDIGREE_CALL_CSR
constexpr std::uint32_t kCommitCall = 8;  // PEDIGREE_CALL_COMMIT

template <typename T, typename E>
T must(std::expected<T, E> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error());
  return *std::move(outcome);
}

qemu::Firmware firmware() {
  auto found = qemu::find_firmware();
  if (!found) throw std::runtime_error(found.error().what + "; next: " + found.error().next);
  return *std::move(found);
}

/// One emulated device that serves until its end.
class Board {
 public:
  Board(const qemu::Firmware& firmware, const std::string& state)
      : host_(
            firmware, [&firmware](const qemu::State& own) { return factory::prepare(own, firmware, {}); },
            [](const std::string&) {}) {
    if (const auto added = host_.add(state); !added) throw std::runtime_error(added.error());
    running_ = must(host_.start()).front();
    serving_ = std::jthread([this] { host_.run(); });
  }
  ~Board() {
    host_.stop();
    serving_.join();
  }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  [[nodiscard]] const qemu::Running& running() const noexcept { return running_; }

 private:
  qemu::Host host_;
  qemu::Running running_;
  std::jthread serving_;
};

double boot_ms(const std::string& state) {
  const Board board(firmware(), state);
  return std::chrono::duration<double, std::milli>(board.running().boot_time).count();
}

void measure_boot(const testing::Plant& plant) {
  const std::string state = plant.path("boot");
  const double first = boot_ms(state);
  double best = boot_ms(state);
  for (int i = 1; i < kBoots; ++i) best = std::min(best, boot_ms(state));
  record({"qemu_boot_ms", best, "ms", 2000, 1.0, Better::lower, {{"with_manufacture", first}}});
}

/// Octets that a provisioning put on the wire, and those of them that it was about.
struct Traffic {
  double wire = 0;    ///< console frames, both directions
  double useful = 0;  ///< parts of request and chain, the receipt
};

double useful_of(const smp::Packet& packet) {
  if (packet.header.group != smp::kPedigreeGroup) return 0;
  const auto command = static_cast<enrol::Command>(packet.header.command);
  const bool response = packet.header.operation == smp::Operation::read_response ||
                        packet.header.operation == smp::Operation::write_response;
  if (response && command == enrol::Command::csr) {
    if (const auto part = enrol::decode<enrol::ChunkResponse>(packet.payload))
      return static_cast<double>(part->data.size());
  }
  if (response && command == enrol::Command::commit) {
    if (const auto done = enrol::decode<enrol::CommitResponse>(packet.payload))
      return static_cast<double>(done->receipt.size());
  }
  if (!response && command == enrol::Command::chain && packet.header.operation == smp::Operation::write) {
    if (const auto part = enrol::decode<enrol::ChainWriteRequest>(packet.payload))
      return static_cast<double>(part->data.size());
  }
  return 0;
}

Traffic traffic_of(const std::string& capture) {
  const auto file = testing::read_file(capture);
  auto reader = station::CaptureReader::open(file);
  if (!reader) throw std::runtime_error("the capture cannot be read");
  Traffic traffic;
  for (;;) {
    const auto next = reader->next();
    if (!next) throw std::runtime_error("the capture is damaged");
    if (!*next) return traffic;
    traffic.wire += static_cast<double>(smp::frame_size((*next)->packet.size()));
    if (const auto packet = smp::parse_packet((*next)->packet)) traffic.useful += useful_of(*packet);
  }
}

/// Seconds that the program took for the device.
double provision(const testing::Plant& plant, const std::string& terminal, const std::string& name) {
  const auto start = std::chrono::steady_clock::now();
  testing::Process station({testing::program(), "provision", "--serial", terminal, "--authority", plant.url(),
                            "--tls", plant.path("ca/tls"), "--profile", "iak", "--issuer", "acme",
                            "--journal", plant.path("journal-" + name), "--capture",
                            plant.path(name + ".pcap")});
  if (station.wait() != 0) throw std::runtime_error(station.output() + station.errors());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure_provisioning(const testing::Plant& plant) {
  double best = 0;
  Traffic traffic;
  for (int i = 0; i < kRuns; ++i) {
    const std::string name = "run-" + std::to_string(i);
    const Board board(firmware(), plant.path(name));
    const double taken = provision(plant, board.running().terminal, name);
    best = i == 0 ? taken : std::min(best, taken);
    traffic = traffic_of(plant.path(name + ".pcap"));
  }
  const double wire = traffic.wire / kOctetsPerSecond;
  record({"qemu_provision_s", best, "s", 10, 1.0, Better::lower, {{"wire_at_115200_baud", wire}}});
  // Of a line of 127 octets 93 are the packet's; the rest is what base64, markers and newline cost.
  const double limit = static_cast<double>(smp::kLinePayload) / smp::kMaxLine;
  record({"uart_link_ratio",
          traffic.useful / traffic.wire,
          "useful octets/octet",
          limit,
          0.7,
          Better::higher,
          {{"useful_octets", traffic.useful}, {"wire_octets", traffic.wire}}});
}

/// Ticks of the board's clock as bin/measure logs them.
struct Call {
  double whole = 0, sign = 0, verify = 0, check = 0;
};

/// The last call of a type, which succeeded where the provisioning did.
Call last_call(const std::string& log, std::uint32_t type) {
  std::istringstream lines(log);
  std::optional<Call> found;
  for (std::string line; std::getline(lines, line);) {
    unsigned number = 0, whole = 0, sign = 0, verify = 0, check = 0;
    if (std::sscanf(line.c_str(), "measured call %x ticks %x sign %x verify %x check %x", &number, &whole,
                    &sign, &verify, &check) == 5 &&
        number == type) {
      if (type != kCsrCall || sign > 0)
        found = Call{double(whole), double(sign), double(verify), double(check)};
    }
  }
  if (!found) throw std::runtime_error("the firmware did not say what a call took: " + log);
  return *found;
}

/// Ticks of what the boot stage decides, both images verified, and of hashing and signatures in that.
struct Boot {
  double whole = 0, hash = 0, verify = 0;
};

Boot boot_in(const std::string& log) {
  unsigned whole = 0, hash = 0, verify = 0;
  const std::size_t at = log.find("boot clock: ");
  if (at == std::string::npos ||
      std::sscanf(log.c_str() + at, "boot clock: whole %x hash %x verify %x", &whole, &hash, &verify) != 3) {
    throw std::runtime_error("the boot stage did not say what it took: " + log);
  }
  return {double(whole), double(hash), double(verify)};
}

void measure_instructions(const testing::Plant& plant) {
  qemu::Firmware counting = firmware();
  counting.secure = counting.secure.parent_path() / "measure" / "secure.bin";
  counting.boot = counting.boot.parent_path() / "measure" / "boot.elf";
  counting.count_instructions = true;
  const Board board(counting, plant.path("measured"));
  provision(plant, board.running().terminal, "measured");
  const std::string log = testing::read_text(board.running().secure_log);
  constexpr double kInstructions = 50;  // of 1 ns in a tick of 20 MHz
  const Boot boot = boot_in(log);
  record({"boot_instructions_ratio",
          boot.whole * kInstructions,
          "instructions",
          (boot.hash + boot.verify) * kInstructions,
          1.05,
          Better::lower,
          {{"hash", boot.hash * kInstructions}, {"verify", boot.verify * kInstructions}}});
  const Call csr = last_call(log, kCsrCall);
  record({"csr_instructions_ratio",
          csr.whole * kInstructions,
          "instructions",
          csr.sign * kInstructions,
          1.05,
          Better::lower,
          {}});
  const Call commit = last_call(log, kCommitCall);
  record({"chain_check_instructions_ratio",
          commit.check * kInstructions,
          "instructions",
          commit.verify * kInstructions,
          1.05,
          Better::lower,
          {{"whole_commit", commit.whole * kInstructions}, {"its_sign", commit.sign * kInstructions}}});
}

void run() {
  testing::Plant plant;
  plant.start_authority();
  measure_boot(plant);
  measure_provisioning(plant);
  measure_instructions(plant);
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("qemu_bench", pedigree::bench::run);
}
