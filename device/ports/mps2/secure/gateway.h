/* SPDX-License-Identifier: Apache-2.0 */
/* The two secure gateways: what the non-secure side can call. */
#ifndef PEDIGREE_MPS2_GATEWAY_H
#define PEDIGREE_MPS2_GATEWAY_H

#include "psa/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The handle of Pedigree's service, as a stateless handle. */
#define PEDIGREE_SERVICE_HANDLE ((psa_handle_t)0x40000101)

/* The handle of the platform's initial attestation service, and the types of its two calls: a challenge in, a
   token out; a challenge's size in and a token's size out, each as 32 bits. */
#define PEDIGREE_ATTESTATION_HANDLE ((psa_handle_t)0x40000103)
#define PEDIGREE_ATTESTATION_GET_TOKEN 1001
#define PEDIGREE_ATTESTATION_GET_TOKEN_SIZE 1002

/* psa_call in the four registers that a gateway has: `control` is type | in_len << 16 | out_len << 24. */
psa_status_t pedigree_gateway_call(psa_handle_t handle, uint32_t control, const psa_invec* in_vec,
                                   psa_outvec* out_vec);

/* Restarts the whole device. */
void pedigree_gateway_reset(void);

#ifdef __cplusplus
}
#endif

#endif
