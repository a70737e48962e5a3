// SPDX-License-Identifier: Apache-2.0
// An event as the audit log hashes it.
#pragma once

#include "registry/device.h"

namespace pedigree::registry {

/// CBOR map, shortest forms, keys ascending, what is absent left out: {1: what, 2: when, 3: who, 4: from,
/// 5: device (33 octets), 6: old state, 7: new state, 8: why, 9: serial (16), 10: SHA-256 of what was
/// issued}. The number is not in it: it is the entry's place in the log, from 1.
[[nodiscard]] std::vector<std::uint8_t> encode_entry(const Event& event);
/// Errors: those of CBOR, bad_value (anything but what encode_entry writes).
[[nodiscard]] Result<Event> decode_entry(Bytes entry);

}  // namespace pedigree::registry
