// SPDX-License-Identifier: Apache-2.0
// Parts of an issuer's CRL: who takes which, and what a list of one of them, or of all, has in it.
#pragma once

#include "registry/store.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// The part that the certificate's distribution point names: 8 lower-case hex digits behind its issuer's
/// name.
[[nodiscard]] std::optional<std::int64_t> named_partition(const registry::Certificate& certificate);

/// Gives out parts, inside the transaction that the caller has opened.
class CrlPartitionWrites {
 public:
  explicit CrlPartitionWrites(Connection& connection);
  [[nodiscard]] registry::Outcome<std::uint32_t> take(const registry::CrlPartitionClaim& claim);

 private:
  [[nodiscard]] Result<void> note_base(const registry::CrlPartitionClaim& claim, std::int64_t first);

  Statement find_taken_, add_taken_, find_base_, insert_base_;
};

class CrlReads {
 public:
  explicit CrlReads(Connection& connection);
  [[nodiscard]] Result<std::vector<registry::Revoked>> revoked(const registry::CrlScope& scope);
  [[nodiscard]] Result<std::uint64_t> count(const registry::CrlScope& scope);
  [[nodiscard]] Result<std::string> base(std::string_view issuer, std::uint32_t partition);

 private:
  Statement revoked_, count_, revoked_in_partition_, count_in_partition_, find_base_;
};

}  // namespace pedigree::store
