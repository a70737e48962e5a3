/* SPDX-License-Identifier: Apache-2.0 */
/* A slot's chain for a TLS client that uses Mbed TLS, 2.28 or 3. */
#ifndef PEDIGREE_MBEDTLS_CHAIN_H
#define PEDIGREE_MBEDTLS_CHAIN_H

#include <mbedtls/x509_crt.h>

#include "pedigree/service.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends the certificates of a loaded chain (pedigree_load_chain) to `out`, which borrows from `chain`: the
   octets must live as long. Errors: Mbed TLS's; MBEDTLS_ERR_X509_INVALID_FORMAT for what is no chain. */
int pedigree_mbedtls_parse_chain(mbedtls_x509_crt* out, const uint8_t* chain, size_t size);

#ifdef __cplusplus
}
#endif

#endif
