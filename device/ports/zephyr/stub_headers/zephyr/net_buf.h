/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header. Data stands in a buffer of `size` octets, with room before and behind it. */
#ifndef ZEPHYR_INCLUDE_NET_BUF_H_
#define ZEPHYR_INCLUDE_NET_BUF_H_

#include <stddef.h>
#include <stdint.h>

struct net_buf {
  uint8_t* data;
  uint16_t len;
  uint16_t size;
  uint8_t* storage;
};

/* Octets in front of the data. */
static inline size_t net_buf_headroom(const struct net_buf* buf) {
  return (size_t)(buf->data - buf->storage);
}
/* Octets behind the data. */
static inline size_t net_buf_tailroom(const struct net_buf* buf) {
  return buf->size - net_buf_headroom(buf) - buf->len;
}

#endif
