/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for what TF-M generates from the manifests, where the handle is a constant. In the host's test it
   is that of a simulated device. */
#ifndef PSA_MANIFEST_SID_H
#define PSA_MANIFEST_SID_H

#include "psa/client.h"

#ifdef PEDIGREE_STUB_HANDLE
extern psa_handle_t pedigree_stub_handle;
#define PEDIGREE_SERVICE_HANDLE pedigree_stub_handle
#else
#define PEDIGREE_SERVICE_HANDLE ((psa_handle_t)0x40000101)
#endif

#endif
