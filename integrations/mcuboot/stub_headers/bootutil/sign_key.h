/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STUB_SIGN_KEY_H
#define STUB_SIGN_KEY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

int boot_retrieve_public_key_hash(uint8_t image_index, uint8_t* public_key_hash, size_t* key_hash_size);

#ifdef __cplusplus
}
#endif

#endif
