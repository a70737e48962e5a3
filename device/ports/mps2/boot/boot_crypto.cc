// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/boot/boot_crypto.h"

#include "mbedtls/ecdsa.h"
#include "mbedtls/memory_buffer_alloc.h"
#include "mbedtls/sha256.h"

namespace pedigree::mps2 {
namespace {

using crypto::Hash;
using crypto::KeyType;
using crypto::PublicKey;
using crypto::Scheme;
using crypto::SignatureAlgorithm;

constexpr std::size_t kHeap = 8 * 1024;
constexpr std::size_t kPoint = 65;
constexpr std::size_t kScalar = 32;
/// Two certificates of a chain and an image's signature, twice.
constexpr std::size_t kRemembered = 6;

alignas(8) constinit std::array<unsigned char, kHeap> heap{};
constinit mbedtls_ecp_group curve{};
constinit std::array<Sha256, kRemembered> proven{};
constinit std::size_t proven_count = 0;

/// Mbed TLS's numbers, freed at the end.
struct Numbers {
  Numbers() noexcept {
    mbedtls_ecp_point_init(&key);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
  }
  ~Numbers() {
    mbedtls_ecp_point_free(&key);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
  }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  mbedtls_ecp_point key{};
  mbedtls_mpi r{};
  mbedtls_mpi s{};
};

class Running final : public crypto::RunningDigest {
 public:
  Running() noexcept {
    mbedtls_sha256_init(&state);
    static_cast<void>(mbedtls_sha256_starts_ret(&state, 0));
  }
  void add(Bytes octets) noexcept {
    static_cast<void>(mbedtls_sha256_update_ret(&state, octets.data(), octets.size()));
  }
  [[nodiscard]] Result<void> value(MutableBytes out) const noexcept override {
    if (out.size() < sizeof(Sha256)) return fail(ErrorCode::buffer_too_small);
    mbedtls_sha256_context copy = state;
    static_cast<void>(mbedtls_sha256_finish_ret(&copy, out.data()));
    return {};
  }

 private:
  mbedtls_sha256_context state{};
};

ErrorCode check_algorithm(KeyType type, SignatureAlgorithm algorithm) noexcept {
  if (!crypto::belong_together(type, algorithm.scheme)) return ErrorCode::wrong_key_type;
  const bool has = type == KeyType::p256 && algorithm.hash == Hash::sha256;
  return has ? ErrorCode{} : ErrorCode::unsupported_algorithm;
}

ErrorCode verify_on_curve(const PublicKey& key, Bytes digest, Bytes signature) noexcept {
  Numbers numbers;
  if (key.key.size() != kPoint || key.key[0] != 0x04 ||
      mbedtls_ecp_point_read_binary(&curve, &numbers.key, key.key.data(), kPoint) != 0 ||
      mbedtls_ecp_check_pubkey(&curve, &numbers.key) != 0) {
    return ErrorCode::invalid_key;
  }
  if (signature.size() != 2 * kScalar || digest.size() != sizeof(Sha256)) return ErrorCode::invalid_signature;
  if (mbedtls_mpi_read_binary(&numbers.r, signature.data(), kScalar) != 0 ||
      mbedtls_mpi_read_binary(&numbers.s, signature.data() + kScalar, kScalar) != 0) {
    return ErrorCode::crypto_failure;
  }
  const int status =
      mbedtls_ecdsa_verify(&curve, digest.data(), digest.size(), &numbers.key, &numbers.r, &numbers.s);
  if (status == 0) return {};
  return status == MBEDTLS_ERR_ECP_VERIFY_FAILED ? ErrorCode::invalid_signature : ErrorCode::crypto_failure;
}

Result<void> result_of(ErrorCode code) noexcept {
  if (code != ErrorCode{}) return fail(code);
  return {};
}

}  // namespace

void BootCrypto::start() noexcept {
  mbedtls_memory_buffer_alloc_init(heap.data(), heap.size());
  mbedtls_ecp_group_init(&curve);
  static_cast<void>(mbedtls_ecp_group_load(&curve, MBEDTLS_ECP_DP_SECP256R1));
}

bool BootCrypto::supports(KeyType type, SignatureAlgorithm algorithm) const noexcept {
  return check_algorithm(type, algorithm) == ErrorCode{};
}

Result<void> BootCrypto::digest(Hash hash, std::span<const Bytes> parts, MutableBytes out) const noexcept {
  if (hash != Hash::sha256) return fail(ErrorCode::unsupported_algorithm);
  Running running;
  for (const Bytes part : parts) running.add(part);
  return running.value(out);
}

Result<void> BootCrypto::digest(Hash hash, crypto::PieceSource& source, MutableBytes out) const noexcept {
  if (hash != Hash::sha256) return fail(ErrorCode::unsupported_algorithm);
  Running running;
  while (true) {
    PEDIGREE_ASSIGN(const Bytes piece, source.next(running));
    if (piece.empty()) return running.value(out);
    running.add(piece);
  }
}

Result<void> BootCrypto::verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes message,
                                Bytes signature) const noexcept {
  PEDIGREE_ASSIGN(const Sha256 hash, sha256(message));
  return verify_digest(key, algorithm, hash, signature);
}

Result<void> BootCrypto::verify_digest(const PublicKey& key, SignatureAlgorithm algorithm, Bytes digest_value,
                                       Bytes signature) const noexcept {
  if (const ErrorCode code = check_algorithm(key.type, algorithm); code != ErrorCode{}) return fail(code);
  // What is remembered is named by its octets in a row, which say who is who only at these sizes.
  if (key.key.size() != kPoint || digest_value.size() != sizeof(Sha256) || signature.size() != 2 * kScalar) {
    return result_of(verify_on_curve(key, digest_value, signature));
  }
  const Bytes parts[] = {key.key, digest_value, signature};
  Sha256 name;
  PEDIGREE_TRY(digest(Hash::sha256, parts, name));
  for (const Sha256& known : std::span(proven).first(proven_count)) {
    if (known == name) return {};
  }
  PEDIGREE_TRY(result_of(verify_on_curve(key, digest_value, signature)));
  if (proven_count < proven.size()) proven[proven_count++] = name;
  return {};
}

// What a boot stage has no use for.
Result<Sha256> BootCrypto::hmac_sha256(Bytes /*key*/, std::span<const Bytes> /*parts*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::check_public_key(const PublicKey& /*key*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<Bytes> BootCrypto::sign(const crypto::PrivateKey& /*key*/, SignatureAlgorithm /*algorithm*/,
                               Bytes /*message*/, MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<Bytes> BootCrypto::sign_digest(const crypto::PrivateKey& /*key*/, SignatureAlgorithm /*algorithm*/,
                                      Bytes /*digest*/, MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<PublicKey> BootCrypto::public_key(const crypto::PrivateKey& /*key*/,
                                         MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::random(MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}

}  // namespace pedigree::mps2
