// SPDX-License-Identifier: Apache-2.0
// What certificates, requests and CRLs have in common: SEQUENCE { toBeSigned, signatureAlgorithm, signature
// }.
#pragma once

#include "core/x509/certificate.h"

namespace pedigree::x509 {

struct SignedObject {
  der::Element to_be_signed;
  AlgorithmIdentifier algorithm;
  std::uint32_t algorithm_offset = 0;
  Bytes signature;  ///< octets of the BIT STRING
};

/// Reads the three parts of a signed object that fills `der`. Errors: those of strict DER and read_algorithm.
[[nodiscard]] Result<SignedObject> read_signed(Bytes der) noexcept;

/// Reads a CertificateSerialNumber: positive, at most 20 octets, the sign octet included (RFC 5280 4.1.2.2).
/// Returns it as unsigned big-endian. Errors: bad_serial, those of der::read_unsigned. On error `in` is
/// unchanged.
[[nodiscard]] Result<Bytes> read_serial(Reader& in) noexcept;

/// Reads a Name and checks it (check_name); the whole DER. Errors: as check_name.
[[nodiscard]] Result<Bytes> read_name(Reader& in) noexcept;

/// Checks the parameters of an AlgorithmIdentifier that is not known: at most one element (RFC 5280 4.1.1.2),
/// well-formed to its depth. Errors: trailing_data, those of check_nesting.
[[nodiscard]] Result<void> check_unknown_parameters(Reader in) noexcept;

}  // namespace pedigree::x509
