// SPDX-License-Identifier: Apache-2.0
// What certificates, requests and CRLs have in common; and the parsers of their fields, for cursors.
#pragma once

#include "core/der/cursor.h"
#include "core/x509/certificate.h"

namespace pedigree::x509 {

/// A device whose PSA Crypto has ECDSA alone reads and writes nothing else (CMake option
/// PEDIGREE_ECDSA_ONLY): RSA and Ed25519 are algorithms outside the contract then, and verify_signature says
/// unsupported_algorithm.
#ifdef PEDIGREE_ECDSA_ONLY
inline constexpr bool kEcdsaOnly = true;
#else
inline constexpr bool kEcdsaOnly = false;
#endif

/// Reads the three parts of a signed object that `in` consists of; the cursor is over the content of
/// toBeSigned. Errors: those of strict DER and read_algorithm.
[[nodiscard]] der::Cursor read_signed(der::Cursor& in, SignedObject& out) noexcept;

/// Reads a CertificateSerialNumber: positive, at most 20 octets, the sign octet included (RFC 5280 4.1.2.2).
/// Returns it as unsigned big-endian. Errors: bad_serial, those of der::read_unsigned.
Bytes read_serial(der::Cursor& in) noexcept;

/// Reads a Name and checks it; the whole DER. Errors: as check_name.
Bytes read_name(der::Cursor& in) noexcept;

/// Checks the parameters of an AlgorithmIdentifier that is not known: at most one element (RFC 5280 4.1.1.2),
/// well-formed to its depth. Errors: trailing_data, those of check_nesting.
void check_unknown_parameters(der::Cursor& in) noexcept;

/// As the functions of certificate.h and extensions.h.
void read_algorithm(der::Cursor& in, AlgorithmIdentifier& out) noexcept;
void read_spki(der::Cursor& in, SubjectPublicKeyInfo& out) noexcept;
[[nodiscard]] Extension read_extension(der::Cursor& in) noexcept;
void parse_extensions(der::Cursor&& in, Extensions& out) noexcept;

}  // namespace pedigree::x509
