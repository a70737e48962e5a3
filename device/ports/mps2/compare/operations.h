// SPDX-License-Identifier: Apache-2.0
// Three images of which tools/size_table.py takes the differences: what PSA Crypto costs by itself; with the
// two jobs done by core; with the same two jobs done by Mbed TLS's X.509. They are linked and never run.
#pragma once

#include "core/bytes/bytes.h"
#include "psa/crypto.h"

namespace pedigree::mps2::compare {

/// A chain that is to be checked, leaf first, and the root under which.
struct Chain {
  std::array<Bytes, 3> certificates;
  std::size_t count = 0;
  Bytes root_spki;
  Sha256 root_spki_sha256{};
  Bytes root;
};

/// Writes a request with this key for this subject: serialNumber, and keyUsage digitalSignature asked for.
/// Octets written at the end of `out` or its start, as the writer likes it; 0 where it fails.
std::size_t write_request(psa_key_id_t key, Bytes device_id_hex, Bytes spki, MutableBytes out) noexcept;
/// Whether the chain's certificates parse and it is valid up to the root.
bool check_chain(const Chain& chain) noexcept;

}  // namespace pedigree::mps2::compare
