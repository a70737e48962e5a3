// SPDX-License-Identifier: Apache-2.0
#include "device/service/key_store.h"

#include "psa/crypto.h"

namespace pedigree::device {
namespace {

constexpr std::size_t kMaxScalar = 48;

// FIPS 186-4 D.1.2: the order n of each base point, minus 2. PSA Crypto 1.1, psa_key_derivation_output_key:
// draw big-endian numbers until one is at most n - 2, and add 1.
constexpr std::array<std::uint8_t, 32> kP256OrderMinus2{
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f};
constexpr std::array<std::uint8_t, 48> kP384OrderMinus2{
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x71};

Bytes order_minus_2(crypto::KeyType type) noexcept {
  return type == crypto::KeyType::p256 ? Bytes(kP256OrderMinus2) : Bytes(kP384OrderMinus2);
}

Status status_of(psa_status_t status) noexcept {
  switch (status) {
    case PSA_SUCCESS:
      return {};
    case PSA_ERROR_INSUFFICIENT_STORAGE:
      return ErrorCode::storage_full;
    case PSA_ERROR_STORAGE_FAILURE:
    case PSA_ERROR_DATA_CORRUPT:
    case PSA_ERROR_DATA_INVALID:
      return ErrorCode::storage_failure;
    case PSA_ERROR_INSUFFICIENT_ENTROPY:
      return ErrorCode::no_entropy;
    case PSA_ERROR_NOT_SUPPORTED:
      return ErrorCode::unsupported_algorithm;
    case PSA_ERROR_DOES_NOT_EXIST:
    case PSA_ERROR_INVALID_HANDLE:
      return ErrorCode::key_not_found;
    default:
      return ErrorCode::crypto_failure;
  }
}

psa_algorithm_t ecdsa(psa_algorithm_t hash) noexcept {
#if defined(PSA_WANT_ALG_DETERMINISTIC_ECDSA)
  return PSA_ALG_DETERMINISTIC_ECDSA(hash);
#else
  return PSA_ALG_ECDSA(hash);
#endif
}

/// Attestation and identity keys sign with one hash; a TLS peer may choose another.
psa_algorithm_t permitted_algorithm(const KeyRequest& request) noexcept {
  if (request.purpose == enrol::Purpose::tls || request.purpose == enrol::Purpose::data) {
    return ecdsa(PSA_ALG_ANY_HASH);
  }
  return ecdsa(request.type == crypto::KeyType::p256 ? PSA_ALG_SHA_256 : PSA_ALG_SHA_384);
}

/// `id` 0 makes the attributes of a volatile key.
psa_key_attributes_t attributes_of(const KeyRequest& request, KeyId id) noexcept {
  psa_key_attributes_t attributes = psa_key_attributes_init();
  psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
  psa_set_key_bits(&attributes, request.type == crypto::KeyType::p256 ? 256 : 384);
  psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH);
  psa_set_key_algorithm(&attributes, permitted_algorithm(request));
  if (id != 0) psa_set_key_id(&attributes, id);
  return attributes;
}

/// Draws numbers until one is at most n - 2, and adds 1.
psa_status_t draw_scalar(psa_key_derivation_operation_t& operation, Bytes limit,
                         MutableBytes scalar) noexcept {
  do {
    const psa_status_t status = psa_key_derivation_output_bytes(&operation, scalar.data(), scalar.size());
    if (status != PSA_SUCCESS) return status;
  } while (std::lexicographical_compare(limit.begin(), limit.end(), scalar.begin(), scalar.end()));
  for (std::size_t i = scalar.size(); i-- > 0;) {
    if (++scalar[i] != 0) break;
  }
  return PSA_SUCCESS;
}

/// HKDF-SHA-256 (RFC 5869) without salt over the hardware unique key; info = "pedigree key", purpose, type,
/// label, so that no two kinds of key share a scalar.
psa_status_t derive_scalar(KeyId hardware_unique_key, const KeyRequest& request,
                           MutableBytes scalar) noexcept {
  std::array<std::uint8_t, 14 + enrol::kMaxLabel> buffer;
  Writer info(buffer);
  info.bytes(as_bytes("pedigree key"));
  info.u8(static_cast<std::uint8_t>(request.purpose));
  info.u8(static_cast<std::uint8_t>(request.type));
  info.bytes(request.label);
  psa_key_derivation_operation_t operation = psa_key_derivation_operation_init();
  psa_status_t status = psa_key_derivation_setup(&operation, PSA_ALG_HKDF(PSA_ALG_SHA_256));
  if (status == PSA_SUCCESS) {
    status = psa_key_derivation_input_key(&operation, PSA_KEY_DERIVATION_INPUT_SECRET, hardware_unique_key);
  }
  if (status == PSA_SUCCESS) {
    status =
        psa_key_derivation_input_bytes(&operation, PSA_KEY_DERIVATION_INPUT_INFO, buffer.data(), info.size());
  }
  if (status == PSA_SUCCESS) status = draw_scalar(operation, order_minus_2(request.type), scalar);
  psa_key_derivation_abort(&operation);
  return status;
}

Status import_scalar(const psa_key_attributes_t& attributes, Bytes scalar, psa_key_id_t& id) noexcept {
  const psa_status_t status = psa_import_key(&attributes, scalar.data(), scalar.size(), &id);
  if (status == PSA_ERROR_INVALID_ARGUMENT) return ErrorCode::invalid_key;
  return status_of(status);
}

Status make_key(const Platform& platform, const KeyRequest& request, const psa_key_attributes_t& attributes,
                psa_key_id_t& id) noexcept {
  switch (request.origin) {
    case enrol::Origin::generate:
      return status_of(psa_generate_key(&attributes, &id));
    case enrol::Origin::derive: {
      SecretArray<kMaxScalar> buffer;
      const MutableBytes scalar = buffer.span().first(order_minus_2(request.type).size());
      PEDIGREE_CHECK(status_of(derive_scalar(platform.hardware_unique_key, request, scalar)));
      return import_scalar(attributes, scalar, id);
    }
    case enrol::Origin::import:
      return import_scalar(attributes, request.import_key, id);
    case enrol::Origin::builtin:
      id = platform.builtin_iak;
      return {};
  }
  return ErrorCode::origin_unsupported;
}

Status export_public_key(psa_key_id_t id, PublicKeyOctets& out) noexcept {
  return status_of(psa_export_public_key(id, out.octets.data(), out.octets.size(), &out.size));
}

bool has_bit(std::uint32_t bits, unsigned n) noexcept {
  return (bits >> n & 1U) != 0;
}

}  // namespace

KeyId KeyStore::bank_key_id(std::uint32_t slot, std::uint8_t bank) const noexcept {
  return platform_.key_base + 2 * slot + bank;
}

KeyId KeyStore::key_id(std::uint32_t slot, const KeyRecord& key) const noexcept {
  return key.origin == enrol::Origin::builtin ? platform_.builtin_iak : bank_key_id(slot, key.bank);
}

Status KeyStore::make(std::uint32_t slot, std::uint8_t bank, const KeyRequest& request,
                      PublicKeyOctets& out) const noexcept {
  if (!has_bit(origins(), static_cast<unsigned>(request.origin))) return ErrorCode::origin_unsupported;
  if (!has_bit(algorithms(), static_cast<unsigned>(request.type))) return ErrorCode::unsupported_algorithm;
  // A key in a bank that no record names is left over from an operation that failed.
  PEDIGREE_CHECK(destroy(slot, bank));
  psa_key_id_t id = 0;
  PEDIGREE_CHECK(make_key(platform_, request, attributes_of(request, bank_key_id(slot, bank)), id));
  const Status exported = export_public_key(id, out);
  if (!exported.ok() && request.origin != enrol::Origin::builtin) static_cast<void>(destroy(slot, bank));
  return exported;
}

Status KeyStore::imported_public_key(const KeyRequest& request, PublicKeyOctets& out) const noexcept {
  psa_key_id_t id = 0;
  PEDIGREE_CHECK(import_scalar(attributes_of(request, 0), request.import_key, id));
  const Status exported = export_public_key(id, out);
  psa_destroy_key(id);
  return exported;
}

Status KeyStore::destroy(std::uint32_t slot, std::uint8_t bank) const noexcept {
  const psa_status_t status = psa_destroy_key(bank_key_id(slot, bank));
  if (status == PSA_SUCCESS || status == PSA_ERROR_INVALID_HANDLE || status == PSA_ERROR_DOES_NOT_EXIST)
    return {};
  return ErrorCode::storage_failure;
}

Status KeyStore::sign_hash(std::uint32_t slot, const KeyRecord& key, Bytes digest, MutableBytes out,
                           std::size_t& size) const noexcept {
  psa_algorithm_t hash = 0;
  if (digest.size() == 32) hash = PSA_ALG_SHA_256;
  if (digest.size() == 48) hash = PSA_ALG_SHA_384;
  if (digest.size() == 64) hash = PSA_ALG_SHA_512;
  if (hash == 0) return ErrorCode::bad_value;
  return status_of(psa_sign_hash(key_id(slot, key), ecdsa(hash), digest.data(), digest.size(), out.data(),
                                 out.size(), &size));
}

std::uint32_t KeyStore::algorithms() noexcept {
  std::uint32_t bits = 1U << static_cast<unsigned>(crypto::KeyType::p256);
#if defined(PSA_WANT_ECC_SECP_R1_384)
  bits |= 1U << static_cast<unsigned>(crypto::KeyType::p384);
#endif
  return bits;
}

std::uint32_t KeyStore::origins() const noexcept {
  std::uint32_t bits = (1U << static_cast<unsigned>(enrol::Origin::generate)) |
                       (1U << static_cast<unsigned>(enrol::Origin::import));
  if (platform_.hardware_unique_key != 0) bits |= 1U << static_cast<unsigned>(enrol::Origin::derive);
  if (platform_.builtin_iak != 0) bits |= 1U << static_cast<unsigned>(enrol::Origin::builtin);
  return bits;
}

}  // namespace pedigree::device
