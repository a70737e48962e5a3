// SPDX-License-Identifier: Apache-2.0
// What the policy lets a client enrol.
#pragma once

#include "authority/engine.h"
#include "registry/store.h"
#include "server/http/handler.h"

namespace pedigree::http {

/// What the store must hold a station, or a bootstrap client, to; nothing for devices and holders of tokens,
/// whose certificate or token says what they may. `issuer`: as in the request, empty where none is chosen; a
/// nonce is asked for without one: null. A refusal is counted in the registry. Errors: not_authorised, with
/// what the policy does not give; database_failure.
[[nodiscard]] authority::Answer<std::optional<registry::StationClaim>> claim_station(
    const authority::Engine& engine, registry::Store& store, const Identity& client,
    const registry::DeviceId& device, std::string_view profile, const std::string_view* issuer,
    der::UnixTime now);

}  // namespace pedigree::http
