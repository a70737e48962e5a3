// SPDX-License-Identifier: Apache-2.0
#include "server/http/station_claim.h"

#include <fmt/format.h>

namespace pedigree::http {
namespace {

using authority::Answer;
using authority::refuse;

/// The issuer that would be taken, where the rule asks; its absence is refused by whoever certifies.
std::string_view chosen_issuer(const authority::Engine& engine, const authority::StationRule& rule,
                               std::string_view profile, const std::string_view* issuer) {
  if (issuer == nullptr || !rule.issuers) return {};
  if (!issuer->empty()) return *issuer;
  const auto chosen = engine.select_issuer({}, profile);
  return chosen ? std::string_view((*chosen)->config().name) : std::string_view();
}

Answer<void> check(const authority::StationRule* rule, const authority::StationWish& wish,
                   registry::Store& store) {
  if (rule == nullptr) {
    return refuse(ErrorCode::not_authorised,
                  fmt::format("the policy has no rule for station \"{}\"", wish.station));
  }
  if (const auto checked = authority::check_wish(*rule, wish); !checked) return checked;
  if (!authority::needs_listing(*rule)) return {};
  // Batch and product of a device never change, so that this reading is as good as one in the transaction.
  const auto device = store.device(wish.device);
  if (!device && device.error().code != ErrorCode::not_found) return refuse(device.error());
  return authority::check_listing(*rule, wish, device ? &*device : nullptr);
}

}  // namespace

Answer<std::optional<registry::StationClaim>> claim_station(const authority::Engine& engine,
                                                            registry::Store& store, const Identity& client,
                                                            const registry::DeviceId& device,
                                                            std::string_view profile,
                                                            const std::string_view* issuer,
                                                            der::UnixTime now) {
  if (client.role != Role::station && client.role != Role::bootstrap) return std::nullopt;
  const authority::Policy& policy = engine.config().policy;
  const authority::StationRule* rule = authority::find_rule(policy, client.name);
  authority::StationWish wish{client.name, device, profile, {}};
  if (rule != nullptr) wish.issuer = chosen_issuer(engine, *rule, profile, issuer);
  if (const auto checked = check(rule, wish, store); !checked) {
    if (checked.error().code == ErrorCode::not_authorised) {
      store.note_refusal({client.name, device, checked.error().detail, {client.name, client.from}, now},
                         [](const auto&) {});
    }
    return std::unexpected(checked.error());
  }
  return registry::StationClaim{client.name, client.fingerprint, policy.registered_only, rule->per_day};
}

}  // namespace pedigree::http
