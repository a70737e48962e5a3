// SPDX-License-Identifier: Apache-2.0
// Known-answer test of the random generator as PSA Crypto is configured with it: Mbed TLS's HMAC_DRBG with
// SHA-256 (NIST SP 800-90A 10.1.2), the code that is linked.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::mps2 {

/// Octets for the generator, and what it must make of them.
struct GeneratorAnswer {
  Bytes entropy;          ///< 32 octets, then 16 of nonce
  Bytes second_output;    ///< the second time that its size is asked for
  Bytes reseed;           ///< 32 octets
  Bytes reseeded_output;  ///< the first output after it
};

/// Errors: crypto_failure (another answer, or none). At most 128 octets of output are compared.
[[nodiscard]] Result<void> check_generator(const GeneratorAnswer& known) noexcept;
/// The same with the answers in generator_check.cc.
[[nodiscard]] Result<void> check_generator() noexcept;
[[nodiscard]] const GeneratorAnswer& known_answer() noexcept;

}  // namespace pedigree::mps2
