// SPDX-License-Identifier: Apache-2.0
// Says on the secure UART what PSA Crypto's generator gives, in hex, for the statistical test (testing/mps2).
// Never in a device: its keys would be next.
#include "device/ports/mps2/secure/partitions.h"
#include "device/ports/mps2/secure/world.h"
#include "psa/crypto.h"

namespace pedigree::mps2 {
namespace {

constexpr std::size_t kLines = 1024;
constexpr std::size_t kLine = 32;

}  // namespace

void start_partitions(device::Service& /*service*/) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < kLines; ++i) {
    std::array<std::uint8_t, kLine> octets{};
    if (psa_generate_random(octets.data(), octets.size()) != PSA_SUCCESS) return log("random: failed\n");
    std::array<char, 2 * kLine> text{};
    for (std::size_t j = 0; j < kLine; ++j) {
      text[2 * j] = kDigits[octets[j] >> 4U];
      text[2 * j + 1] = kDigits[octets[j] & 0xfU];
    }
    log("random ");
    log({text.data(), text.size()});
    log("\n");
  }
  log("random: end\n");
}

}  // namespace pedigree::mps2
