/* SPDX-License-Identifier: Apache-2.0 */
/* What an application of Zephyr calls. Provisioning needs no call: CONFIG_PEDIGREE_MGMT registers the SMP
   group when MCUmgr starts. */
#ifndef PEDIGREE_ZEPHYR_H
#define PEDIGREE_ZEPHYR_H

#include <zephyr/net/tls_credentials.h>

#include "pedigree/slot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Registers the chain of `slot` and, with CONFIG_PEDIGREE_TLS_PSA_KEY, its key as TLS credentials: the leaf
   and the key under `tag`, further certificates under `tag` + 1 and so on. `tags` gets those tags in the
   order in which a socket's TLS_SEC_TAG_LIST needs them, `*count` says how many fit before and how many there
   are after. The credentials refer to memory of this library: one slot at a time, and a socket that uses them
   is closed before they are deleted. Returns 0, a negative errno of tls_credential_add, -ENOMEM where the
   chain is longer than the configuration or `tags` allows, or the service's status (positive). */
int pedigree_tls_credentials_add(psa_handle_t service, uint32_t slot, sec_tag_t tag, sec_tag_t* tags,
                                 size_t* count);

/* Takes them back, before they are added anew: after a chain was replaced, say. */
void pedigree_tls_credentials_delete(void);

#ifdef __cplusplus
}
#endif

#endif
