/* SPDX-License-Identifier: Apache-2.0 */
/* PSA Firmware Framework secure partition API (DEN0063, 4.4; SFN model of its 1.1 extensions): what a
   stateless service in the SFN model calls. A port whose platform brings its own header uses that one. */
#ifndef PSA_SERVICE_H
#define PSA_SERVICE_H

#include "psa/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One message: who calls (negative: the non-secure side), with which type, and how large the vectors are. */
typedef struct psa_msg_t {
  int32_t type;
  psa_handle_t handle;
  int32_t client_id;
  void* rhandle;
  size_t in_size[PSA_MAX_IOVEC];
  size_t out_size[PSA_MAX_IOVEC];
} psa_msg_t;

/* Copies the next octets of an input vector, at most those that are left; returns how many. */
size_t psa_read(psa_handle_t msg_handle, uint32_t invec_idx, void* buffer, size_t num_bytes);

/* Appends to an output vector. More than there is room for ends the partition. */
void psa_write(psa_handle_t msg_handle, uint32_t outvec_idx, const void* buffer, size_t num_bytes);

#ifdef __cplusplus
}
#endif

#endif
