// SPDX-License-Identifier: Apache-2.0
// What the registry knows of intermediates beside their revocation: the state that an order put them into.
#pragma once

#include <string>
#include <vector>

#include "registry/device.h"

namespace pedigree::registry {

/// `standby` is published (chain, bundles, CRL) and issues nothing yet; `active` issues; `retired` issues
/// nothing more, and its CRLs and OCSP answers are still signed.
enum class IssuerState : std::uint8_t { standby = 1, active = 2, retired = 3 };
/// "standby", "active" or "retired". Static storage.
[[nodiscard]] std::string_view name(IssuerState state) noexcept;
/// The state of that name.
[[nodiscard]] std::optional<IssuerState> parse_issuer_state(std::string_view text) noexcept;

/// The last order about one intermediate. It counts for every server on this database.
struct IssuerOrder {
  std::string name;
  IssuerState state = IssuerState::standby;
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};

/// An event of the authority's own that changes no other row: `what` is a word, `digest` of what it is about.
struct AuthorityEvent {
  std::string what;
  std::string why;
  std::optional<Sha256> digest;
  Actor actor;
  der::UnixTime when = 0;
};

}  // namespace pedigree::registry
