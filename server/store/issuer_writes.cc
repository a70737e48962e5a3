// SPDX-License-Identifier: Apache-2.0
// Revocation and states of intermediates, and events of the authority's own.
#include "server/store/rows.h"
#include "server/store/writes.h"

namespace pedigree::store {

using registry::IssuerState;
using registry::Outcome;

Outcome<void> Writes::admit_state(const std::string& issuer) {
  const Statement::Step step = find_issuer_order_.bind(std::string_view(issuer)).step();
  if (step == Statement::Step::failed) return broken();
  const bool active = step == Statement::Step::done ||
                      find_issuer_order_.integer(0) == static_cast<std::int64_t>(IssuerState::active);
  find_issuer_order_.reset();
  if (!active) return refuse(ErrorCode::unknown_issuer);
  return {};
}

Outcome<registry::IssuerRevocation> Writes::revoke_issuer(const registry::IssuerRevocation& revocation) {
  if (const auto checked = check_texts(revocation.actor, revocation.why); !checked)
    return std::unexpected(checked.error());
  const Statement::Step step = find_issuer_revocation_.bind(std::string_view(revocation.name)).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::row) {
    auto known = read_issuer_revocation(find_issuer_revocation_);
    find_issuer_revocation_.reset();
    return known;
  }
  const bool inserted =
      insert_issuer_revocation_
          .bind(std::string_view(revocation.name), std::string_view(revocation.parent), revocation.serial,
                revocation.when, revocation.reason, std::string_view(revocation.actor.who),
                std::string_view(revocation.actor.from), std::string_view(revocation.why))
          .run()
          .has_value();
  if (!inserted || !count_generation()) return broken();
  if (!log_.append(event_of(revocation))) return broken();
  return revocation;
}

Outcome<void> Writes::order_issuers(const std::vector<registry::IssuerOrder>& orders) {
  for (const registry::IssuerOrder& order : orders) {
    if (order.state != IssuerState::active) continue;
    const Statement::Step step = find_issuer_revocation_.bind(std::string_view(order.name)).step();
    find_issuer_revocation_.reset();
    if (step == Statement::Step::failed) return broken();
    if (step == Statement::Step::row) return refuse(ErrorCode::issuer_revoked);
  }
  for (const registry::IssuerOrder& order : orders) {
    const bool put =
        put_issuer_order_
            .bind(std::string_view(order.name), order.state, order.when, std::string_view(order.actor.who),
                  std::string_view(order.actor.from), std::string_view(order.why))
            .run_on({as_bytes(order.name)})
            .has_value();
    if (!put || !log_.append(event_of(order))) return broken();
  }
  return {};
}

Outcome<void> Writes::record(const registry::AuthorityEvent& event) {
  if (!log_.append(event_of(event))) return broken();
  return {};
}

}  // namespace pedigree::store
