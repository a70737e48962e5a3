// SPDX-License-Identifier: Apache-2.0
// CBOR in diagnostic notation (RFC 8949 section 8).
#pragma once

#include <limits>
#include <string>

#include "core/cbor/cbor.h"

namespace pedigree::cli {

struct DiagnosticOptions {
  /// Longer byte strings are cut after this many octets, and say how long they are.
  std::size_t max_octets = std::numeric_limits<std::size_t>::max();
  /// The value of this text key is not shown, only its size: for messages that carry a private key.
  std::string_view withheld_key{};
};

/// The notation of `data`, one item that fills it. Text is escaped as in JSON. Errors: those of cbor::skip,
/// trailing_data, with the offset in `data`.
[[nodiscard]] Result<std::string> diagnostic(Bytes data, const DiagnosticOptions& options = {});

}  // namespace pedigree::cli
