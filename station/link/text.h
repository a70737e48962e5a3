// SPDX-License-Identifier: Apache-2.0
// Octets as text: lower-case hex, standard base64 and PEM blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::station {

[[nodiscard]] std::string hex(Bytes octets);
/// Lower-case or upper-case digits, an even number. Errors: bad_value (offset of the first fault).
[[nodiscard]] Result<std::vector<std::uint8_t>> from_hex(std::string_view text);

/// RFC 4648 section 4, padded.
[[nodiscard]] std::string base64(Bytes octets);
/// Padded, nothing else between the characters, unused bits zero. Errors: bad_value (offset).
[[nodiscard]] Result<std::vector<std::uint8_t>> from_base64(std::string_view text);

/// A PEM block of 64-character lines (RFC 7468) with its newline.
[[nodiscard]] std::string pem(std::string_view label, Bytes der);

}  // namespace pedigree::station
