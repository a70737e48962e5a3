/* SPDX-License-Identifier: Apache-2.0 */
/* The product's Mbed TLS with its X.509, for all three images, so that what PSA Crypto takes is the same in
 * each. */
#ifndef PEDIGREE_MPS2_COMPARE_MBEDTLS_CONFIG_H
#define PEDIGREE_MPS2_COMPARE_MBEDTLS_CONFIG_H

#include "device/ports/mps2/secure/mbedtls_config.h"

#define MBEDTLS_OID_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_X509_CHECK_EXTENDED_KEY_USAGE
#define MBEDTLS_X509_CHECK_KEY_USAGE
#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_CSR_WRITE_C
#define MBEDTLS_X509_USE_C

#endif
