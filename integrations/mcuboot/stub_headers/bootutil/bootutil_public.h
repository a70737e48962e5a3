/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STUB_BOOTUTIL_PUBLIC_H
#define STUB_BOOTUTIL_PUBLIC_H

/* A hook's answer "go on as usual". */
#define BOOT_HOOK_REGULAR 1

struct boot_swap_state;

#endif
