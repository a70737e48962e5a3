// SPDX-License-Identifier: Apache-2.0
// Small questions about text: UTF-8, and which of several words somebody meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pedigree::cli {

/// Octets of the well-formed UTF-8 character (RFC 3629) at the start of `text`; 0 if there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// Single-character edits (insert, delete, replace, swap of neighbours) between two words.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, if one is near enough to be what was meant; empty otherwise.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace pedigree::cli
