// SPDX-License-Identifier: Apache-2.0
#include "device/ports/common/builtin_keys.h"

#include "core/cbor/cbor.h"
#include "psa/crypto.h"

namespace pedigree::device {
namespace {

struct KeyPlan {
  KeyId id;
  psa_key_type_t type;
  psa_key_usage_t usage;
  psa_algorithm_t algorithm;
};

Result<void> make_key(const KeyPlan& plan) noexcept {
  psa_key_attributes_t attributes = psa_key_attributes_init();
  psa_set_key_type(&attributes, plan.type);
  psa_set_key_bits(&attributes, 256);
  psa_set_key_usage_flags(&attributes, plan.usage);
  psa_set_key_algorithm(&attributes, plan.algorithm);
  psa_set_key_id(&attributes, plan.id);
  psa_key_id_t made = 0;
  psa_destroy_key(plan.id);
  switch (psa_generate_key(&attributes, &made)) {
    case PSA_SUCCESS:
      return {};
    case PSA_ERROR_INSUFFICIENT_ENTROPY:
      return fail(ErrorCode::no_entropy);
    case PSA_ERROR_INSUFFICIENT_STORAGE:
      return fail(ErrorCode::storage_full);
    case PSA_ERROR_STORAGE_FAILURE:
      return fail(ErrorCode::storage_failure);
    default:
      return fail(ErrorCode::crypto_failure);
  }
}

}  // namespace

Result<void> make_builtin_keys(const Platform& platform) noexcept {
  PEDIGREE_TRY(make_key({platform.hardware_unique_key, PSA_KEY_TYPE_DERIVE, PSA_KEY_USAGE_DERIVE,
                         PSA_ALG_HKDF(PSA_ALG_SHA_256)}));
  return make_key({platform.builtin_iak, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
                   PSA_KEY_USAGE_SIGN_HASH, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256)});
}

Result<std::array<std::uint8_t, enrol::kDeviceIdSize>> read_device_id(KeyId attestation_key,
                                                                      const crypto::Crypto& crypto) noexcept {
  std::array<std::uint8_t, 65> point{};
  PEDIGREE_TRY(crypto.public_key({crypto::KeyType::p256, attestation_key}, point));
  std::array<std::uint8_t, 96> buffer{};
  Writer writer(buffer);
  cbor::Encoder cose_key(writer);
  cose_key.map(4);
  cose_key.integer(1);
  cose_key.integer(2);
  cose_key.integer(-1);
  cose_key.integer(1);
  cose_key.integer(-2);
  cose_key.bstr(Bytes(point).subspan(1, 32));
  cose_key.integer(-3);
  cose_key.bstr(Bytes(point).subspan(33, 32));
  PEDIGREE_ASSIGN(const Sha256 hash, crypto.sha256(writer.written()));
  std::array<std::uint8_t, enrol::kDeviceIdSize> id{};
  id[0] = 0x01;
  std::ranges::copy(hash, id.begin() + 1);
  return id;
}

}  // namespace pedigree::device
