// SPDX-License-Identifier: Apache-2.0
#include "server/store/listing_verify.h"

#include <fmt/format.h>

#include "registry/listing.h"
#include "server/store/rows.h"

namespace pedigree::store {

Result<void> ListingVerification::add(const Statement& row, int first) {
  if (row.is_null(first + 6)) return {};
  registry::Expected line;
  row.blob(first, line.device);
  line.profiles = row.text(first + 1);
  line.product = row.text(first + 3);
  line.label = row.text(first + 4);
  // A text that is too long for any import is none of an import either.
  const auto leaf = registry::listing_leaf(crypto_, line, row.text(first + 2), row.integer(first + 5));
  if (!leaf && leaf.error().code != ErrorCode::too_long) return std::unexpected(leaf.error());
  const Sha256 hash = leaf.value_or(Sha256{});
  if (!equal(row.blob(first + 7), Bytes(hash).first(registry::kSealSize))) {
    find_(fmt::format("device {}: its profiles, batch, product, label or time are not those of its import",
                      registry::hex(line.device)));
  }
  return trees_[row.integer(first + 6)].append(
      crypto_, hash, [](unsigned, std::uint64_t, const Sha256&) -> Result<void> { return {}; });
}

Result<void> ListingVerification::finish(Connection& connection) {
  Statement query = connection.prepare_scan(
      "SELECT number, digest, why FROM event WHERE what = 'imported' AND device = " + no_device(connection) +
      " ORDER BY number");
  Statement::Step step = query.step();
  for (; step == Statement::Step::row; step = query.step()) {
    const auto tree = trees_.extract(query.integer(0));
    const registry::merkle::Frontier lines = tree.empty() ? registry::merkle::Frontier() : tree.mapped();
    PEDIGREE_ASSIGN(const Sha256 root, lines.root(crypto_));
    if (optional_array<Sha256>(query, 1) == root) continue;
    find_(fmt::format("the {} devices of import {} (\"{}\") are not those that were imported", lines.size(),
                      query.integer(0), query.text(2)));
  }
  if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
  for (const auto& [number, lines] : trees_) {
    find_(fmt::format("{} devices are of import {}, which the log does not know", lines.size(), number));
  }
  return {};
}

}  // namespace pedigree::store
