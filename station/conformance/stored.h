// SPDX-License-Identifier: Apache-2.0
// What must hold once a chain is stored: the receipt, the chain read back, the slot's state.
#pragma once

#include "station/conformance/bench.h"

namespace pedigree::station::conformance {

/// A slot with a key and the chain that a device has stored for it.
struct Stored {
  TestKey key;
  Certificates chain;  ///< without the root
  Octets wire;         ///< of that
};

/// A chain for the key: `authorities` CAs below the root, and the root where the device asks for it.
[[nodiscard]] Outcome<Certificates> right_chain(Bench& bench, const TestKey& key, std::size_t authorities);
/// Writes and commits the chain, and checks all that must hold then.
[[nodiscard]] Outcome<Stored> store_and_check(Bench& bench, const TestKey& key, Certificates chain,
                                              enrol::Origin origin = enrol::Origin::generate);
/// A key in a free slot, with a chain of a leaf and one CA. Not run where chains may not be stored.
[[nodiscard]] Outcome<Stored> stored_key(Bench& bench, enrol::Purpose purpose = enrol::Purpose::data);

/// A receipt over this nonce: signed by the slot's key, or by the device's token where the key is built in.
[[nodiscard]] Checked check_receipt(Bench& bench, const Stored& stored, Bytes nonce, Bytes receipt,
                                    enrol::Origin origin);
/// The slot as listed and read: active with this chain.
[[nodiscard]] Checked check_active(Bench& bench, const Stored& stored);

}  // namespace pedigree::station::conformance
