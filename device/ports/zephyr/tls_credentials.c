/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "pedigree/psa_key.h"
#include "pedigree/zephyr.h"

/* Sockets refer to what is registered, so it stays here. */
static uint8_t chain[CONFIG_PEDIGREE_TLS_CHAIN_SIZE];
static uint32_t key_id;
static struct {
  sec_tag_t first;
  size_t certificates;
  uint32_t slot; /* 0: no key */
} registered;

void pedigree_tls_credentials_delete(void) {
#ifdef CONFIG_PEDIGREE_TLS_PSA_KEY
  if (registered.slot != 0) (void)tls_credential_delete(registered.first, TLS_CREDENTIAL_PRIVATE_KEY_PSA);
#endif
  if (registered.slot != 0) pedigree_psa_forget_key(registered.slot);
  for (size_t i = 0; i < registered.certificates; ++i) {
    (void)tls_credential_delete(registered.first + (sec_tag_t)i, TLS_CREDENTIAL_PUBLIC_CERTIFICATE);
  }
  registered.certificates = 0;
  registered.slot = 0;
}

static int add_key(psa_handle_t service, uint32_t slot, const pedigree_certificate_t* leaf) {
  uint32_t bits = 0;
  psa_status_t status = pedigree_certificate_bits(leaf, &bits);
  if (status == 0) status = pedigree_psa_register_key(service, slot, bits, &key_id);
  if (status != 0) return status;
  registered.slot = slot;
#ifdef CONFIG_PEDIGREE_TLS_PSA_KEY
  return tls_credential_add(registered.first, TLS_CREDENTIAL_PRIVATE_KEY_PSA, &key_id, sizeof key_id);
#else
  return 0;
#endif
}

static int add_all(psa_handle_t service, uint32_t slot, size_t size, sec_tag_t* tags, size_t capacity) {
  enum { kNotFound = 168 }; /* of the one error list: behind the last certificate */
  pedigree_certificate_t certificate;
  size_t cursor = 0;
  psa_status_t status = 0;
  while ((status = pedigree_next_certificate(chain, size, &cursor, &certificate)) == 0) {
    const size_t i = registered.certificates;
    if (i == capacity || i == CONFIG_PEDIGREE_TLS_MAX_CERTIFICATES) return -ENOMEM;
    const sec_tag_t tag = registered.first + (sec_tag_t)i;
    int code = tls_credential_add(tag, TLS_CREDENTIAL_PUBLIC_CERTIFICATE, certificate.der, certificate.size);
    if (code != 0) return code;
    registered.certificates = i + 1;
    tags[i] = tag;
    if (i == 0) code = add_key(service, slot, &certificate);
    if (code != 0) return code;
  }
  return status == kNotFound ? 0 : status;
}

int pedigree_tls_credentials_add(psa_handle_t service, uint32_t slot, sec_tag_t tag, sec_tag_t* tags,
                                 size_t* count) {
  enum { kBufferTooSmall = 3 }; /* of the one error list */
  if (registered.certificates != 0) return -EEXIST;
  size_t size = 0;
  const psa_status_t status = pedigree_load_chain(service, slot, chain, sizeof chain, &size);
  if (status != 0) return status == kBufferTooSmall ? -ENOMEM : status;
  registered.first = tag;
  const int code = add_all(service, slot, size, tags, *count);
  if (code != 0) {
    pedigree_tls_credentials_delete();
    return code;
  }
  *count = registered.certificates;
  return 0;
}
