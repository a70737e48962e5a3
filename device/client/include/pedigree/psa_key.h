/* SPDX-License-Identifier: Apache-2.0 */
/* A slot's key as a key of PSA Crypto on the non-secure side, for software that takes a psa_key_id_t and asks
   psa_sign_hash: mbedtls_pk_setup_opaque (Mbed TLS 3), mbedtls_pk_wrap_psa (Mbed TLS 4), Zephyr's
   TLS_CREDENTIAL_PRIVATE_KEY_PSA.

   The program is linked with -Wl,--wrap=psa_get_key_attributes, --wrap=psa_export_public_key and
   --wrap=psa_sign_hash. Keys of the range below are then the service's, all others are PSA Crypto's as
   before. A key of ours signs hashes with ECDSA and gives its public key; every other function of PSA Crypto
   answers that it knows no such key. */
#ifndef PEDIGREE_PSA_KEY_H
#define PEDIGREE_PSA_KEY_H

#include "pedigree/service.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ids of our keys: this and the slot's number. Vendor range of PSA Crypto (0x40000000 to 0x7fffffff), outside
   that of built-in keys. */
#ifndef PEDIGREE_PSA_KEY_BASE
#define PEDIGREE_PSA_KEY_BASE 0x7ed16000u
#endif

/* Gives the active key of `slot` the id PEDIGREE_PSA_KEY_BASE + slot from now on. `bits` of the curve as the
   chain's leaf has it: 256 or 384. Not for several threads at once. Errors: bad_value. */
psa_status_t pedigree_psa_register_key(psa_handle_t service, uint32_t slot, uint32_t bits, uint32_t* key_id);

/* Takes the id back. */
void pedigree_psa_forget_key(uint32_t slot);

#ifdef __cplusplus
}
#endif

#endif
