// SPDX-License-Identifier: Apache-2.0
// A pseudo-terminal as a device's serial line.
#pragma once

#include <expected>
#include <string>

namespace pedigree::ports {

/// Descriptors belong to whoever gets them.
struct PseudoTerminal {
  int master = -1;      ///< the device's end
  int other_side = -1;  ///< kept open, so that a client may come and go
  std::string path;     ///< what a client opens
};

/// Opens one without echo or any conversion of octets. Errors: a sentence.
[[nodiscard]] std::expected<PseudoTerminal, std::string> open_pseudo_terminal();

}  // namespace pedigree::ports
