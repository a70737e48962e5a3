// SPDX-License-Identifier: Apache-2.0
// Nonces without a table: expiry | HMAC over device, profile and expiry.
#pragma once

#include "core/crypto/crypto.h"
#include "registry/device.h"

namespace pedigree::authority {

/// 8 octets of expiry (Unix time, big-endian), 24 octets of HMAC-SHA256.
using Nonce = std::array<std::uint8_t, enrol::kNonceSize>;
using NonceSecret = SecretArray<32>;

/// Errors: crypto_failure.
[[nodiscard]] Result<Nonce> make_nonce(const crypto::Crypto& crypto, Bytes secret,
                                       const registry::DeviceId& device, std::string_view profile,
                                       der::UnixTime expires);
/// Errors: bad_nonce (not ours, for another device or profile, or expired at `now`), crypto_failure.
[[nodiscard]] Result<void> check_nonce(const crypto::Crypto& crypto, Bytes secret,
                                       const registry::DeviceId& device, std::string_view profile,
                                       der::UnixTime now, Bytes nonce);

}  // namespace pedigree::authority
