/* SPDX-License-Identifier: Apache-2.0 */
/* PSA Firmware Framework client API (DEN0063, 4.3): what the client library calls. A port whose platform
   brings its own psa/client.h uses that one. */
#ifndef PSA_CLIENT_H
#define PSA_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t psa_status_t;
typedef int32_t psa_handle_t;

#define PSA_ERROR_PROGRAMMER_ERROR ((psa_status_t) - 129)
#define PSA_ERROR_CONNECTION_REFUSED ((psa_status_t) - 130)
#define PSA_ERROR_CONNECTION_BUSY ((psa_status_t) - 131)

#define PSA_MAX_IOVEC (4u)

typedef struct psa_invec {
  const void* base;
  size_t len;
} psa_invec;

typedef struct psa_outvec {
  void* base;
  size_t len;
} psa_outvec;

psa_status_t psa_call(psa_handle_t handle, int32_t type, const psa_invec* in_vec, size_t in_len,
                      psa_outvec* out_vec, size_t out_len);

#ifdef __cplusplus
}
#endif

#endif
