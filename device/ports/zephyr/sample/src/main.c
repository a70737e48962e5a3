/* SPDX-License-Identifier: Apache-2.0 */
/* A device that is provisioned over SMP: the module has registered its group when main starts. */
#include <psa_manifest/sid.h>
#include <zephyr/kernel.h>

#include "pedigree/zephyr.h"
#include "sample.h"

int main(void) {
  pedigree_info_t info;
  const psa_status_t status = pedigree_info(PEDIGREE_SERVICE_HANDLE, &info);
  if (status != 0) {
    printk("pedigree: no answer from the secure world: %d\n", (int)status);
    return 0;
  }
  printk("pedigree %s in %s: %u of %u slots\n", info.version, info.world, (unsigned)info.slots_used,
         (unsigned)info.slots_total);
#ifdef CONFIG_SAMPLE_TLS
  const int code = sample_tls_connect(PEDIGREE_SERVICE_HANDLE);
  printk("tls: %d\n", code);
#endif
  return 0;
}
