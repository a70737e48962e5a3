/* SPDX-License-Identifier: Apache-2.0 */
/* Pedigree's group on Zephyr's SMP server. Zephyr's custom payloads leave request and response as they are on
   the wire, so that the same server answers here as on every other device. */
#include <psa_manifest/sid.h>
#include <zephyr/kernel.h>
#include <zephyr/mgmt/mcumgr/mgmt/handlers.h>
#include <zephyr/mgmt/mcumgr/mgmt/mgmt.h>
#include <zephyr/mgmt/mcumgr/smp/smp.h>
#include <zephyr/net_buf.h>

#include "device/ports/zephyr/smp_answer.h"

#ifndef CONFIG_MCUMGR_MGMT_CUSTOM_PAYLOAD
#error "CONFIG_PEDIGREE_MGMT selects MCUMGR_MGMT_CUSTOM_PAYLOAD"
#endif

static int answer(struct smp_streamer* streamer) {
  struct net_buf* const request = streamer->reader->nb;
  struct net_buf* const response = streamer->writer->nb;
  /* Zephyr has pulled the header, which the payload follows all the same: version, operation and command are
     in it. Behind the payload more requests may follow. */
  if (net_buf_headroom(request) < PEDIGREE_SMP_HEADER) return MGMT_ERR_ECORRUPT;
  const uint8_t* const packet = request->data - PEDIGREE_SMP_HEADER;
  const size_t length = (size_t)packet[2] << 8 | packet[3];
  if (request->len < length) return MGMT_ERR_ECORRUPT;
  /* The writer has left room for the header, which Zephyr writes once more. */
  const size_t capacity = response->len + net_buf_tailroom(response);
  const size_t size = pedigree_smp_answer(PEDIGREE_SERVICE_HANDLE, packet, PEDIGREE_SMP_HEADER + length,
                                          response->data, capacity);
  if (size == 0) return MGMT_ERR_EINVAL;
  /* Zephyr 4.1 and later send what the buffer holds, earlier ones what the encoder has written. */
  response->len = (uint16_t)size;
  streamer->writer->zs[0].payload_mut = response->data + size;
  return MGMT_ERR_EOK;
}

/* Whether a command is read or written is the server's to say. */
#define COMMAND {.mh_read = answer, .mh_write = answer}
static const struct mgmt_handler handlers[PEDIGREE_SMP_COMMANDS] = {
    COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, COMMAND,
    COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, COMMAND};

static struct mgmt_group group = {
    .mg_handlers = handlers,
    .mg_handlers_count = PEDIGREE_SMP_COMMANDS,
    .mg_group_id = CONFIG_PEDIGREE_SMP_GROUP,
    .custom_payload = true,
};

static void register_group(void) {
  mgmt_register_group(&group);
}

MCUMGR_HANDLER_DEFINE(pedigree_mgmt, register_group);
