/* SPDX-License-Identifier: Apache-2.0 */
/* Results that a fault cannot turn into each other; here plain numbers. */
#ifndef STUB_FAULT_INJECTION_HARDENING_H
#define STUB_FAULT_INJECTION_HARDENING_H

#ifdef __cplusplus
extern "C" {
#endif

typedef int fih_ret;
extern fih_ret FIH_SUCCESS;
extern fih_ret FIH_FAILURE;
extern fih_ret FIH_BOOT_HOOK_REGULAR;
#define FIH_RET(result) return result

#ifdef __cplusplus
}
#endif

#endif
