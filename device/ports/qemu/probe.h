// SPDX-License-Identifier: Apache-2.0
// Asks a device over its UART who it is.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <vector>

#include "core/smp/console.h"

namespace pedigree::qemu {

/// What an emulated device says of itself.
struct Identity {
  std::string id;     ///< 66 hexadecimal digits
  std::string world;  ///< "TrustZone"
};

/// One `info` request of SMP group 80, and its answer.
class Probe {
 public:
  /// The request, framed for the line.
  [[nodiscard]] static std::vector<std::uint8_t> request();
  /// Takes an octet from the line. True once the answer is complete.
  [[nodiscard]] bool feed(std::uint8_t octet);
  /// The answer. Errors: the device's own, as a sentence.
  [[nodiscard]] const std::expected<Identity, std::string>& answer() const noexcept { return answer_; }

 private:
  [[nodiscard]] bool take(Bytes packet);
  std::array<std::uint8_t, 1028> frame_{};
  smp::Deframer deframer_{frame_};
  std::expected<Identity, std::string> answer_;
};

}  // namespace pedigree::qemu
