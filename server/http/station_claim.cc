// SPDX-License-Identifier: Apache-2.0
#include "server/http/station_claim.h"

#include <fmt/format.h>

namespace pedigree::http {
namespace {

using authority::Answer;
using authority::refuse;

/// The issuer that would be taken, where the rule asks; its absence is refused by whoever certifies.
std::string_view chosen_issuer(const authority::Engine& engine, const authority::StationRule& rule,
                               const StationQuestion& question, der::UnixTime now) {
  if (!question.issuer || !rule.issuers) return {};
  if (!question.issuer->empty()) return *question.issuer;
  const auto chosen = engine.select_issuer({}, question.profile, now);
  return chosen ? std::string_view((*chosen)->config().name) : std::string_view();
}

}  // namespace

Answer<const authority::StationRule*> check_station(const authority::Engine& engine, registry::Store& store,
                                                    const StationQuestion& question, der::UnixTime now) {
  const authority::StationRule* rule = authority::find_rule(engine.config().policy, question.station);
  if (rule == nullptr) {
    return refuse(ErrorCode::not_authorised,
                  fmt::format("the policy has no rule for station \"{}\"", question.station));
  }
  const authority::StationWish wish{question.station, question.device, question.profile,
                                    chosen_issuer(engine, *rule, question, now)};
  if (const auto checked = authority::check_wish(*rule, wish); !checked)
    return std::unexpected(checked.error());
  if (!authority::needs_listing(*rule)) return rule;
  // Batch and product of a device never change, so that this reading is as good as one in the transaction.
  const auto device = store.device(wish.device);
  if (!device && device.error().code != ErrorCode::not_found) return refuse(device.error());
  const auto listed = authority::check_listing(*rule, wish, device ? &*device : nullptr);
  if (!listed) return std::unexpected(listed.error());
  return rule;
}

Answer<std::optional<registry::StationClaim>> claim_station(const authority::Engine& engine,
                                                            registry::Store& store, const Identity& client,
                                                            StationQuestion question, der::UnixTime now) {
  if (client.role != Role::station && client.role != Role::bootstrap) return std::nullopt;
  question.station = client.name;
  const auto rule = check_station(engine, store, question, now);
  if (!rule) {
    if (rule.error().code == ErrorCode::not_authorised) {
      store.note_refusal({client.name, question.device, rule.error().detail, {client.name, client.from}, now},
                         [](const auto&) {});
    }
    return std::unexpected(rule.error());
  }
  return registry::StationClaim{client.name, client.fingerprint, engine.config().policy.registered_only,
                                (*rule)->per_day};
}

}  // namespace pedigree::http
