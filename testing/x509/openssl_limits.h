// SPDX-License-Identifier: Apache-2.0
// What we accept and OpenSSL 3.0 does not read, for the fuzzers that compare the two.
#pragma once

#include "core/x509/certificate.h"
#include "core/x509/name.h"

namespace pedigree::testing {

/// OpenSSL reads attribute values of names only of the types in its B_ASN1_PRINTABLE; RFC 5280 4.1.2.4 allows
/// ANY. It also refuses characters beyond Unicode in UniversalString, and surrogates in BMPString.
[[nodiscard]] inline bool openssl_reads_name(Bytes name) {
  bool readable = true;
  const auto visited = x509::for_each_attribute(name, [&](const x509::NameAttribute& attribute, bool) {
    switch (attribute.string_tag) {
      case der::kUtf8String:
      case der::kPrintableString:
      case der::kIa5String:
      case der::kT61String:
        return;
      default:
        readable = false;
    }
  });
  return visited && readable;
}

/// OpenSSL decodes the parameters of algorithms that nobody knows by their tags; we only walk them.
[[nodiscard]] inline bool openssl_reads_algorithms(const x509::SubjectPublicKeyInfo& key,
                                                   const x509::AlgorithmIdentifier& algorithm) {
  return key.key && algorithm.signature;
}

}  // namespace pedigree::testing
