// SPDX-License-Identifier: Apache-2.0
// What a certification request must be before a profile looks at its key.
#pragma once

#include "authority/profile.h"
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "registry/device.h"

namespace pedigree::authority {

/// A request that has proved possession of its key.
struct CheckedRequest {
  csr::Request request;
  Sha256 spki_sha256{};
};

/// Whether a profile takes keys of a device with such a source of random numbers, as the device's own
/// evidence tells it: the request's attribute (enrol::kEntropyAttribute), or a token. A fixed seed is for
/// debugging, and only a test profile (`test_keys`) certifies what it makes. Errors: fixed_entropy.
[[nodiscard]] Answer<void> check_entropy(const Profile& profile, enrol::Entropy entropy);

/// Parses and checks a request: subject serialNumber = device id, challengePassword = the nonce in hex, a
/// type of key that the profile certifies, a signature algorithm that belongs to it, no published test key,
/// no fixed seed, proof of possession (which checks the point too). The cheap rules come first. The result
/// borrows `der`. Errors: bad_request, bad_nonce, wrong_key_type, test_key, fixed_entropy, those of
/// Request::parse and Request::verify.
[[nodiscard]] Answer<CheckedRequest> check_request(const crypto::Crypto& crypto, const Profile& profile,
                                                   const registry::DeviceId& device, Bytes nonce, Bytes der);

}  // namespace pedigree::authority
