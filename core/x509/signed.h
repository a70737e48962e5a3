// SPDX-License-Identifier: Apache-2.0
// What certificates, requests and CRLs have in common: SEQUENCE { toBeSigned, signatureAlgorithm, signature
// }; and the parsers of their fields, for cursors.
#pragma once

#include "core/der/cursor.h"
#include "core/x509/certificate.h"

namespace pedigree::x509 {

struct SignedObject {
  der::Element to_be_signed;
  AlgorithmIdentifier algorithm;
  std::uint32_t algorithm_offset = 0;
  Bytes signature;  ///< octets of the BIT STRING
};

/// Reads the three parts of a signed object that `in` consists of. Errors: those of strict DER and
/// read_algorithm.
[[nodiscard]] SignedObject read_signed(der::Cursor& in) noexcept;

/// Reads a CertificateSerialNumber: positive, at most 20 octets, the sign octet included (RFC 5280 4.1.2.2).
/// Returns it as unsigned big-endian. Errors: bad_serial, those of der::read_unsigned.
Bytes read_serial(der::Cursor& in) noexcept;

/// Reads a Name and checks it; the whole DER. Errors: as check_name.
Bytes read_name(der::Cursor& in) noexcept;

/// Checks the parameters of an AlgorithmIdentifier that is not known: at most one element (RFC 5280 4.1.1.2),
/// well-formed to its depth. Errors: trailing_data, those of check_nesting.
void check_unknown_parameters(der::Cursor& in) noexcept;

/// As the functions of certificate.h and extensions.h.
[[nodiscard]] AlgorithmIdentifier read_algorithm(der::Cursor& in) noexcept;
[[nodiscard]] SubjectPublicKeyInfo read_spki(der::Cursor& in) noexcept;
[[nodiscard]] Extension read_extension(der::Cursor& in) noexcept;
void parse_extensions(der::Cursor&& in, Extensions& out) noexcept;

}  // namespace pedigree::x509
