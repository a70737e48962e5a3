// SPDX-License-Identifier: Apache-2.0
// Events of the authority's own, by commands that work on its directory.
#pragma once

#include "server/app/app.h"

namespace pedigree::app {

/// Writes an event into the audit log, and waits until it is there. Errors: those of registry::Store::record.
[[nodiscard]] Answer<void> record(LocalAuthority& authority, registry::AuthorityEvent event);

}  // namespace pedigree::app
