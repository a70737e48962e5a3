// SPDX-License-Identifier: Apache-2.0
// UUIDs made of names (RFC 9562 5.5, version 5).
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::crypto {

/// The 16 octets of a UUID, as they are written.
using UuidOctets = std::array<std::uint8_t, 16>;

/// The name space of fully qualified domain names (RFC 9562 6.6).
inline constexpr UuidOctets kDnsNamespace{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                          0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

/// The version 5 UUID of a name. SHA-1, as the RFC has it: an identifier, and nothing that is relied on to be
/// hard to find twice. Errors: crypto_failure.
[[nodiscard]] Result<UuidOctets> name_uuid(const UuidOctets& name_space, std::string_view name) noexcept;

}  // namespace pedigree::crypto
