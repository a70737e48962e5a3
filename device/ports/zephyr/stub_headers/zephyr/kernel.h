/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header: what Pedigree's module uses of it, so that the module is compiled here. */
#ifndef ZEPHYR_INCLUDE_KERNEL_H_
#define ZEPHYR_INCLUDE_KERNEL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
void printk(const char* format, ...);

#endif
