/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's own keys, as partition.cc names them. On a host they are ordinary keys of the PSA key store.
 */
#ifndef TFM_BUILTIN_KEY_IDS_H
#define TFM_BUILTIN_KEY_IDS_H

/* Two of them. */
enum tfm_builtin_key_id_t { TFM_BUILTIN_KEY_ID_HUK = 0x801, TFM_BUILTIN_KEY_ID_IAK = 0x800 };

#endif
