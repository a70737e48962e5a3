// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/ecdsa.h"

#include <openssl/err.h>

#include "crypto/openssl/sign_failure.h"

namespace pedigree::crypto::openssl {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kSequence = 0x30;

/// Writes an INTEGER at `out` and returns the octets written.
std::size_t write_integer(Bytes number, std::uint8_t* out) noexcept {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  const std::size_t sign = number[0] >> 7U;
  out[0] = kInteger;
  out[1] = static_cast<std::uint8_t>(number.size() + sign);
  out[2] = 0;
  std::copy(number.begin(), number.end(), out + 2 + sign);
  return 2 + sign + number.size();
}

/// Reads an INTEGER at the start of `der` into all of `out`; returns the octets read, 0 on failure.
std::size_t read_integer(Bytes der, MutableBytes out) noexcept {
  if (der.size() < 3 || der[0] != kInteger || der[1] == 0 || der[1] > der.size() - 2) return 0;
  Bytes number = der.subspan(2, der[1]);
  while (!number.empty() && number[0] == 0) number = number.subspan(1);
  if (number.size() > out.size()) return 0;
  const auto start = out.begin() + static_cast<std::ptrdiff_t>(out.size() - number.size());
  std::fill(out.begin(), start, std::uint8_t{0});
  std::copy(number.begin(), number.end(), start);
  return 2U + der[1];
}

}  // namespace

std::size_t ecdsa_to_der(Bytes raw, std::span<std::uint8_t, kMaxEcdsaDerSize> out) noexcept {
  const std::size_t half = raw.size() / 2;
  std::size_t size = 2;
  size += write_integer(raw.first(half), out.data() + size);
  size += write_integer(raw.subspan(half), out.data() + size);
  out[0] = kSequence;
  out[1] = static_cast<std::uint8_t>(size - 2);
  return size;
}

Result<void> ecdsa_from_der(Bytes der, MutableBytes out) noexcept {
  const std::size_t half = out.size() / 2;
  if (der.size() < 2 || der[0] != kSequence || der[1] != der.size() - 2) {
    return fail(ErrorCode::crypto_failure);
  }
  const Bytes content = der.subspan(2);
  const std::size_t first = read_integer(content, out.first(half));
  if (first == 0) return fail(ErrorCode::crypto_failure);
  const std::size_t second = read_integer(content.subspan(first), out.subspan(half));
  if (second == 0 || first + second != content.size()) return fail(ErrorCode::crypto_failure);
  return {};
}

Result<void> load_point(const PublicKey& key) noexcept {
  // Only the uncompressed form (SEC 1 2.3.3): OpenSSL would also take compressed, hybrid and infinity.
  if (key.key.size() != 1 + 2 * coordinate_size(key.type) || key.key[0] != 0x04) {
    return fail(ErrorCode::invalid_key);
  }
  const Curve& curve = ThreadState::get().curve(key.type);
  if (curve.context == nullptr) return fail(ErrorCode::crypto_failure);
  if (EVP_PKEY_set1_encoded_public_key(curve.key.get(), key.key.data(), key.key.size()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_key);
  }
  return {};
}

Result<void> ecdsa_verify(const PublicKey& key, Bytes digest, Bytes signature) noexcept {
  PEDIGREE_TRY(load_point(key));
  std::array<std::uint8_t, kMaxEcdsaDerSize> der;
  const std::size_t der_size = ecdsa_to_der(signature, der);
  // Initialised for each key, so that nothing depends on whether a context sees its key object change.
  EVP_PKEY_CTX* context = ThreadState::get().curve(key.type).context.get();
  if (EVP_PKEY_verify_init(context) != 1) return fail(ErrorCode::crypto_failure);
  if (EVP_PKEY_verify(context, der.data(), der_size, digest.data(), digest.size()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_signature);
  }
  return {};
}

Result<void> ecdsa_sign(EVP_PKEY* key, Bytes digest, MutableBytes out) noexcept {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  std::array<std::uint8_t, kMaxEcdsaDerSize> der;
  std::size_t der_size = der.size();
  if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1 ||
      EVP_PKEY_sign(context.get(), der.data(), &der_size, digest.data(), digest.size()) != 1) {
    return fail(take_sign_failure());
  }
  return ecdsa_from_der(Bytes(der).first(der_size), out);
}

}  // namespace pedigree::crypto::openssl
