/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PEDIGREE_SAMPLE_H
#define PEDIGREE_SAMPLE_H

#include "pedigree/service.h"

/* Connects with the first slot for TLS, sends a line and reads one. Returns 0, a negative errno, or the
   service's status. */
int sample_tls_connect(psa_handle_t service);

#endif
