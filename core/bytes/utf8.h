// SPDX-License-Identifier: Apache-2.0
// UTF-8 (RFC 3629): well-formedness without decoding tables.
#pragma once

#include "core/bytes/bytes.h"

namespace pedigree {

/// Octets of the character at the start of `text`: 1..4, or 0 where it is not well-formed (overlong forms,
/// surrogates, above U+10FFFF, cut short) or `text` is empty.
[[nodiscard]] std::size_t utf8_character(Bytes text) noexcept;
/// Octets of the longest well-formed prefix; all of them where `text` is UTF-8.
[[nodiscard]] std::size_t utf8_prefix(Bytes text) noexcept;

}  // namespace pedigree
