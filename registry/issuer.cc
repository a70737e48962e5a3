// SPDX-License-Identifier: Apache-2.0
#include "registry/issuer.h"

namespace pedigree::registry {

std::string_view name(IssuerState state) noexcept {
  switch (state) {
    case IssuerState::standby:
      return "standby";
    case IssuerState::active:
      return "active";
    case IssuerState::retired:
      break;
  }
  return "retired";
}

std::optional<IssuerState> parse_issuer_state(std::string_view text) noexcept {
  for (const auto state : {IssuerState::standby, IssuerState::active, IssuerState::retired}) {
    if (name(state) == text) return state;
  }
  return std::nullopt;
}

}  // namespace pedigree::registry
