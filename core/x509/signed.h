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

/// A device without room to compare names with name constraints refuses a certificate that has any, critical
/// or not, as one with an unknown critical extension (CMake option PEDIGREE_NO_NAME_CONSTRAINTS).
#ifdef PEDIGREE_NO_NAME_CONSTRAINTS
inline constexpr bool kNameConstraints = false;
#else
inline constexpr bool kNameConstraints = true;
#endif

/// As read_algorithm of certificate.h.
void read_algorithm(der::Cursor& in, AlgorithmIdentifier& out) noexcept;

/// Reads a signed object that `in` consists of; `read_to_be_signed()` reads what is inside the first of its
/// parts. Errors: those of strict DER, read_algorithm and `read_to_be_signed`.
template <typename Read>
void read_signed(der::Cursor& in, SignedObject& out, Read read_to_be_signed) noexcept {
  {
    const der::Inside object(in, der::kSequence);
    {
      const der::Inside to_be_signed(in, der::kSequence, out.to_be_signed);
      read_to_be_signed();
    }
    read_algorithm(in, out.algorithm);
    in.bit_string_octets();
    out.signature = in.content();
  }
  in.finish();
}

/// The same for a reader of what is inside the first part, which is not read yet.
[[nodiscard]] inline Reader read_signed(der::Cursor& in, SignedObject& out) noexcept {
  Reader to_be_signed;
  read_signed(in, out, [&in, &to_be_signed] {
    to_be_signed = in.reader();
    in.skip_rest();
  });
  return to_be_signed;
}

/// Reads a CertificateSerialNumber: positive, at most 20 octets, the sign octet included (RFC 5280 4.1.2.2).
/// It is the content then, unsigned big-endian. Errors: bad_serial, those of der::read_unsigned.
void read_serial(der::Cursor& in) noexcept;

/// Whether one of `earlier` elements, each a SEQUENCE that begins with an OID, as attributes and extensions
/// do, has this one.
[[nodiscard]] bool has_type(const Bytes& earlier, const Bytes& oid) noexcept;

/// Reads a Name and checks it. Errors: as check_name.
void read_name(der::Cursor& in, Bytes& whole) noexcept;
[[nodiscard]] inline Bytes read_name(der::Cursor& in) noexcept {
  Bytes whole;
  read_name(in, whole);
  return whole;
}

/// Reads the parameters of an AlgorithmIdentifier that is not known: at most one element (RFC 5280 4.1.1.2),
/// well-formed to its depth. Errors: those of check_nesting.
void read_unknown_parameters(der::Cursor& in) noexcept;

/// As the functions of certificate.h and extensions.h.
void read_spki(der::Cursor& in, SubjectPublicKeyInfo& out) noexcept;
void read_extensions(der::Cursor& in, Extensions& out) noexcept;
void read_certificate(der::Cursor& in, Certificate& out) noexcept;
/// False, and why.
[[nodiscard]] bool verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                                    const SignedObject& object, Error& error) noexcept;

}  // namespace pedigree::x509
