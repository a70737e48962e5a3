// SPDX-License-Identifier: Apache-2.0
// Serial numbers in decimal, as lite_bootstrap_server's API has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/device.h"

namespace pedigree::protocols {

/// Unsigned big-endian octets in decimal, "0" for none.
[[nodiscard]] std::string decimal(Bytes big_endian);
/// A serial number of the registry in decimal digits, without leading zeros. Empty: it is none.
[[nodiscard]] std::optional<registry::Serial> parse_decimal_serial(std::string_view text);

}  // namespace pedigree::protocols
