/* SPDX-License-Identifier: Apache-2.0 */
/* The same with TLS on PSA Crypto, which has keys by number: the slot's by pedigree/psa_key.h. Random numbers
   are those of main.cc. */
#ifndef PEDIGREE_MPS2_TLS_MBEDTLS_PSA_CONFIG_H
#define PEDIGREE_MPS2_TLS_MBEDTLS_PSA_CONFIG_H

#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#define MBEDTLS_PK_WRITE_C

#include "device/ports/mps2/tls_client/mbedtls_config.h"

#endif
