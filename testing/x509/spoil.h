// SPDX-License-Identifier: Apache-2.0
// The same fault put into every element of a DER structure, one element at a time.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "core/der/der.h"
#include "testing/support/support.h"

namespace pedigree::testing {

/// What is wrong with one element; the lengths around it are right.
enum class Fault : std::uint8_t {
  indefinite_length,   ///< 0x80, and two zeros behind the content
  non_minimal_length,  ///< one length octet more than needed
  oversized_length,    ///< a length far beyond the end
  trailing_data,       ///< a NULL behind the last element inside; constructed elements only
  repeated,            ///< the element stands there twice
  reordered,           ///< the element stands behind the one that follows it
};

/// Parses its input and forgets the result.
using Parse = std::function<Result<void>(Bytes)>;

/// Puts `fault` into each element of `der` and parses what comes of it, from an exact copy. Expects a refusal
/// with the code that belongs to the fault, at the place of the fault. Returns the elements for which the
/// result was accepted instead, by their path: "0.4.1" is the second in the fifth of the first in the whole.
[[nodiscard]] std::set<std::string> accepted_with(Fault fault, Bytes der, const Parse& parse);

/// For Parse: `T::parse` without its value.
template <typename T>
Result<void> parse_as(Bytes der) {
  const auto parsed = T::parse(der);
  if (!parsed) return std::unexpected(parsed.error());
  return {};
}

}  // namespace pedigree::testing
