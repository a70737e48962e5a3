/* SPDX-License-Identifier: Apache-2.0 */
/* A slot's key and chain for a TLS client that uses Mbed TLS 2.28 on the non-secure side: what
   mbedtls_ssl_conf_own_cert takes. The client holds the chain, and instead of the key its name.

   Mbed TLS 2.28 asks a key's implementation through mbedtls_pk_info_t (mbedtls/pk_internal.h, which 2.28
   installs and, as a long-time support branch, keeps). mbedtls_pk_setup_rsa_alt is for RSA alone, and
   mbedtls_ssl_conf_async_private_cb serves servers alone. From Mbed TLS 3 on that header is gone: there
   pedigree/psa_key.h does the same through PSA Crypto. */
#ifndef PEDIGREE_MBEDTLS_KEY_H
#define PEDIGREE_MBEDTLS_KEY_H

#include <mbedtls/pk.h>

#include "pedigree/mbedtls_chain.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A key that stays in the service. Lives longer than what it was set up for. */
typedef struct pedigree_mbedtls_key_t {
  psa_handle_t service;
  uint32_t slot;
  size_t bits;         /* of the curve's order */
  psa_status_t status; /* of the last signature, as pedigree_sign_hash: Mbed TLS has no number for it */
} pedigree_mbedtls_key_t;

/* Makes `pk` (initialised) the private key of `slot`, whose certificate is `leaf`. It signs with ECDSA and
   does nothing else; mbedtls_pk_free on it frees nothing of ours. Errors: MBEDTLS_ERR_PK_TYPE_MISMATCH where
   the leaf's key is none for ECDSA. A signature that the service refuses is MBEDTLS_ERR_PK_BAD_INPUT_DATA,
   and `key->status` says why. */
int pedigree_mbedtls_setup_key(pedigree_mbedtls_key_t* key, psa_handle_t service, uint32_t slot,
                               const mbedtls_x509_crt* leaf, mbedtls_pk_context* pk);

#ifdef __cplusplus
}
#endif

#endif
