// SPDX-License-Identifier: Apache-2.0
#include "server/store/crl_partitions.h"

#include "core/x509/certificate.h"
#include "core/x509/oids.h"
#include "registry/crl_partition.h"
#include "server/store/rows.h"
#include "server/store/writes.h"

namespace pedigree::store {
namespace {

constexpr std::size_t kMaxBase = 400;

registry::Revoked read_revoked(const Statement& row) {
  return {registry::CrlSerial(row.blob(0)), row.integer(1),
          static_cast<x509::RevocationReason>(row.integer(2))};
}

/// Content of cRLDistributionPoints; empty: the certificate has none.
Bytes distribution_points(Bytes der) {
  const auto certificate = x509::Certificate::parse(der);
  if (!certificate) return {};
  Bytes points;
  (void)x509::for_each_extension(certificate->extensions_content(), [&](const x509::Extension& extension) {
    if (equal(extension.oid, x509::oid::kCrlDistributionPoints)) points = extension.value;
  });
  return points;
}

}  // namespace

std::optional<std::int64_t> named_partition(const registry::Certificate& certificate) {
  const std::string_view points = as_text(distribution_points(certificate.der));
  const std::string before = "/" + certificate.issuer + "/";
  const std::size_t at = points.rfind(before);
  // The URI is the last thing in the extension.
  if (at == std::string_view::npos) return std::nullopt;
  const auto number = registry::parse_crl_partition(points.substr(at + before.size()));
  return number ? std::optional<std::int64_t>(*number) : std::nullopt;
}

CrlPartitionWrites::CrlPartitionWrites(Connection& connection)
    : find_taken_(connection.prepare("SELECT taken FROM crl_partition WHERE issuer = ?1")),
      add_taken_(connection.prepare("INSERT INTO crl_partition (issuer, taken) VALUES (?1, ?2) ON CONFLICT "
                                    "(issuer) DO UPDATE SET taken = crl_partition.taken + ?2")),
      find_base_(connection.prepare(
          "SELECT base FROM crl_partition_base WHERE issuer = ?1 ORDER BY first DESC LIMIT 1")),
      insert_base_(
          connection.prepare("INSERT INTO crl_partition_base (issuer, first, base) VALUES (?1, ?2, ?3)")) {}

Result<void> CrlPartitionWrites::note_base(const registry::CrlPartitionClaim& claim, std::int64_t first) {
  const Statement::Step step = find_base_.bind(std::string_view(claim.issuer)).step();
  if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
  const bool same = step == Statement::Step::row && find_base_.text(0) == claim.base;
  find_base_.reset();
  if (same) return {};
  return insert_base_.bind(std::string_view(claim.issuer), first, std::string_view(claim.base)).run();
}

registry::Outcome<std::uint32_t> CrlPartitionWrites::take(const registry::CrlPartitionClaim& claim) {
  if (claim.base.size() > kMaxBase || claim.count == 0) return refuse(ErrorCode::bad_value);
  // Added first and read then: of two nodes the second waits for the first one's row.
  if (!add_taken_.bind(std::string_view(claim.issuer), std::int64_t{claim.count}).run()) return broken();
  const auto taken = read_one(find_taken_.bind(std::string_view(claim.issuer)), read_number);
  if (!taken) return broken();
  const std::int64_t first = *taken - claim.count;
  if (!note_base(claim, first)) return broken();
  return static_cast<std::uint32_t>(first);
}

CrlReads::CrlReads(Connection& connection)
    : revoked_(connection.prepare("SELECT serial, revoked_at, reason FROM certificate "
                                  "WHERE issuer = ?1 AND state = 3 AND revoked_at >= ?2 UNION ALL "
                                  "SELECT serial, revoked_at, reason FROM issuer_revocation "
                                  "WHERE parent = ?1 AND revoked_at >= ?2")),
      count_(connection.prepare("SELECT (SELECT count(*) FROM certificate "
                                "WHERE issuer = ?1 AND state = 3 AND revoked_at >= ?2) "
                                "+ (SELECT count(*) FROM issuer_revocation "
                                "WHERE parent = ?1 AND revoked_at >= ?2)")),
      revoked_in_partition_(
          connection.prepare("SELECT serial, revoked_at, reason FROM certificate "
                             "WHERE issuer = ?1 AND crl_partition = ?2 AND state = 3 AND revoked_at >= ?3")),
      count_in_partition_(
          connection.prepare("SELECT count(*) FROM certificate "
                             "WHERE issuer = ?1 AND crl_partition = ?2 AND state = 3 AND revoked_at >= ?3")),
      find_base_(connection.prepare(
          "SELECT b.base FROM crl_partition_base AS b JOIN crl_partition AS p ON p.issuer = b.issuer "
          "WHERE b.issuer = ?1 AND b.first <= ?2 AND p.taken > ?2 ORDER BY b.first DESC LIMIT 1")) {}

Result<std::vector<registry::Revoked>> CrlReads::revoked(const registry::CrlScope& scope) {
  if (!scope.partition) return read_all(revoked_.bind(scope.issuer, scope.since), read_revoked);
  return read_all(revoked_in_partition_.bind(scope.issuer, std::int64_t{*scope.partition}, scope.since),
                  read_revoked);
}

Result<std::uint64_t> CrlReads::count(const registry::CrlScope& scope) {
  const auto number = [](const Statement& row) { return static_cast<std::uint64_t>(row.integer(0)); };
  if (!scope.partition) return read_one(count_.bind(scope.issuer, scope.since), number);
  return read_one(count_in_partition_.bind(scope.issuer, std::int64_t{*scope.partition}, scope.since),
                  number);
}

Result<std::string> CrlReads::base(std::string_view issuer, std::uint32_t partition) {
  return read_one(find_base_.bind(issuer, std::int64_t{partition}),
                  [](const Statement& row) { return std::string(row.text(0)); });
}

}  // namespace pedigree::store
