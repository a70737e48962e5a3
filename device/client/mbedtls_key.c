/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/mbedtls_key.h"

#include <mbedtls/pk_internal.h>

#include "pedigree/slot.h"

static size_t key_bits(const void* context) {
  return ((const pedigree_mbedtls_key_t*)context)->bits;
}

static int can_do(mbedtls_pk_type_t type) {
  return type == MBEDTLS_PK_ECDSA || type == MBEDTLS_PK_ECKEY;
}

static int refuse_verify(void* context, mbedtls_md_type_t md, const unsigned char* hash, size_t hash_size,
                         const unsigned char* signature, size_t signature_size) {
  (void)context, (void)md, (void)hash, (void)hash_size, (void)signature, (void)signature_size;
  return MBEDTLS_ERR_PK_TYPE_MISMATCH;
}

static int sign(void* context, mbedtls_md_type_t md, const unsigned char* hash, size_t hash_size,
                unsigned char* signature, size_t* signature_size,
                int (*random)(void*, unsigned char*, size_t), void* random_context) {
  (void)md, (void)random, (void)random_context;
  pedigree_mbedtls_key_t* const key = context;
  key->status = pedigree_sign_ecdsa(key->service, key->slot, hash, hash_size, signature, signature_size);
  return key->status == 0 ? 0 : MBEDTLS_ERR_PK_BAD_INPUT_DATA;
}

/* The context is the caller's memory. */
static void* no_context(void) {
  return NULL;
}
static void keep_context(void* context) {
  (void)context;
}

static const mbedtls_pk_info_t slot_key = {.type = MBEDTLS_PK_ECDSA,
                                           .name = "Pedigree",
                                           .get_bitlen = key_bits,
                                           .can_do = can_do,
                                           .verify_func = refuse_verify,
                                           .sign_func = sign,
                                           .ctx_alloc_func = no_context,
                                           .ctx_free_func = keep_context};

int pedigree_mbedtls_setup_key(pedigree_mbedtls_key_t* key, psa_handle_t service, uint32_t slot,
                               const mbedtls_x509_crt* leaf, mbedtls_pk_context* pk) {
  if (!mbedtls_pk_can_do(&leaf->pk, MBEDTLS_PK_ECDSA)) return MBEDTLS_ERR_PK_TYPE_MISMATCH;
  key->service = service;
  key->slot = slot;
  key->bits = mbedtls_pk_get_bitlen(&leaf->pk);
  key->status = 0;
  pk->pk_info = &slot_key;
  pk->pk_ctx = key;
  return 0;
}
