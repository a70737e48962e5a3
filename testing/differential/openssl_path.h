// SPDX-License-Identifier: Apache-2.0
// What OpenSSL says of a chain.
#pragma once

#include <string>

#include "testing/differential/chains.h"

namespace pedigree::testing {

/// Something that OpenSSL holds against a certificate: X509_V_ERR_...; `index` counts from the leaf.
struct Complaint {
  int error = 0;
  std::size_t index = 0;
};
inline constexpr int kNotParsed = -1;

/// Everything that X509_verify_cert complains of, with X509_V_FLAG_X509_STRICT. Empty: it accepts the chain.
[[nodiscard]] std::vector<Complaint> openssl_complaints(const Case& subject);

/// A code's sentence, for messages.
[[nodiscard]] std::string openssl_sentence(int code);

}  // namespace pedigree::testing
