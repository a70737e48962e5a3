// SPDX-License-Identifier: Apache-2.0
#include "crypto/psa/psa_crypto.h"

#include <psa/crypto.h>

#include "core/crypto/rsa_key.h"

namespace pedigree::crypto {
namespace {

#ifdef PSA_WANT_ECC_SECP_R1_256
constexpr bool kHasP256 = true;
#else
constexpr bool kHasP256 = false;
#endif
#ifdef PSA_WANT_ECC_SECP_R1_384
constexpr bool kHasP384 = true;
#else
constexpr bool kHasP384 = false;
#endif
#ifdef PSA_WANT_ALG_RSA_PKCS1V15_SIGN
constexpr bool kHasRsaPkcs1 = true;
#else
constexpr bool kHasRsaPkcs1 = false;
#endif
#ifdef PSA_WANT_ALG_RSA_PSS
constexpr bool kHasRsaPss = true;
#else
constexpr bool kHasRsaPss = false;
#endif
#ifdef PSA_WANT_ALG_SHA_384
constexpr bool kHasSha384 = true;
#else
constexpr bool kHasSha384 = false;
#endif
#ifdef PSA_WANT_ALG_SHA_512
constexpr bool kHasSha512 = true;
#else
constexpr bool kHasSha512 = false;
#endif

constexpr ErrorCode kNone{};

bool has(KeyType type) noexcept {
  switch (type) {
    case KeyType::p256:
      return kHasP256;
    case KeyType::p384:
      return kHasP384;
    case KeyType::rsa2048:
    case KeyType::rsa3072:
    case KeyType::rsa4096:
      return (kHasRsaPkcs1 || kHasRsaPss) && modulus_bits(type) <= PSA_VENDOR_RSA_MAX_KEY_BITS;
    case KeyType::ed25519:
      break;
  }
  return false;
}

bool has(Hash hash) noexcept {
  return hash == Hash::sha256 || (kHasSha384 && hash == Hash::sha384) || (kHasSha512 && hash == Hash::sha512);
}

bool has(Scheme scheme) noexcept {
  return scheme == Scheme::ecdsa || (kHasRsaPkcs1 && scheme == Scheme::rsa_pkcs1) ||
         (kHasRsaPss && scheme == Scheme::rsa_pss);
}

/// What must hold before a key is looked at. Errors: wrong_key_type, unsupported_algorithm.
ErrorCode check_algorithm(KeyType type, SignatureAlgorithm algorithm) noexcept {
  if (!belong_together(type, algorithm.scheme)) return ErrorCode::wrong_key_type;
  // A key type that is there has its schemes, but for RSA's two.
  const bool has_all =
      has(type) && has(algorithm.hash) && (!(kHasRsaPkcs1 || kHasRsaPss) || has(algorithm.scheme));
  return has_all ? kNone : ErrorCode::unsupported_algorithm;
}

static_assert(PSA_ALG_SHA_384 == PSA_ALG_SHA_256 + 1 && PSA_ALG_SHA_512 == PSA_ALG_SHA_256 + 2);

psa_algorithm_t psa_hash(Hash hash) noexcept {
  return PSA_ALG_SHA_256 + static_cast<psa_algorithm_t>(hash) - static_cast<psa_algorithm_t>(Hash::sha256);
}

/// As signature_size, of what is there.
std::size_t size_of_signature(KeyType type) noexcept {
  return kHasRsaPkcs1 || kHasRsaPss ? signature_size(type) : 2 * coordinate_size(type);
}

psa_algorithm_t psa_algorithm(SignatureAlgorithm algorithm, bool deterministic) noexcept {
  const psa_algorithm_t hash = psa_hash(algorithm.hash);
  if (kHasRsaPkcs1 && algorithm.scheme == Scheme::rsa_pkcs1) return PSA_ALG_RSA_PKCS1V15_SIGN(hash);
  if (kHasRsaPss && algorithm.scheme == Scheme::rsa_pss) return PSA_ALG_RSA_PSS(hash);
  return deterministic ? PSA_ALG_DETERMINISTIC_ECDSA(hash) : PSA_ALG_ECDSA(hash);
}

ErrorCode key_error(psa_status_t status) noexcept {
  switch (status) {
    case PSA_ERROR_DOES_NOT_EXIST:
    case PSA_ERROR_INVALID_HANDLE:
      return ErrorCode::key_not_found;
    case PSA_ERROR_NOT_PERMITTED:  // the key's policy names another algorithm
    case PSA_ERROR_INVALID_ARGUMENT:
      return ErrorCode::wrong_key_type;
    case PSA_ERROR_NOT_SUPPORTED:
      return ErrorCode::unsupported_algorithm;
    case PSA_ERROR_BUFFER_TOO_SMALL:
      return ErrorCode::buffer_too_small;
    default:
      return ErrorCode::crypto_failure;
  }
}

/// A volatile key, destroyed at the end.
class ImportedKey {
 public:
  ImportedKey() noexcept = default;
  ~ImportedKey() { psa_destroy_key(id_); }
  ImportedKey(const ImportedKey&) = delete;
  ImportedKey& operator=(const ImportedKey&) = delete;

  [[nodiscard]] psa_status_t import(psa_key_type_t type, psa_key_usage_t usage, psa_algorithm_t algorithm,
                                    Bytes octets) noexcept {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, type);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, algorithm);
    return psa_import_key(&attributes, octets.data(), octets.size(), &id_);
  }
  [[nodiscard]] psa_key_id_t id() const noexcept { return id_; }

 private:
  psa_key_id_t id_ = 0;  // destroying 0 does nothing
};

/// Imports a public key after the checks that PSA leaves to its implementations.
/// Errors: unsupported_algorithm, invalid_key, crypto_failure.
ErrorCode import_public_key(const PublicKey& key, psa_algorithm_t algorithm, ImportedKey& out) noexcept {
  if (!has(key.type)) return ErrorCode::unsupported_algorithm;
  psa_key_type_t type = PSA_KEY_TYPE_RSA_PUBLIC_KEY;
  if (key.type == KeyType::p256 || key.type == KeyType::p384) {
    type = PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1);
    // Only the uncompressed form (SEC 1 2.3.3). Mbed TLS checks that the point is on the curve.
    if (key.key.size() != 1 + 2 * coordinate_size(key.type) || key.key[0] != 0x04) {
      return ErrorCode::invalid_key;
    }
  } else if constexpr (kHasRsaPkcs1 || kHasRsaPss) {
    if (const auto parsed = parse_rsa_public_key(key); !parsed) return parsed.error().code;
  }
  switch (out.import(type, PSA_KEY_USAGE_VERIFY_HASH, algorithm, key.key)) {
    case PSA_SUCCESS:
      return kNone;
    case PSA_ERROR_INVALID_ARGUMENT:
      return ErrorCode::invalid_key;
    case PSA_ERROR_NOT_SUPPORTED:
      return ErrorCode::unsupported_algorithm;
    default:
      return ErrorCode::crypto_failure;
  }
}

Result<void> result_of(ErrorCode code) noexcept {
  if (code != kNone) return fail(code);
  return {};
}

class Running final : public RunningDigest {
 public:
  Running(const psa_hash_operation_t& operation, Hash hash) noexcept
      : operation_(operation), size_(digest_size(hash)) {}
  [[nodiscard]] Result<void> value(MutableBytes out) const noexcept override {
    if (out.size() < size_) return fail(ErrorCode::buffer_too_small);
    psa_hash_operation_t copy = PSA_HASH_OPERATION_INIT;
    psa_status_t status = psa_hash_clone(&operation_, &copy);
    std::size_t size = 0;
    if (status == PSA_SUCCESS) status = psa_hash_finish(&copy, out.data(), out.size(), &size);
    if (status != PSA_SUCCESS) psa_hash_abort(&copy);
    if (status != PSA_SUCCESS || size != size_) return fail(ErrorCode::crypto_failure);
    return {};
  }

 private:
  const psa_hash_operation_t& operation_;
  std::size_t size_;
};

/// Errors: crypto_failure, those of `source`.
Result<void> update_from(PieceSource& source, Hash hash, psa_hash_operation_t& operation) noexcept {
  const Running running(operation, hash);
  while (true) {
    PEDIGREE_ASSIGN(const Bytes piece, source.next(running));
    if (piece.empty()) return {};
    if (psa_hash_update(&operation, piece.data(), piece.size()) != PSA_SUCCESS) {
      return fail(ErrorCode::crypto_failure);
    }
  }
}

bool digest_parts(Hash hash, const std::span<const Bytes>& parts, const MutableBytes& out) noexcept {
  psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
  psa_status_t status = psa_hash_setup(&operation, psa_hash(hash));
  for (const Bytes part : parts) {
    if (status == PSA_SUCCESS && !part.empty()) {
      status = psa_hash_update(&operation, part.data(), part.size());
    }
  }
  std::size_t size = 0;
  if (status == PSA_SUCCESS) status = psa_hash_finish(&operation, out.data(), out.size(), &size);
  if (status != PSA_SUCCESS) psa_hash_abort(&operation);
  return status == PSA_SUCCESS && size == digest_size(hash);
}

/// Leaves in `out`, of kMaxDigestSize, the digest. Errors: those of check_algorithm, crypto_failure.
[[gnu::noinline]] ErrorCode digest_to_sign(KeyType type, SignatureAlgorithm algorithm, const Bytes& message,
                                           MutableBytes& out) noexcept {
  const ErrorCode code = check_algorithm(type, algorithm);
  if (code != kNone) return code;
  out = out.first(digest_size(algorithm.hash));
  return digest_parts(algorithm.hash, {&message, 1}, out) ? kNone : ErrorCode::crypto_failure;
}

ErrorCode verify_with(const PublicKey& key, SignatureAlgorithm algorithm, const Bytes& digest,
                      const Bytes& signature) noexcept {
  ErrorCode code = check_algorithm(key.type, algorithm);
  if (code != kNone) return code;
  const psa_algorithm_t psa = psa_algorithm(algorithm, false);
  ImportedKey imported;
  code = import_public_key(key, psa, imported);
  if (code != kNone) return code;
  if (signature.size() != size_of_signature(key.type) || digest.size() != digest_size(algorithm.hash)) {
    return ErrorCode::invalid_signature;
  }
  switch (
      psa_verify_hash(imported.id(), psa, digest.data(), digest.size(), signature.data(), signature.size())) {
    case PSA_SUCCESS:
      return kNone;
    // Mbed TLS calls an RSA signature that is not below the modulus an invalid argument.
    case PSA_ERROR_INVALID_ARGUMENT:
    case PSA_ERROR_INVALID_SIGNATURE:
      return ErrorCode::invalid_signature;
    default:
      return ErrorCode::crypto_failure;
  }
}

// Leaves in `out` the signature.
ErrorCode sign_with(const PrivateKey& key, SignatureAlgorithm algorithm, const Bytes& digest,
                    MutableBytes& out) noexcept {
  const ErrorCode code = check_algorithm(key.type, algorithm);
  if (code != kNone) return code;
  if (digest.size() != digest_size(algorithm.hash)) return ErrorCode::bad_value;
  const std::size_t size = size_of_signature(key.type);
  const auto id = static_cast<psa_key_id_t>(key.handle);
  psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
  psa_status_t status = psa_get_key_attributes(id, &attributes);
  const psa_algorithm_t policy = psa_get_key_algorithm(&attributes);
  psa_reset_key_attributes(&attributes);
  if (status != PSA_SUCCESS) return key_error(status);
  if (out.size() < size) return ErrorCode::buffer_too_small;
  std::size_t written = 0;
  status = psa_sign_hash(id, psa_algorithm(algorithm, PSA_ALG_IS_DETERMINISTIC_ECDSA(policy)), digest.data(),
                         digest.size(), out.data(), out.size(), &written);
  if (status != PSA_SUCCESS) return key_error(status);
  out = out.first(size);
  return written == size ? kNone : ErrorCode::crypto_failure;
}

}  // namespace

bool PsaCrypto::supports(KeyType type, SignatureAlgorithm algorithm) const noexcept {
  return check_algorithm(type, algorithm) == kNone;
}

Result<void> PsaCrypto::digest(Hash hash, std::span<const Bytes> parts, MutableBytes out) const noexcept {
  if (!has(hash)) return fail(ErrorCode::crypto_failure);
  if (out.size() < digest_size(hash)) return fail(ErrorCode::buffer_too_small);
  if (!digest_parts(hash, parts, out)) return fail(ErrorCode::crypto_failure);
  return {};
}

Result<void> PsaCrypto::digest(Hash hash, PieceSource& source, MutableBytes out) const noexcept {
  if (!has(hash)) return fail(ErrorCode::crypto_failure);
  if (out.size() < digest_size(hash)) return fail(ErrorCode::buffer_too_small);
  psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
  if (psa_hash_setup(&operation, psa_hash(hash)) != PSA_SUCCESS) return fail(ErrorCode::crypto_failure);
  Result<void> done = update_from(source, hash, operation);
  std::size_t size = 0;
  if (done && psa_hash_finish(&operation, out.data(), out.size(), &size) != PSA_SUCCESS) {
    done = fail(ErrorCode::crypto_failure);
  }
  if (!done) psa_hash_abort(&operation);
  return done;
}

Result<Sha256> PsaCrypto::hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept {
  // PSA refuses an empty key; RFC 2104 pads with zeros, so one zero octet is the same key.
  constexpr std::uint8_t kZero[] = {0};
  const Bytes octets = key.empty() ? Bytes(kZero) : key;
  constexpr psa_algorithm_t kAlgorithm = PSA_ALG_HMAC(PSA_ALG_SHA_256);
  ImportedKey imported;
  psa_mac_operation_t operation = PSA_MAC_OPERATION_INIT;
  psa_status_t status = imported.import(PSA_KEY_TYPE_HMAC, PSA_KEY_USAGE_SIGN_MESSAGE, kAlgorithm, octets);
  if (status == PSA_SUCCESS) status = psa_mac_sign_setup(&operation, imported.id(), kAlgorithm);
  for (const Bytes part : parts) {
    if (status == PSA_SUCCESS && !part.empty()) {
      status = psa_mac_update(&operation, part.data(), part.size());
    }
  }
  Sha256 value{};
  std::size_t size = 0;
  if (status == PSA_SUCCESS) status = psa_mac_sign_finish(&operation, value.data(), value.size(), &size);
  if (status != PSA_SUCCESS) psa_mac_abort(&operation);
  if (status != PSA_SUCCESS || size != value.size()) return fail(ErrorCode::crypto_failure);
  return value;
}

Result<void> PsaCrypto::verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes message,
                               Bytes signature) const noexcept {
  std::array<std::uint8_t, kMaxDigestSize> octets;
  MutableBytes digest(octets);
  ErrorCode code = digest_to_sign(key.type, algorithm, message, digest);
  if (code == kNone) code = verify_with(key, algorithm, digest, signature);
  return result_of(code);
}

Result<void> PsaCrypto::verify_digest(const PublicKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                      Bytes signature) const noexcept {
  return result_of(verify_with(key, algorithm, digest, signature));
}

Result<void> PsaCrypto::check_public_key(const PublicKey& key) const noexcept {
  ImportedKey imported;
  return result_of(import_public_key(key, PSA_ALG_NONE, imported));
}

Result<Bytes> PsaCrypto::sign(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes message,
                              MutableBytes out) const noexcept {
  std::array<std::uint8_t, kMaxDigestSize> octets;
  MutableBytes digest(octets);
  ErrorCode code = digest_to_sign(key.type, algorithm, message, digest);
  if (code == kNone) code = sign_with(key, algorithm, digest, out);
  if (code != kNone) return fail(code);
  return out;
}

Result<Bytes> PsaCrypto::sign_digest(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                     MutableBytes out) const noexcept {
  const ErrorCode code = sign_with(key, algorithm, digest, out);
  if (code != kNone) return fail(code);
  return out;
}

Result<PublicKey> PsaCrypto::public_key(const PrivateKey& key, MutableBytes out) const noexcept {
  std::size_t size = 0;
  const psa_status_t status =
      psa_export_public_key(static_cast<psa_key_id_t>(key.handle), out.data(), out.size(), &size);
  switch (status) {
    case PSA_SUCCESS:
      return PublicKey{key.type, Bytes(out).first(size)};
    case PSA_ERROR_DOES_NOT_EXIST:
    case PSA_ERROR_INVALID_HANDLE:
      return fail(ErrorCode::key_not_found);
    case PSA_ERROR_BUFFER_TOO_SMALL:
      return fail(ErrorCode::buffer_too_small);
    default:
      return fail(ErrorCode::crypto_failure);
  }
}

Result<void> PsaCrypto::random(MutableBytes out) const noexcept {
  if (psa_generate_random(out.data(), out.size()) != PSA_SUCCESS) return fail(ErrorCode::no_entropy);
  return {};
}

}  // namespace pedigree::crypto
