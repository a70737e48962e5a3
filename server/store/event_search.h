// SPDX-License-Identifier: Apache-2.0
// The log, searched: who did what to which device, when, and on whose authority.
#pragma once

#include "registry/store.h"
#include "server/store/search.h"

namespace pedigree::store {

class EventSearch {
 public:
  /// Borrows the connection.
  explicit EventSearch(const Connection& connection);

  /// Store::search_events. Examines kScan events at most.
  [[nodiscard]] Result<registry::EventList> search(const registry::EventQuery& query);

 private:
  /// The numbers between which events of a time are; clocks of several nodes need not agree.
  [[nodiscard]] Result<std::int64_t> number_at(der::UnixTime when);

  Way by_number_, by_device_, by_who_, alarms_;
  Statement device_of_, batch_, first_at_;
};

}  // namespace pedigree::store
