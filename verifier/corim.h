// SPDX-License-Identifier: Apache-2.0
// What unsigned and signed CoRIM share.
#pragma once

#include "verifier/reference.h"

namespace pedigree::verifier {

/// Reads a time in whole seconds, with tag 1 or without.
[[nodiscard]] Result<der::UnixTime> read_corim_time(Reader& in) noexcept;
/// Reads a validity-map {0: not before, 1: not after}. Errors: not_yet_valid, expired, those of cbor.
[[nodiscard]] Result<void> check_corim_validity(Reader& in, std::optional<der::UnixTime> now) noexcept;
/// The error with a sentence of its own.
[[nodiscard]] ReferenceError corim_error(const Error& error);

}  // namespace pedigree::verifier
