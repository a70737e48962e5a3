/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/psa_key.h"

#include <psa/crypto.h>
#include <string.h>

typedef struct {
  psa_handle_t service;
  uint32_t bits; /* 0: no key */
} slot_key_t;

static slot_key_t keys[PEDIGREE_MAX_SLOTS];

psa_status_t pedigree_psa_register_key(psa_handle_t service, uint32_t slot, uint32_t bits, uint32_t* key_id) {
  enum { kBadValue = 9 };
  if (slot == 0 || slot > PEDIGREE_MAX_SLOTS || (bits != 256 && bits != 384)) return kBadValue;
  keys[slot - 1].service = service;
  keys[slot - 1].bits = bits;
  *key_id = PEDIGREE_PSA_KEY_BASE + slot;
  return 0;
}

void pedigree_psa_forget_key(uint32_t slot) {
  if (slot > 0 && slot <= PEDIGREE_MAX_SLOTS) keys[slot - 1].bits = 0;
}

/* The slot's number, or 0 where the key is not one of ours. */
static uint32_t slot_of(mbedtls_svc_key_id_t key) {
#ifdef MBEDTLS_SVC_KEY_ID_GET_KEY_ID
  const uint32_t id = MBEDTLS_SVC_KEY_ID_GET_KEY_ID(key);
#else
  const uint32_t id = key;
#endif
  return id > PEDIGREE_PSA_KEY_BASE && id <= PEDIGREE_PSA_KEY_BASE + PEDIGREE_MAX_SLOTS
             ? id - PEDIGREE_PSA_KEY_BASE
             : 0;
}

/* What the service's errors are to a user of PSA Crypto. */
static psa_status_t as_crypto_status(psa_status_t status) {
  enum { kSlotNotFound = 120, kWrongState = 123 };
  if (status == 0) return PSA_SUCCESS;
  if (status < 0) return PSA_ERROR_COMMUNICATION_FAILURE;
  return status == kSlotNotFound || status == kWrongState ? PSA_ERROR_INVALID_HANDLE
                                                          : PSA_ERROR_NOT_PERMITTED;
}

static int is_being_replaced(psa_handle_t service, uint32_t slot) {
  enum { kReplacing = 3 }; /* SlotState of core/enrol/messages.h */
  pedigree_slot_info_t slots[PEDIGREE_MAX_SLOTS];
  size_t count = 0;
  if (pedigree_list_slots(service, slots, &count) != 0) return 1;
  for (size_t i = 0; i < count; ++i) {
    if (slots[i].slot == slot) return slots[i].state == kReplacing;
  }
  return 1;
}

psa_status_t __real_psa_get_key_attributes(mbedtls_svc_key_id_t key, psa_key_attributes_t* attributes);
psa_status_t __wrap_psa_get_key_attributes(mbedtls_svc_key_id_t key, psa_key_attributes_t* attributes);
psa_status_t __real_psa_export_public_key(mbedtls_svc_key_id_t key, uint8_t* data, size_t size,
                                          size_t* length);
psa_status_t __wrap_psa_export_public_key(mbedtls_svc_key_id_t key, uint8_t* data, size_t size,
                                          size_t* length);
psa_status_t __real_psa_sign_hash(mbedtls_svc_key_id_t key, psa_algorithm_t algorithm, const uint8_t* hash,
                                  size_t hash_length, uint8_t* signature, size_t size, size_t* length);
psa_status_t __wrap_psa_sign_hash(mbedtls_svc_key_id_t key, psa_algorithm_t algorithm, const uint8_t* hash,
                                  size_t hash_length, uint8_t* signature, size_t size, size_t* length);

psa_status_t __wrap_psa_get_key_attributes(mbedtls_svc_key_id_t key, psa_key_attributes_t* attributes) {
  const uint32_t slot = slot_of(key);
  if (slot == 0) return __real_psa_get_key_attributes(key, attributes);
  if (keys[slot - 1].bits == 0) return PSA_ERROR_INVALID_HANDLE;
  const psa_key_attributes_t empty = PSA_KEY_ATTRIBUTES_INIT;
  *attributes = empty;
  psa_set_key_id(attributes, key);
  psa_set_key_type(attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
  psa_set_key_bits(attributes, keys[slot - 1].bits);
  psa_set_key_usage_flags(attributes, PSA_KEY_USAGE_SIGN_HASH);
  psa_set_key_algorithm(attributes, PSA_ALG_ECDSA(PSA_ALG_ANY_HASH));
  return PSA_SUCCESS;
}

psa_status_t __wrap_psa_export_public_key(mbedtls_svc_key_id_t key, uint8_t* data, size_t size,
                                          size_t* length) {
  const uint32_t slot = slot_of(key);
  if (slot == 0) return __real_psa_export_public_key(key, data, size, length);
  const slot_key_t* const ours = &keys[slot - 1];
  if (ours->bits == 0) return PSA_ERROR_INVALID_HANDLE;
  uint8_t spki[PEDIGREE_MAX_SPKI];
  size_t spki_size = 0;
  const psa_status_t status = pedigree_public_key(ours->service, slot, spki, &spki_size);
  if (status != 0) return as_crypto_status(status);
  /* While a pending key is to replace the active one, the service shows that one. */
  if (is_being_replaced(ours->service, slot)) return PSA_ERROR_BAD_STATE;
  /* The point is what a SubjectPublicKeyInfo of an EC key ends with (RFC 5480 2.2). */
  const size_t point = 1 + 2 * (ours->bits / 8);
  if (spki_size < point) return PSA_ERROR_INVALID_HANDLE;
  if (size < point) return PSA_ERROR_BUFFER_TOO_SMALL;
  memcpy(data, spki + spki_size - point, point);
  *length = point;
  return PSA_SUCCESS;
}

psa_status_t __wrap_psa_sign_hash(mbedtls_svc_key_id_t key, psa_algorithm_t algorithm, const uint8_t* hash,
                                  size_t hash_length, uint8_t* signature, size_t size, size_t* length) {
  const uint32_t slot = slot_of(key);
  if (slot == 0) return __real_psa_sign_hash(key, algorithm, hash, hash_length, signature, size, length);
  const slot_key_t* const ours = &keys[slot - 1];
  if (ours->bits == 0) return PSA_ERROR_INVALID_HANDLE;
  /* Deterministic or not: the service decides how it draws the nonce, and the verifier cannot tell. */
  if (!PSA_ALG_IS_ECDSA(algorithm)) return PSA_ERROR_NOT_PERMITTED;
  if (hash_length != PSA_HASH_LENGTH(PSA_ALG_SIGN_GET_HASH(algorithm))) return PSA_ERROR_INVALID_ARGUMENT;
  uint8_t raw[PEDIGREE_MAX_SIGNATURE];
  size_t raw_size = 0;
  const psa_status_t status = pedigree_sign_hash(ours->service, slot, hash, hash_length, raw, &raw_size);
  if (status != 0) return as_crypto_status(status);
  if (size < raw_size) return PSA_ERROR_BUFFER_TOO_SMALL;
  memcpy(signature, raw, raw_size);
  *length = raw_size;
  return PSA_SUCCESS;
}
