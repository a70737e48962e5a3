/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/slot.h"

#include <string.h>

/* Numbers of the one error list; slot_test.cc compares them. */
enum {
  kTruncated = 1,
  kTrailingData = 2,
  kBadTag = 4,
  kTooLong = 7,
  kUnsupportedAlgorithm = 40,
  kTooMany = 67,
  kNotFound = 168
};

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

/* What is left of a DER encoding. */
typedef struct {
  const uint8_t* at;
  size_t left;
} der_t;

/* Reads an element of this tag (0: any) with up to 65,535 octets of content. */
static psa_status_t read_element(der_t* in, unsigned tag, der_t* content) {
  if (in->left < 2) return kTruncated;
  if (tag != 0 && in->at[0] != tag) return kBadTag;
  const size_t form = in->at[1];
  size_t head = 2;
  size_t length = form;
  if (form >= 0x80) {
    if (form != 0x81 && form != 0x82) return kTooLong;
    head += form - 0x80;
    if (in->left < head) return kTruncated;
    length = in->at[2];
    if (form == 0x82) length = length << 8 | in->at[3];
  }
  if (in->left - head < length) return kTruncated;
  content->at = in->at + head;
  content->left = length;
  in->at += head + length;
  in->left -= head + length;
  return 0;
}

psa_status_t pedigree_certificate_bits(const pedigree_certificate_t* certificate, uint32_t* bits) {
  enum { kObjectIdentifier = 0x06, kSequence = 0x30, kVersion = 0xa0 };
  static const uint8_t kEcPublicKey[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}; /* 1.2.840.10045.2.1 */
  static const uint8_t kP256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};  /* 1.2.840.10045.3.1.7 */
  static const uint8_t kP384[] = {0x2b, 0x81, 0x04, 0x00, 0x22};                    /* 1.3.132.0.34 */
  /* Up to the AlgorithmIdentifier of subjectPublicKeyInfo (RFC 5280 4.1): into Certificate and
     TBSCertificate, past version, serialNumber, signature, issuer, validity and subject, and in again twice.
   */
  static const uint8_t kPath[] = {kSequence, kSequence, kVersion,  0x02,      kSequence,
                                  kSequence, kSequence, kSequence, kSequence, kSequence};
  der_t in = {certificate->der, certificate->size};
  for (size_t i = 0; i < sizeof kPath; ++i) {
    der_t content;
    const psa_status_t status = read_element(&in, kPath[i], &content);
    if (status != 0) return status;
    if (i < 2 || i >= 8) in = content;
  }
  der_t type;
  der_t curve;
  psa_status_t status = read_element(&in, kObjectIdentifier, &type);
  if (status != 0) return status;
  if (type.left != sizeof kEcPublicKey || memcmp(type.at, kEcPublicKey, type.left) != 0) {
    return kUnsupportedAlgorithm;
  }
  status = read_element(&in, kObjectIdentifier, &curve);
  if (status != 0) return status;
  if (curve.left == sizeof kP256 && memcmp(curve.at, kP256, curve.left) == 0) {
    *bits = 256;
  } else if (curve.left == sizeof kP384 && memcmp(curve.at, kP384, curve.left) == 0) {
    *bits = 384;
  } else {
    return kUnsupportedAlgorithm;
  }
  return 0;
}
