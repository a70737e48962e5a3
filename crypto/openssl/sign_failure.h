// SPDX-License-Identifier: Apache-2.0
// Why a signature failed that was made outside of OpenSSL, through OpenSSL's queue of errors.
#pragma once

#include "core/bytes/error.h"

namespace pedigree::crypto::openssl {

/// Puts an error into the queue of this thread.
void raise_sign_failure(ErrorCode code) noexcept;
/// What was put there, or crypto_failure where OpenSSL itself failed; empties the queue.
[[nodiscard]] ErrorCode take_sign_failure() noexcept;

}  // namespace pedigree::crypto::openssl
