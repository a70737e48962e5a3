/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header, as it is since pull request 111841. */
#ifndef ZEPHYR_INCLUDE_NET_TLS_CREDENTIALS_H_
#define ZEPHYR_INCLUDE_NET_TLS_CREDENTIALS_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tls_credential_type {
  TLS_CREDENTIAL_NONE,
  TLS_CREDENTIAL_CA_CERTIFICATE,
  TLS_CREDENTIAL_PUBLIC_CERTIFICATE,
  TLS_CREDENTIAL_PRIVATE_KEY,
  TLS_CREDENTIAL_PSK,
  TLS_CREDENTIAL_PSK_ID,
  TLS_CREDENTIAL_PRIVATE_KEY_PSA
};
typedef int sec_tag_t;

int tls_credential_add(sec_tag_t tag, enum tls_credential_type type, const void* cred, size_t credlen);
int tls_credential_delete(sec_tag_t tag, enum tls_credential_type type);

#ifdef __cplusplus
}
#endif

#endif
