/* SPDX-License-Identifier: Apache-2.0 */
/* The one function of TF-M's platform service that the non-secure application calls. */
#ifndef TFM_PLATFORM_API_H
#define TFM_PLATFORM_API_H

#ifdef __cplusplus
extern "C" {
#endif

/* What its calls return. */
enum tfm_platform_err_t { TFM_PLATFORM_ERR_SUCCESS = 0 };

/* Restarts the device. */
enum tfm_platform_err_t tfm_platform_system_reset(void);

#ifdef __cplusplus
}
#endif

#endif
