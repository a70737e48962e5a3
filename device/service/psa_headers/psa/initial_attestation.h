/* SPDX-License-Identifier: Apache-2.0 */
/* PSA Certified Attestation API 1.0 (IHI 0085): what the service calls. A port whose platform brings its own
   header uses that one. */
#ifndef PSA_INITIAL_ATTESTATION_H
#define PSA_INITIAL_ATTESTATION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t psa_status_t;

#define PSA_INITIAL_ATTEST_API_VERSION_MAJOR 1
#define PSA_INITIAL_ATTEST_API_VERSION_MINOR 0

/* Octets of a challenge. */
#define PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32 32u
#define PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48 48u
#define PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64 64u

/* Octets of the largest token of our own implementation (ports/common/initial_attestation.h). */
#define PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE 1024u

/* The token of this device over a challenge, into a buffer of the caller. Errors: PSA_ERROR_INVALID_ARGUMENT
   (another size of challenge), PSA_ERROR_BUFFER_TOO_SMALL,
   PSA_ERROR_GENERIC_ERROR. */
psa_status_t psa_initial_attest_get_token(const uint8_t* auth_challenge, size_t challenge_size,
                                          uint8_t* token_buf, size_t token_buf_size, size_t* token_size);

/* Octets of the token over a challenge of this size. Errors: PSA_ERROR_INVALID_ARGUMENT,
   PSA_ERROR_GENERIC_ERROR. */
psa_status_t psa_initial_attest_get_token_size(size_t challenge_size, size_t* token_size);

#ifdef __cplusplus
}
#endif

#endif
