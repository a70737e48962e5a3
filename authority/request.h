// SPDX-License-Identifier: Apache-2.0
// What a certification request must be before a profile looks at its key.
#pragma once

#include "authority/profile.h"
#include "core/csr/csr.h"
#include "registry/device.h"

namespace pedigree::authority {

/// A request that has proved possession of its key.
struct CheckedRequest {
  csr::Request request;
  Sha256 spki_sha256{};
};

/// Parses and checks a request: subject serialNumber = device id, challengePassword = the nonce in hex, a
/// type of key that the profile certifies, a signature algorithm that belongs to it, no published test key,
/// proof of possession (which checks the point too). The cheap rules come first. The result borrows `der`.
/// Errors: bad_request, bad_nonce, wrong_key_type, test_key, those of Request::parse and Request::verify.
[[nodiscard]] Answer<CheckedRequest> check_request(const crypto::Crypto& crypto, const Profile& profile,
                                                   const registry::DeviceId& device, Bytes nonce, Bytes der);

}  // namespace pedigree::authority
