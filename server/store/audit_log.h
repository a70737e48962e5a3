// SPDX-License-Identifier: Apache-2.0
// The audit log in the database: every event is a leaf of a Merkle tree, at the place of its number.
#pragma once

#include "registry/merkle.h"
#include "registry/store.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// The tree's nodes as the tables hold them: leaves beside the events, the rest in audit_node.
class AuditNodes final : public registry::merkle::Nodes {
 public:
  /// Borrows the connection.
  explicit AuditNodes(const Connection& connection);
  Result<std::vector<Sha256>> read(unsigned level, std::uint64_t first, std::size_t count) override;
  /// Number of leaves: of the last event. Errors: database_failure.
  [[nodiscard]] Result<std::uint64_t> size();

 private:
  Statement leaves_, nodes_, size_;
};

/// Appends; for the thread that writes, inside its transactions.
class AuditLog {
 public:
  /// Borrows both.
  AuditLog(Connection& connection, const crypto::Crypto& crypto);

  /// To be called first in a transaction: where the database lets others write at the same time, takes the
  /// row of the log's head, which keeps them waiting until the commit; takes notice of what other processes
  /// have appended. Errors: database_failure, crypto_failure.
  [[nodiscard]] Result<void> begin();
  /// To be called before the commit. Errors: database_failure.
  [[nodiscard]] Result<void> end();
  /// To be called after a rollback.
  void forget() noexcept { known_ = false; }
  /// Writes the event as the next one, with its leaf, and the nodes that it completes; event.number is not
  /// looked at. Errors as above.
  [[nodiscard]] Result<void> append(const registry::Event& event);
  /// The number that the next event gets, inside a transaction that has begun.
  [[nodiscard]] std::int64_t next_number() const noexcept {
    return static_cast<std::int64_t>(frontier_.size() + 1);
  }
  [[nodiscard]] const crypto::Crypto& crypto() const noexcept { return crypto_; }

 private:
  [[nodiscard]] Result<void> insert(const registry::Event& event, const Sha256& leaf);
  [[nodiscard]] Result<void> read_head();

  const crypto::Crypto& crypto_;
  const Dialect dialect_;
  AuditNodes nodes_;
  registry::merkle::Frontier frontier_;
  bool known_ = false;         ///< whether frontier_ is that of the database
  std::uint64_t written_ = 0;  ///< size in the head's row
  Statement insert_event_, insert_node_, head_, update_head_;
};

/// What the log says of changes that are no device's.
[[nodiscard]] registry::Event event_of(const registry::IssuerRevocation& revocation);
[[nodiscard]] registry::Event event_of(const registry::IssuerOrder& order);
[[nodiscard]] registry::Event event_of(const registry::AuthorityEvent& event);
[[nodiscard]] registry::Event event_of(const registry::SignerRevocation& revocation);
/// `digest` is that of the list's message.
[[nodiscard]] registry::Event list_event(std::int64_t number, der::UnixTime issued_at, const Sha256& digest);

/// Gives the events of a database from before there was a log their places in it. Inside the caller's
/// transaction. Errors: database_failure, crypto_failure.
[[nodiscard]] Result<void> log_old_events(Connection& connection, const crypto::Crypto& crypto);

}  // namespace pedigree::store
