/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for MCUboot's headers in the test that compiles the hooks: what they use, in our own words. */
#ifndef STUB_MCUBOOT_CONFIG_H
#define STUB_MCUBOOT_CONFIG_H

#define MCUBOOT_HW_KEY
#define MCUBOOT_IMAGE_ACCESS_HOOKS
#define MCUBOOT_IMAGE_NUMBER 2

#endif
