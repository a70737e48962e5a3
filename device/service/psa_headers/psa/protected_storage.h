/* SPDX-License-Identifier: Apache-2.0 */
/* PSA Protected Storage API 1.0 (IHI 0087): the four functions that the service calls where it is built with
   PEDIGREE_PROTECTED_STORAGE. A port whose platform brings its own header uses that one. */
#ifndef PSA_PROTECTED_STORAGE_H
#define PSA_PROTECTED_STORAGE_H

#include "psa/internal_trusted_storage.h"

#ifdef __cplusplus
extern "C" {
#endif

psa_status_t psa_ps_set(psa_storage_uid_t uid, size_t data_length, const void* p_data,
                        psa_storage_create_flags_t create_flags);
psa_status_t psa_ps_get(psa_storage_uid_t uid, size_t data_offset, size_t data_size, void* p_data,
                        size_t* p_data_length);
psa_status_t psa_ps_get_info(psa_storage_uid_t uid, struct psa_storage_info_t* p_info);
psa_status_t psa_ps_remove(psa_storage_uid_t uid);

#ifdef __cplusplus
}
#endif

#endif
