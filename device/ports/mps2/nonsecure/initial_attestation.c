/* SPDX-License-Identifier: Apache-2.0 */
/* The initial attestation API of the non-secure side: through the secure gateway. */
#include "psa/initial_attestation.h"

#include "device/ports/mps2/secure/gateway.h"

psa_status_t psa_initial_attest_get_token(const uint8_t* auth_challenge, size_t challenge_size,
                                          uint8_t* token_buf, size_t token_buf_size, size_t* token_size) {
  const psa_invec in[] = {{auth_challenge, challenge_size}};
  psa_outvec out[] = {{token_buf, token_buf_size}};
  const psa_status_t status =
      psa_call(PEDIGREE_ATTESTATION_HANDLE, PEDIGREE_ATTESTATION_GET_TOKEN, in, 1, out, 1);
  if (status == 0) *token_size = out[0].len;
  return status;
}

psa_status_t psa_initial_attest_get_token_size(size_t challenge_size, size_t* token_size) {
  const uint32_t wanted = (uint32_t)challenge_size;
  uint32_t size = 0;
  const psa_invec in[] = {{&wanted, sizeof wanted}};
  psa_outvec out[] = {{&size, sizeof size}};
  const psa_status_t status =
      psa_call(PEDIGREE_ATTESTATION_HANDLE, PEDIGREE_ATTESTATION_GET_TOKEN_SIZE, in, 1, out, 1);
  if (status == 0) *token_size = size;
  return status;
}
