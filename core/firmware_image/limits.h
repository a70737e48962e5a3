// SPDX-License-Identifier: Apache-2.0
// What an OEM may sign: an extension of the OEM's intermediate certificate.
#pragma once

#include "core/firmware_image/image.h"
#include "core/x509/certificate.h"

namespace pedigree::image {

/// FirmwareLimits, 1.2.840.113556.1.8000.2554.2662.6633.45584.16962.42441.885523.9894.1. Content octets.
/// The arc is that of the UUID 0a6619e9-b210-4242-a5c9-0d83130026a6 below 1.2.840.113556.1.8000.2554, which
/// takes a UUID in numbers of 16 and 24 bits: GnuTLS and others cannot hold those of 128 bits below 2.25.
inline constexpr std::array<std::uint8_t, 30> kFirmwareLimitsOid{
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, 0x94, 0x66, 0xb3, 0x69,
    0x82, 0xe4, 0x10, 0x81, 0x84, 0x42, 0x82, 0xcb, 0x49, 0xb6, 0x86, 0x13, 0xcd, 0x26, 0x01};

/// FirmwareLimits ::= SEQUENCE {
///   vendors [0] IMPLICIT SEQUENCE SIZE (1..MAX) OF OCTET STRING (SIZE (16)) OPTIONAL,  -- UUID_VID; absent:
///   any classes [1] IMPLICIT SEQUENCE SIZE (1..MAX) OF OCTET STRING (SIZE (16)) OPTIONAL,  -- UUID_CID;
///   absent: any minimum [2] IMPLICIT OCTET STRING (SIZE (8)) OPTIONAL,   -- version, both ends included
///   maximum [3] IMPLICIT OCTET STRING (SIZE (8)) OPTIONAL }
/// A version is major, minor, revision (2), build (4), big-endian.
struct Limits {
  Bytes vendors;  ///< content of the SEQUENCE; empty: any
  Bytes classes;
  std::optional<Version> minimum;
  std::optional<Version> maximum;
};
/// Reads the extension's value. Errors: those of strict DER, bad_extension (a list without elements, or of a
/// wrong length).
[[nodiscard]] Result<Limits> parse_limits(Bytes value, std::uint32_t base = 0) noexcept;
/// `vendors` and `classes` as lists of ids.
void write_limits(std::span<const Uuid> vendors, std::span<const Uuid> classes,
                  std::optional<Version> minimum, std::optional<Version> maximum, der::Builder& out) noexcept;
/// Calls `visit(Bytes id)` for each id of a list of Limits.
template <typename Visit>
void for_each_id(Bytes list, Visit visit) noexcept {
  Reader in(list);
  while (!in.empty()) {
    const auto id = der::read(in, der::kOctetString);
    if (!id) return;
    visit(id->content);
  }
}

/// What is compared with limits: of an image, or of a statement about one.
struct Product {
  Version version;
  std::optional<Uuid> vendor;
  std::optional<Uuid> class_id;
};

/// The limits that a certificate states; nothing where it has no such extension. Errors: those of
/// parse_limits.
[[nodiscard]] Result<std::optional<Limits>> find_limits(const x509::Certificate& certificate) noexcept;
/// Errors: product_refused (not on a list; or there is a list and the image names no id), version_refused.
[[nodiscard]] Result<void> check_limits(const Limits& limits, const Product& product) noexcept;

}  // namespace pedigree::image
