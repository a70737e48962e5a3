/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STUB_FLASH_MAP_BACKEND_H
#define STUB_FLASH_MAP_BACKEND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A slot in the test's memory. */
struct flash_area {
  const uint8_t* octets;
  uint32_t size;
};

int flash_area_id_from_multi_image_slot(int image_index, int slot);
int flash_area_open(uint8_t id, const struct flash_area** area);
int flash_area_read(const struct flash_area* area, uint32_t offset, void* out, uint32_t length);
void flash_area_close(const struct flash_area* area);
static inline uint32_t flash_area_get_size(const struct flash_area* area) {
  return area->size;
}

#ifdef __cplusplus
}
#endif

#endif
