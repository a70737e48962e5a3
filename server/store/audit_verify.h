// SPDX-License-Identifier: Apache-2.0
// The audit log held against the registry's tables and against signed heads: finds what was changed by hand.
#pragma once

#include <functional>
#include <string>

#include "registry/store.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// A head that the log had once, from a checkpoint whose signature holds.
struct KnownHead {
  registry::merkle::Head head;
  std::string label;  ///< for messages: "checkpoint 812 of 2026-11-27", a file's name
};

struct AuditReport {
  registry::merkle::Head head;  ///< of the log as it is
  std::uint64_t certificates = 0;
  std::uint64_t devices = 0;
  std::uint64_t heads = 0;            ///< known heads that the log agrees with
  std::vector<std::string> findings;  ///< a sentence each, in the order of the log; at most kMaxFindings
  std::uint64_t more = 0;             ///< findings that are not in the list
};
inline constexpr std::size_t kMaxFindings = 100;

/// Told now and then how many of how many rows are done.
using AuditProgress = std::function<void(std::uint64_t done, std::uint64_t of)>;

/// Reads the whole database in one snapshot: every event's hash, the tree's nodes, the known heads; and that
/// each certificate, state and revocation is what the log says it is. Memory does not grow with the database.
/// Errors: database_failure (it cannot be read, or has no log), crypto_failure.
[[nodiscard]] Result<AuditReport> verify_audit(Connection& connection, const crypto::Crypto& crypto,
                                               std::vector<KnownHead> heads, const AuditProgress& progress);

/// Every signed head that the database holds, in order. Errors: database_failure.
[[nodiscard]] Result<std::vector<registry::SignedHead>> signed_heads(Connection& connection);

}  // namespace pedigree::store
