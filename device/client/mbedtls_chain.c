/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/mbedtls_chain.h"

#include "pedigree/slot.h"

int pedigree_mbedtls_parse_chain(mbedtls_x509_crt* out, const uint8_t* chain, size_t size) {
  enum { kNotFound = 168 };
  size_t cursor = 0;
  pedigree_certificate_t certificate;
  psa_status_t status = 0;
  while ((status = pedigree_next_certificate(chain, size, &cursor, &certificate)) == 0) {
    const int code = mbedtls_x509_crt_parse_der_nocopy(out, certificate.der, certificate.size);
    if (code != 0) return code;
  }
  return status == kNotFound && cursor != 0 ? 0 : MBEDTLS_ERR_X509_INVALID_FORMAT;
}
