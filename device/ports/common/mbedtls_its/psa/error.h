/* SPDX-License-Identifier: Apache-2.0 */
/* PSA status codes, for Mbed TLS's key store, which looks for them here when its storage is the platform's.
 */
#ifndef PSA_ERROR_H
#define PSA_ERROR_H

#include "psa/crypto_types.h"
#include "psa/crypto_values.h"

#endif
