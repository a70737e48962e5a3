// SPDX-License-Identifier: Apache-2.0
// Rule 2 of the service: which chain may be committed for a key.
#pragma once

#include "core/crypto/crypto.h"
#include "device/service/status.h"

namespace pedigree::device {

/// The pinned root. `spki` is the whole SubjectPublicKeyInfo, for chains without the root; empty where it is
/// not known.
struct PinnedRoot {
  Sha256 spki_sha256{};
  Bytes spki;
};

struct CheckedChain {
  std::uint8_t certificates = 0;  ///< without the root
  std::size_t size = 0;           ///< octets of the chain without the root; they start like the one checked
};

/// Checks a chain (CBOR array of DER certificates, leaf first, with or without the root) for the key whose
/// SubjectPublicKeyInfo is `own_spki`: the leaf certifies that key, and the path is valid (RFC 5280 6,
/// without time: a device has no clock) and ends at `root`, where that is `pinned`. Where it is not, or its
/// key is not known, the chain must carry its root, a self-issued certificate, as its last element; `root`
/// becomes that, borrowed from the chain. Errors: those of cose::read_chain and of a path's verdict;
/// chain_key_mismatch, chain_root_mismatch, root_required.
Status check_chain(const crypto::Crypto& crypto, Bytes chain, Bytes own_spki, bool pinned, PinnedRoot& root,
                   CheckedChain& checked) noexcept;

}  // namespace pedigree::device
