// SPDX-License-Identifier: Apache-2.0
// How the number of a part of a CRL stands in URLs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes/error.h"

namespace pedigree::registry {

/// 8 lower-case hex digits.
[[nodiscard]] std::string crl_partition_text(std::uint32_t partition);
/// The number of such a text. Errors: bad_value.
[[nodiscard]] Result<std::uint32_t> parse_crl_partition(std::string_view text) noexcept;

}  // namespace pedigree::registry
