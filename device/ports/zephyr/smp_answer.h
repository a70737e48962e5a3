/* SPDX-License-Identifier: Apache-2.0 */
/* Between Zephyr's SMP server, which is C, and Pedigree's, which is not. Internal to this port. */
#ifndef PEDIGREE_ZEPHYR_SMP_ANSWER_H
#define PEDIGREE_ZEPHYR_SMP_ANSWER_H

#include "pedigree/service.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PEDIGREE_SMP_HEADER 8u
/* Commands that reach the server; those above are Zephyr's to refuse. */
#define PEDIGREE_SMP_COMMANDS 16

/* Answers a packet of Pedigree's group into `response`; returns the octets of the answer, 0 where none is due
   or it is none of ours. Not for several threads at once. */
size_t pedigree_smp_answer(psa_handle_t service, const uint8_t* request, size_t request_size,
                           uint8_t* response, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
