/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STUB_BOOT_HOOKS_H
#define STUB_BOOT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "bootutil/fault_injection_hardening.h"

#ifdef __cplusplus
extern "C" {
#endif

struct flash_area;
struct image_header;
int boot_read_image_header_hook(int img_index, int slot, struct image_header* img_head);
fih_ret boot_image_check_hook(int img_index, int slot);
int boot_perform_update_hook(int img_index, struct image_header* img_head, const struct flash_area* area);
int boot_copy_region_post_hook(int img_index, const struct flash_area* area, size_t size);
int boot_serial_uploaded_hook(int img_index, const struct flash_area* area, size_t size);
int boot_img_install_stat_hook(int image_index, int slot, int* img_install_stat);
int boot_reset_request_hook(bool force);

#ifdef __cplusplus
}
#endif

#endif
