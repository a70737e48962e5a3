// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/sign_failure.h"

#include <openssl/err.h>

namespace pedigree::crypto::openssl {
namespace {

/// The number under which our errors stand in OpenSSL's queue; the reason is an ErrorCode.
int error_library() {
  static const int number = ERR_get_next_error_library();
  return number;
}

}  // namespace

void raise_sign_failure(ErrorCode code) noexcept {
  ERR_raise(error_library(), static_cast<int>(code));
}

ErrorCode take_sign_failure() noexcept {
  ErrorCode code = ErrorCode::crypto_failure;
  while (const unsigned long error = ERR_get_error()) {
    if (ERR_GET_LIB(error) == error_library()) code = static_cast<ErrorCode>(ERR_GET_REASON(error));
  }
  return code;
}

}  // namespace pedigree::crypto::openssl
