/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header: what a handler is given. */
#ifndef H_SMP_
#define H_SMP_

#include <zcbor_common.h>
#include <zephyr/net_buf.h>

struct cbor_nb_reader {
  struct net_buf* nb;
  zcbor_state_t zs[2];
};
struct cbor_nb_writer {
  struct net_buf* nb;
  zcbor_state_t zs[2];
};
struct smp_transport;
struct smp_streamer {
  struct smp_transport* smpt;
  struct cbor_nb_reader* reader;
  struct cbor_nb_writer* writer;
};

#endif
