// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/name_uuid.h"

#include <openssl/err.h>

#include "crypto/openssl/handles.h"

namespace pedigree::crypto {

Result<UuidOctets> name_uuid(const UuidOctets& name_space, std::string_view name) noexcept {
  const openssl::DigestContext context(EVP_MD_CTX_new());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), name_space.data(), name_space.size()) != 1 ||
      EVP_DigestUpdate(context.get(), name.data(), name.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::crypto_failure);
  }
  UuidOctets uuid{};
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0fU) | 0x50U);  // version 5
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3fU) | 0x80U);  // variant
  return uuid;
}

}  // namespace pedigree::crypto
