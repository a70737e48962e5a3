// SPDX-License-Identifier: Apache-2.0
// The states of intermediates held against the events that ordered them.
#pragma once

#include <functional>
#include <string>

#include "registry/device.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// An event of the authority's own in one line, as a finding names it.
[[nodiscard]] std::string text_of(const registry::Event& event);

/// Names each intermediate whose state is not that of the last event about it. Errors: database_failure.
[[nodiscard]] Result<void> verify_issuer_orders(Connection& connection,
                                                const std::function<void(std::string finding)>& find);

}  // namespace pedigree::store
