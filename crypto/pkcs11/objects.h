// SPDX-License-Identifier: Apache-2.0
// Keys as objects of a token: found, read and made in an open session.
#pragma once

#include <p11-kit/pkcs11.h>

#include "crypto/pkcs11/token.h"

namespace pedigree::pkcs11 {

/// A session and the library that it belongs to.
struct Session {
  CK_FUNCTION_LIST* library = nullptr;
  CK_SESSION_HANDLE handle = 0;
};

/// Where a token is.
struct Slot {
  CK_FUNCTION_LIST* library = nullptr;
  CK_SLOT_ID id = 0;
  unsigned long max_sessions = 0;  ///< 0: the token does not say, or has no limit
};

/// The one initialised token that the URI names. Errors: key_not_found (none), too_many (several).
[[nodiscard]] Result<Slot> find_token(const std::vector<CK_FUNCTION_LIST*>& libraries, const Uri& uri);

/// The one private key that the URI names. Errors: key_not_found (none, or several), crypto_failure.
[[nodiscard]] Result<CK_OBJECT_HANDLE> find_private_key(const Session& session, const Uri& uri);

/// The public half, of the private object itself or of the public one beside it. Errors: key_not_found (there
/// is none), unsupported_algorithm, crypto_failure.
[[nodiscard]] Result<PublicHalf> read_public_half(const Session& session, CK_OBJECT_HANDLE key);

/// Makes a pair that stays in the token: never extractable, for signing alone. Errors: unsupported_algorithm
/// (Ed25519), crypto_failure.
[[nodiscard]] Result<void> generate_pair(const Session& session, crypto::KeyType type,
                                         const std::string& label);

}  // namespace pedigree::pkcs11
