/* SPDX-License-Identifier: Apache-2.0 */
/* Mbed TLS 2.28 for the boot stage: SHA-256 and the verification of ECDSA signatures with P-256. Nothing here
   is secret, and there is no generator of random numbers. */
#ifndef PEDIGREE_MPS2_BOOT_MBEDTLS_CONFIG_H
#define PEDIGREE_MPS2_BOOT_MBEDTLS_CONFIG_H

#define MBEDTLS_HAVE_ASM /* multiplications with the DSP extension, which this processor has */
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_NO_INTERNAL_RNG
#define MBEDTLS_SHA224_C
#define MBEDTLS_SHA256_C

#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C

#include "mbedtls/check_config.h"

#endif
