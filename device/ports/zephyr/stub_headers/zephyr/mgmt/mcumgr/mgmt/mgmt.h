/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header (4.1 to 4.3): a group and its handlers. */
#ifndef H_MGMT_MGMT_
#define H_MGMT_MGMT_

#include <stdbool.h>
#include <zephyr/mgmt/mcumgr/smp/smp.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mcumgr_err_t { MGMT_ERR_EOK = 0, MGMT_ERR_EINVAL = 3, MGMT_ERR_ECORRUPT = 9 };

typedef int (*mgmt_handler_fn)(struct smp_streamer* ctxt);
struct mgmt_handler {
  mgmt_handler_fn mh_read;
  mgmt_handler_fn mh_write;
};
struct mgmt_group {
  void* node;
  const struct mgmt_handler* mg_handlers;
  uint16_t mg_handlers_count;
  uint16_t mg_group_id;
#if defined(CONFIG_MCUMGR_MGMT_CUSTOM_PAYLOAD)
  bool custom_payload;
#endif
};
void mgmt_register_group(struct mgmt_group* group);

#ifdef __cplusplus
}
#endif

#endif
