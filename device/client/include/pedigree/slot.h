/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS client of the non-secure side needs of a slot: its chain as certificates, and signatures in the
   form that TLS sends. Knows no TLS library and takes no memory but the caller's.

   Results are those of pedigree/service.h: 0, a number of the one error list, or a negative number of the PSA
   framework; on an error no output is written. */
#ifndef PEDIGREE_SLOT_H
#define PEDIGREE_SLOT_H

#include "pedigree/service.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Octets of the largest ECDSA-Sig-Value (DER, RFC 3279 2.2.3): two INTEGERs of P-384. */
#define PEDIGREE_MAX_ECDSA_SIG_VALUE 104u

/* A certificate (DER) of a loaded chain; borrows from the chain's buffer. */
typedef struct pedigree_certificate_t {
  const uint8_t* der;
  size_t size;
} pedigree_certificate_t;

/* The first slot with an active key for TLS. Errors: slot_not_found. */
psa_status_t pedigree_find_tls_slot(psa_handle_t service, uint32_t* slot);

/* Reads the committed chain (CBOR array of DER certificates, leaf first, without the root) into `buffer`.
   Errors: buffer_too_small; wrong_state where no chain is committed; bad_digest where another chain took its
   place each time that it was read. */
psa_status_t pedigree_load_chain(psa_handle_t service, uint32_t slot, uint8_t* buffer, size_t capacity,
                                 size_t* size);

/* The certificate at `*cursor`, which is 0 for the leaf and then leads to the next one. Errors: not_found
   behind the last; bad_tag, too_many (more than 23), truncated, trailing_data. */
psa_status_t pedigree_next_certificate(const uint8_t* chain, size_t size, size_t* cursor,
                                       pedigree_certificate_t* certificate);

/* Bits of the curve that a certificate's key is on: 256 (P-256) or 384 (P-384); reads no more of it than is
   in front of that. Errors: unsupported_algorithm for another key; bad_tag, truncated, too_long. */
psa_status_t pedigree_certificate_bits(const pedigree_certificate_t* certificate, uint32_t* bits);

/* pedigree_sign_hash with the signature as ECDSA-Sig-Value. `signature` has room for
   PEDIGREE_MAX_ECDSA_SIG_VALUE. */
psa_status_t pedigree_sign_ecdsa(psa_handle_t service, uint32_t slot, const uint8_t* digest,
                                 size_t digest_size, uint8_t* signature, size_t* signature_size);

#ifdef __cplusplus
}
#endif

#endif
