/* SPDX-License-Identifier: Apache-2.0 */
/* What partition.cc reads of TF-M's configuration, with values for Pedigree's own build. */
#ifndef CONFIG_TFM_H
#define CONFIG_TFM_H

#define ITS_MAX_ASSET_SIZE 512
#define ITS_NUM_ASSETS 64
#define PS_MAX_ASSET_SIZE 2048
#define PS_NUM_ASSETS 32
#define CRYPTO_NV_SEED 1
#define CRYPTO_EXT_RNG 0

#endif
