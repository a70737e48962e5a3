/* SPDX-License-Identifier: Apache-2.0 */
/* psa_call of the non-secure side: through the secure gateway. */
#include "device/ports/mps2/secure/gateway.h"

psa_status_t psa_call(psa_handle_t handle, int32_t type, const psa_invec* in_vec, size_t in_len,
                      psa_outvec* out_vec, size_t out_len) {
  if (type < 0 || type > INT16_MAX || in_len > 0xff || out_len > 0xff) return PSA_ERROR_PROGRAMMER_ERROR;
  return pedigree_gateway_call(handle, (uint32_t)type | (uint32_t)in_len << 16 | (uint32_t)out_len << 24,
                               in_vec, out_vec);
}
