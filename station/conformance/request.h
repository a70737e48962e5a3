// SPDX-License-Identifier: Apache-2.0
// What a certification request of a device must say, whoever asks for it.
#pragma once

#include "station/conformance/bench.h"

namespace pedigree::station::conformance {

/// Asks for the key's request over two nonces: proof of possession, subject, challengePassword, keyUsage and
/// entropy hold; or the token request of a built-in key.
[[nodiscard]] Checked check_proof(Bench& bench, const TestKey& key, enrol::Origin origin);

}  // namespace pedigree::station::conformance
