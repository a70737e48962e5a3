// SPDX-License-Identifier: Apache-2.0
// What stands in the way of a certificate, in one sentence.
#pragma once

#include "authority/engine.h"
#include "registry/store.h"

namespace pedigree::http {

/// One specific sentence about a conflict, without a full stop.
[[nodiscard]] std::string describe(const authority::Engine& engine, const registry::Conflict& conflict);
/// "certificate 1 of 4 (serial ...) is revoked since ...".
[[nodiscard]] std::string describe_revoked(const authority::Engine& engine,
                                           const registry::Certificate& certificate);

}  // namespace pedigree::http
