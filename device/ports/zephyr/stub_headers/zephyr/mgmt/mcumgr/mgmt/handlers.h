/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header. There the object stands in a section whose functions are called when MCUmgr
   starts. */
#ifndef H_MCUMGR_MGMT_HANDLERS_
#define H_MCUMGR_MGMT_HANDLERS_

struct mcumgr_handler {
  void (*const init)(void);
};
#define MCUMGR_HANDLER_DEFINE(name, _init) const struct mcumgr_handler name = {.init = _init}

#endif
