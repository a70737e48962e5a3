/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for zcbor's header: where an encoder or decoder stands. */
#ifndef ZCBOR_COMMON_H
#define ZCBOR_COMMON_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  union {
    uint8_t* payload_mut;
    const uint8_t* payload;
  };
  const uint8_t* payload_end;
} zcbor_state_t;

#endif
