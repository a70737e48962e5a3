// SPDX-License-Identifier: Apache-2.0
// What the platform's own attestation token says of the device.
#pragma once

#include "core/enrol/messages.h"

namespace pedigree::tfm {

/// Two of the claims, by their numbers in any profile that TF-M writes.
struct TokenFacts {
  std::array<std::uint8_t, enrol::kDeviceIdSize> instance_id{};
  enrol::Lifecycle lifecycle = enrol::Lifecycle::unknown;  ///< unknown also where the number is not known
};

/// Reads them from a COSE_Sign1, tagged or not, with a claims map inside. The signature is not verified: the
/// token comes from the platform's attestation service in this very device. Errors: those of cbor, bad_tag
/// (no array of four), missing_field (no instance id), bad_value (one of another size than 33 octets).
[[nodiscard]] Result<TokenFacts> read_token_facts(Bytes token) noexcept;

}  // namespace pedigree::tfm
