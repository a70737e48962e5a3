/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/slot.h"

#include <string.h>

/* Numbers of the one error list (core/bytes/error.h) and of Purpose (core/enrol/messages.h), which C cannot
   include; slot_test.cc compares them. */
enum { kBufferTooSmall = 3, kSlotNotFound = 120, kWrongState = 123, kBadDigest = 135, kPurposeTls = 3 };

psa_status_t pedigree_find_tls_slot(psa_handle_t service, uint32_t* slot) {
  pedigree_slot_info_t slots[PEDIGREE_MAX_SLOTS];
  size_t count = 0;
  const psa_status_t status = pedigree_list_slots(service, slots, &count);
  if (status != 0) return status;
  for (size_t i = 0; i < count; ++i) {
    /* A key is active from the moment on that its chain is committed. */
    if (slots[i].purpose == kPurposeTls && slots[i].chain_size > 0) {
      *slot = slots[i].slot;
      return 0;
    }
  }
  return kSlotNotFound;
}

static psa_status_t read_all(psa_handle_t service, uint32_t slot, uint8_t* buffer, size_t size) {
  for (size_t got = 0; got < size;) {
    const pedigree_range_request_t request = {slot, (uint32_t)got};
    size_t part = 0;
    uint32_t total = 0;
    const psa_status_t status =
        pedigree_chain_read(service, &request, buffer + got, size - got, &part, &total);
    if (status != 0) return status;
    if (total != size || part == 0) return kBadDigest;
    got += part;
  }
  return 0;
}

psa_status_t pedigree_load_chain(psa_handle_t service, uint32_t slot, uint8_t* buffer, size_t capacity,
                                 size_t* size) {
  enum { kTries = 3 };
  psa_status_t status = kBadDigest;
  /* A commit between two parts would mix two chains: the digest before and after tells. */
  for (int i = 0; i < kTries && status == kBadDigest; ++i) {
    pedigree_chain_digest_t before;
    pedigree_chain_digest_t after;
    status = pedigree_chain_digest(service, slot, &before);
    if (status != 0) return status;
    if (before.size == 0) return kWrongState;
    if (before.size > capacity) return kBufferTooSmall;
    status = read_all(service, slot, buffer, before.size);
    if (status == 0) status = pedigree_chain_digest(service, slot, &after);
    if (status == 0 && memcmp(before.sha256, after.sha256, sizeof before.sha256) != 0) status = kBadDigest;
    if (status == 0) *size = before.size;
  }
  return status;
}

/* Appends an unsigned INTEGER without leading zeros (X.690 8.3). */
static size_t put_integer(uint8_t* out, const uint8_t* value, size_t size) {
  while (size > 1 && value[0] == 0) {
    ++value;
    --size;
  }
  const size_t sign = value[0] >> 7;
  out[0] = 0x02;
  out[1] = (uint8_t)(size + sign);
  out[2] = 0;
  memcpy(out + 2 + sign, value, size);
  return 2 + sign + size;
}

psa_status_t pedigree_sign_ecdsa(psa_handle_t service, uint32_t slot, const uint8_t* digest,
                                 size_t digest_size, uint8_t* signature, size_t* signature_size) {
  uint8_t raw[PEDIGREE_MAX_SIGNATURE];
  size_t size = 0;
  const psa_status_t status = pedigree_sign_hash(service, slot, digest, digest_size, raw, &size);
  if (status != 0) return status;
  /* Both INTEGERs have at most 51 octets: the SEQUENCE's length fits one. */
  size_t at = 2;
  at += put_integer(signature + at, raw, size / 2);
  at += put_integer(signature + at, raw + size / 2, size / 2);
  signature[0] = 0x30;
  signature[1] = (uint8_t)(at - 2);
  *signature_size = at;
  return 0;
}
