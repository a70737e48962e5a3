/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/slot.h"

/* Numbers of the one error list; slot_test.cc compares them. */
enum { kTruncated = 1, kTrailingData = 2, kBadTag = 4, kTooMany = 67, kNotFound = 168 };

/* The head of a CBOR item of at most 65,535 (RFC 8949 3): its argument, or where it ends and how it fails. */
static psa_status_t read_head(const uint8_t* data, size_t size, size_t* at, unsigned major,
                              size_t* argument) {
  if (*at >= size) return kTruncated;
  const unsigned low = data[*at] & 0x1fu;
  if (data[*at] >> 5 != major || low > 25) return kBadTag;
  const size_t more = low < 24 ? 0 : (size_t)1 << (low - 24);
  if (size - *at - 1 < more) return kTruncated;
  size_t value = low;
  if (more > 0) value = 0;
  for (size_t i = 0; i < more; ++i) value = value << 8 | data[*at + 1 + i];
  *at += 1 + more;
  *argument = value;
  return 0;
}

psa_status_t pedigree_next_certificate(const uint8_t* chain, size_t size, size_t* cursor,
                                       pedigree_certificate_t* certificate) {
  enum { kArray = 4, kBytes = 2, kMostCertificates = 23 };
  size_t at = 0;
  size_t count = 0;
  psa_status_t status = read_head(chain, size, &at, kArray, &count);
  if (status != 0) return status;
  if (count > kMostCertificates) return kTooMany;
  /* From the start each time, so that a cursor is never more than the end of a certificate. */
  for (size_t i = 0; i < count; ++i) {
    const size_t start = i == 0 ? 0 : at;
    size_t length = 0;
    status = read_head(chain, size, &at, kBytes, &length);
    if (status != 0) return status;
    if (size - at < length) return kTruncated;
    if (start == *cursor) {
      certificate->der = chain + at;
      certificate->size = length;
      *cursor = at + length;
      return 0;
    }
    at += length;
  }
  return at == size ? kNotFound : kTrailingData;
}
