// SPDX-License-Identifier: Apache-2.0
// Intel HEX (Hexadecimal Object File Format Specification, revision A, 1988): how linkers and programmers
// pass octets with their addresses.
#pragma once

#include <string>

#include "signing/sign_image.h"

namespace pedigree::signing {

/// Octets from one address on.
struct Segment {
  std::uint32_t address = 0;
  Octets octets;
};

/// Reads a file with all its records up to the end record (type 01); start addresses (03, 05) are passed
/// over. What lies between data is filled with `fill`. Errors, with the offset in `text` of the record:
/// bad_value (no record, a wrong length, digit or type), bad_checksum, duplicate (an octet given twice),
/// truncated (no end record; offset = end of the text), missing_field (no data), too_long (from the first to
/// the last octet there are more than `limit`, or they end beyond 32-bit addresses).
[[nodiscard]] Result<Segment> read_intel_hex(std::string_view text, std::uint8_t fill, std::uint32_t limit);

/// Appends data records of 16 octets, and an address record before the first and where 64 KiB end. The
/// octets end within 32-bit addresses.
void append_intel_hex(std::uint32_t address, Bytes octets, std::string& out);
/// Appends the end record.
void append_intel_hex_end(std::string& out);

}  // namespace pedigree::signing
