// SPDX-License-Identifier: Apache-2.0
// Where this board's random numbers come from. It has no hardware source: each device is made with a secret
// seed of its own (entropy.cc). An image for debugging has a seed that is the same everywhere
// (trial/fixed_seed.cc).
#pragma once

#include "core/enrol/messages.h"

namespace pedigree::mps2 {

/// What info and every certification request say of it.
[[nodiscard]] enrol::Entropy entropy_source() noexcept;

/// Tests the generator with known answers and the seed for its health (seed_health.h), and gives Mbed TLS the
/// seed. Before psa_crypto_init(). What fails is said in the secure log; there is no service then.
/// Errors: no_entropy (no seed, one that is damaged or fails a test), crypto_failure (the generator),
/// storage_full.
[[nodiscard]] Result<void> prepare_entropy() noexcept;

/// Draws from PSA Crypto's generator what a key would get, and tests that. After psa_crypto_init().
/// Errors: no_entropy.
[[nodiscard]] Result<void> check_random_output() noexcept;

}  // namespace pedigree::mps2
