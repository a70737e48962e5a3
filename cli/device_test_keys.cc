// SPDX-License-Identifier: Apache-2.0
#include "cli/device_test_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <memory>

namespace pedigree::cli {

crypto::PrivateKey RunKeys::keep(crypto::OpenSslKey key) {
  keys_.push_back(std::move(key));
  return keys_.back().view();
}

Result<crypto::PrivateKey> RunKeys::make(crypto::KeyType type) {
  PEDIGREE_ASSIGN(crypto::OpenSslKey key, crypto::OpenSslKey::generate(type));
  return keep(std::move(key));
}

Result<std::vector<std::uint8_t>> RunKeys::private_value(const crypto::PrivateKey& key) {
  BIGNUM* number = nullptr;
  const auto* const handle = reinterpret_cast<const EVP_PKEY*>(key.handle);
  if (EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1) {
    return fail(ErrorCode::wrong_key_type);
  }
  const std::unique_ptr<BIGNUM, decltype(&BN_clear_free)> owner(number, &BN_clear_free);
  std::vector<std::uint8_t> value(crypto::coordinate_size(key.type));
  if (BN_bn2binpad(number, value.data(), static_cast<int>(value.size())) < 0) {
    return fail(ErrorCode::crypto_failure);
  }
  return value;
}

}  // namespace pedigree::cli
