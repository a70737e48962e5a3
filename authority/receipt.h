// SPDX-License-Identifier: Apache-2.0
// The device's signed statement that it holds the key and stored the chain.
#pragma once

#include <vector>

#include "authority/refusal.h"
#include "core/crypto/crypto.h"
#include "registry/device.h"

namespace pedigree::authority {

/// Verifies a receipt by the key of chain[0]: it must name this device, this nonce and the SHA-256 of this
/// chain as on the wire (a CBOR array, leaf first, without the root); or it is an attestation token of this
/// device over such a statement (core/evidence/challenge.h). Errors: bad_receipt, with what differs.
[[nodiscard]] Answer<void> verify_receipt(const crypto::Crypto& crypto, const std::vector<Bytes>& chain,
                                          const registry::DeviceId& device, Bytes nonce, Bytes receipt);

}  // namespace pedigree::authority
