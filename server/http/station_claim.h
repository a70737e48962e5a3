// SPDX-License-Identifier: Apache-2.0
// What the policy lets a client enrol.
#pragma once

#include "authority/engine.h"
#include "registry/store.h"
#include "server/http/handler.h"

namespace pedigree::http {

/// May this station enrol this device for this profile?
struct StationQuestion {
  registry::DeviceId device{};
  std::string_view profile;
  std::optional<std::string_view>
      issuer;  ///< as in the request, "" where it names none; absent: a nonce is asked for
  std::string_view station{};
};

/// The rule that lets it, by the policy and the allow-list. Errors: not_authorised, with what the policy does
/// not give; database_failure.
[[nodiscard]] authority::Answer<const authority::StationRule*> check_station(const authority::Engine& engine,
                                                                             registry::Store& store,
                                                                             const StationQuestion& question,
                                                                             der::UnixTime now);

/// What the store must hold a station, or a bootstrap client, to; nothing for devices and holders of tokens,
/// whose certificate or token says what they may. The client is the question's station. A refusal is counted
/// in the registry. Errors: those of check_station.
[[nodiscard]] authority::Answer<std::optional<registry::StationClaim>> claim_station(
    const authority::Engine& engine, registry::Store& store, const Identity& client, StationQuestion question,
    der::UnixTime now);

}  // namespace pedigree::http
