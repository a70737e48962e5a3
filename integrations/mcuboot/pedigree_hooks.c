/* SPDX-License-Identifier: Apache-2.0 */
/* MCUboot's image access hooks: an image must come with a chain to the firmware root before MCUboot looks at
 * it. Built into MCUboot with MCUBOOT_HW_KEY and MCUBOOT_IMAGE_ACCESS_HOOKS; see README.md. */
#include <string.h>

#include "mcuboot_config/mcuboot_config.h"

#include "bootutil/boot_hooks.h"
#include "bootutil/boot_public_hooks.h"
#include "bootutil/bootutil_public.h"
#include "bootutil/fault_injection_hardening.h"
#include "bootutil/sign_key.h"
#include "flash_map_backend/flash_map_backend.h"

#include "pedigree_mcuboot.h"

#ifndef MCUBOOT_HW_KEY
#error "Without MCUBOOT_HW_KEY MCUboot would take its built-in keys, and not the one that the chain certifies"
#endif
#ifndef MCUBOOT_IMAGE_ACCESS_HOOKS
#error "MCUBOOT_IMAGE_ACCESS_HOOKS must be set, or nobody calls boot_image_check_hook"
#endif
#ifdef MCUBOOT_SWAP_USING_OFFSET
#error "In an upgrade slot of swap using offset the image does not begin where the slot does"
#endif
#ifndef MCUBOOT_IMAGE_NUMBER
#define MCUBOOT_IMAGE_NUMBER 1
#endif

/* A hook that somebody else has is used instead of the empty one here. */
#define PEDIGREE_EMPTY_HOOK __attribute__((weak))

/* The key that the last checked image of each index may be signed with. It is good for one check: validation
 * that asks without boot_image_check_hook before it, such as that of serial recovery, finds none and fails.
 */
static struct {
  size_t size;
  uint8_t hash[PEDIGREE_KEY_HASH_SIZE];
} certified_key[MCUBOOT_IMAGE_NUMBER];

static int read_area(const void* context, uint32_t offset, void* out, uint32_t length) {
  return flash_area_read((const struct flash_area*)context, offset, out, length);
}

static int check_area(int img_index, const struct flash_area* area) {
  struct pedigree_firmware_trust trust;
  struct pedigree_slot slot;

  memset(&trust, 0, sizeof(trust));
  if (pedigree_get_firmware_trust(&trust) != 0 || trust.root_spki_sha256 == NULL) {
    return -1;
  }
  slot.context = area;
  slot.size = (uint32_t)flash_area_get_size(area);
  slot.read = read_area;
  return pedigree_mcuboot_check(&slot, &trust, certified_key[img_index].hash, &certified_key[img_index].size);
}

/* "Regular" lets MCUboot's own checks of hash, signature and counter go on; success would skip them all. */
fih_ret boot_image_check_hook(int img_index, int slot) {
  const struct flash_area* area = NULL;
  int rc;

  if (img_index < 0 || img_index >= MCUBOOT_IMAGE_NUMBER) {
    FIH_RET(FIH_FAILURE);
  }
  certified_key[img_index].size = 0;
  if (flash_area_open((uint8_t)flash_area_id_from_multi_image_slot(img_index, slot), &area) != 0) {
    FIH_RET(FIH_FAILURE);
  }
  rc = check_area(img_index, area);
  flash_area_close(area);
  if (rc != 0) {
    certified_key[img_index].size = 0;
    FIH_RET(FIH_FAILURE);
  }
  FIH_RET(FIH_BOOT_HOOK_REGULAR);
}

/* MCUboot asks whose PUBKEY it may use. */
int boot_retrieve_public_key_hash(uint8_t image_index, uint8_t* public_key_hash, size_t* key_hash_size) {
  size_t size;

  if (image_index >= MCUBOOT_IMAGE_NUMBER) {
    return -1;
  }
  size = certified_key[image_index].size;
  certified_key[image_index].size = 0;
  if (size == 0 || size > *key_hash_size) {
    return -1;
  }
  memcpy(public_key_hash, certified_key[image_index].hash, size);
  *key_hash_size = size;
  return 0;
}

/* The other hooks that the switch asks for. */

PEDIGREE_EMPTY_HOOK int boot_read_image_header_hook(int img_index, int slot, struct image_header* img_head) {
  (void)img_index;
  (void)slot;
  (void)img_head;
  return BOOT_HOOK_REGULAR;
}

PEDIGREE_EMPTY_HOOK int boot_perform_update_hook(int img_index, struct image_header* img_head,
                                                 const struct flash_area* area) {
  (void)img_index;
  (void)img_head;
  (void)area;
  return BOOT_HOOK_REGULAR;
}

PEDIGREE_EMPTY_HOOK int boot_copy_region_post_hook(int img_index, const struct flash_area* area,
                                                   size_t size) {
  (void)img_index;
  (void)area;
  (void)size;
  return 0;
}

PEDIGREE_EMPTY_HOOK int boot_read_swap_state_primary_slot_hook(int image_index,
                                                               struct boot_swap_state* state) {
  (void)image_index;
  (void)state;
  return BOOT_HOOK_REGULAR;
}

PEDIGREE_EMPTY_HOOK int boot_serial_uploaded_hook(int img_index, const struct flash_area* area, size_t size) {
  (void)img_index;
  (void)area;
  (void)size;
  return 0;
}

PEDIGREE_EMPTY_HOOK int boot_img_install_stat_hook(int image_index, int slot, int* img_install_stat) {
  (void)image_index;
  (void)slot;
  (void)img_install_stat;
  return BOOT_HOOK_REGULAR;
}

PEDIGREE_EMPTY_HOOK int boot_reset_request_hook(bool force) {
  (void)force;
  return 0;
}
