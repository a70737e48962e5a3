// SPDX-License-Identifier: Apache-2.0
#include "server/store/issuer_verify.h"

#include <fmt/format.h>

#include <map>

#include "server/store/audit_log.h"
#include "server/store/rows.h"

namespace pedigree::store {

std::string text_of(const registry::Event& event) {
  return fmt::format("{} {} (by {} from {}, at {})", event.what, event.why, event.actor.who, event.actor.from,
                     event.when);
}

Result<void> verify_issuer_orders(Connection& connection,
                                  const std::function<void(std::string finding)>& find) {
  Statement orders =
      connection.prepare("SELECT " + std::string(kIssuerOrderColumns) + " FROM issuer_order ORDER BY name");
  PEDIGREE_ASSIGN(const auto rows, read_all(orders.bind(), read_issuer_order));
  Statement events = connection.prepare("SELECT " + std::string(kEventColumns) +
                                        " FROM event WHERE device = " + no_device(connection) +
                                        " AND what = 'issuer_state' ORDER BY number");
  PEDIGREE_ASSIGN(const auto logged, read_all(events.bind(), read_event));
  std::map<std::string, std::string, std::less<>> last;  // by name
  for (const registry::Event& event : logged) {
    last.insert_or_assign(event.why.substr(0, event.why.find(' ')), text_of(event));
  }
  for (const registry::IssuerOrder& order : rows) {
    const std::string row = text_of(event_of(order));
    const auto event = last.extract(order.name);
    if (event.empty() || event.mapped() != row)
      find("an intermediate's state is not what was logged: " + row);
  }
  for (const auto& [issuer, event] : last) find("an intermediate's state that was logged is gone: " + event);
  return {};
}

}  // namespace pedigree::store
