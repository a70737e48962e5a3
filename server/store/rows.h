// SPDX-License-Identifier: Apache-2.0
// Rows to domain types; the column lists and their readers stand together.
#pragma once

#include <algorithm>

#include "registry/store.h"
#include "server/store/sql.h"

namespace pedigree::store {

inline constexpr std::string_view kCertificateColumns =
    "serial, device, profile, issuer, key, state, not_before, not_after, issued_at, receipt_at, revoked_at, "
    "reason, der";

/// Whether a comma-separated list names the profile; an empty list names all.
[[nodiscard]] inline bool lists(std::string_view profiles, std::string_view profile) {
  if (profiles.empty()) return true;
  while (!profiles.empty()) {
    const std::size_t comma = std::min(profiles.find(','), profiles.size());
    if (profiles.substr(0, comma) == profile) return true;
    profiles.remove_prefix(std::min(comma + 1, profiles.size()));
  }
  return false;
}

/// Reads every row of a bound query. Errors: database_failure.
template <typename Read>
[[nodiscard]] auto read_all(Statement& query, Read read) -> Result<std::vector<decltype(read(query))>> {
  std::vector<decltype(read(query))> rows;
  Statement::Step step = query.step();
  for (; step == Statement::Step::row; step = query.step()) rows.push_back(read(query));
  if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
  return rows;
}

/// Reads the first row of a bound query; empty where there is none. Errors: database_failure.
template <typename Read>
[[nodiscard]] auto read_first(Statement& query, Read read) -> Result<std::optional<decltype(read(query))>> {
  const Statement::Step step = query.step();
  if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
  if (step == Statement::Step::done) return std::nullopt;
  auto row = read(query);
  query.reset();
  return row;
}

/// The same; none is not_found.
template <typename Read>
[[nodiscard]] auto read_one(Statement& query, Read read) -> Result<decltype(read(query))> {
  PEDIGREE_ASSIGN(auto row, read_first(query, read));
  if (!row) return fail(ErrorCode::not_found);
  return *std::move(row);
}

/// The first column, a number.
[[nodiscard]] inline std::int64_t read_number(const Statement& row) {
  return row.integer(0);
}

/// Reads id, state, profiles, created and changed of a device, the name of its batch, its product, label and
/// station.
[[nodiscard]] inline registry::Device read_device(const Statement& row) {
  registry::Device device;
  row.blob(0, device.id);
  device.state = static_cast<registry::DeviceState>(row.integer(1));
  device.profiles = row.text(2);
  device.created = row.integer(3);
  device.changed = row.integer(4);
  device.batch = row.text(5);
  device.product = row.text(6);
  device.label = row.text(7);
  device.station = row.text(8);
  return device;
}

/// Whether every database takes this text as it is: valid UTF-8 without NUL.
[[nodiscard]] bool is_storable(std::string_view text) noexcept;

/// No octets, as a literal: the authority's own events have that for a device.
[[nodiscard]] inline std::string no_device(const Connection& connection) {
  return connection.dialect() == Dialect::sqlite ? "x''" : "'\\x'";
}

[[nodiscard]] inline std::optional<der::UnixTime> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

/// Reads the columns of kCertificateColumns.
[[nodiscard]] inline registry::Certificate read_certificate(const Statement& row) {
  registry::Certificate certificate;
  row.blob(0, certificate.serial);
  row.blob(1, certificate.device);
  certificate.profile = row.text(2);
  certificate.issuer = row.text(3);
  row.blob(4, certificate.key);
  certificate.state = static_cast<registry::CertificateState>(row.integer(5));
  certificate.not_before = row.integer(6);
  certificate.not_after = row.integer(7);
  certificate.issued_at = row.integer(8);
  certificate.receipt_at = optional_integer(row, 9);
  certificate.revoked_at = optional_integer(row, 10);
  certificate.reason = static_cast<x509::RevocationReason>(row.integer(11));
  const Bytes der = row.blob(12);
  certificate.der.assign(der.begin(), der.end());
  return certificate;
}

inline constexpr std::string_view kEventColumns =
    "number, device, at, who, place, what, old_state, new_state, why, serial, digest, leaf";

[[nodiscard]] inline std::optional<registry::DeviceState> optional_state(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<registry::DeviceState>(row.integer(column));
}

template <typename Array>
[[nodiscard]] std::optional<Array> optional_array(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  Array octets{};
  row.blob(column, octets);
  return octets;
}

/// Reads the columns of kEventColumns but the leaf.
[[nodiscard]] inline registry::Event read_event(const Statement& row) {
  registry::Event event;
  event.number = row.integer(0);
  row.blob(1, event.device);
  event.when = row.integer(2);
  event.actor = {std::string(row.text(3)), std::string(row.text(4))};
  event.what = row.text(5);
  event.from = optional_state(row, 6);
  event.to = optional_state(row, 7);
  event.why = row.text(8);
  event.serial = optional_array<registry::Serial>(row, 9);
  event.digest = optional_array<Sha256>(row, 10);
  return event;
}

/// Reads size, at, note of a checkpoint.
[[nodiscard]] inline registry::SignedHead read_signed_head(const Statement& row) {
  return {static_cast<std::uint64_t>(row.integer(0)), row.integer(1), std::string(row.text(2))};
}

inline constexpr std::string_view kStandingColumns =
    "number, serial, issuer, state, not_after, revoked_at, reason";

/// Reads the columns of kStandingColumns.
[[nodiscard]] inline registry::Standing read_standing(const Statement& row) {
  registry::Standing standing;
  standing.number = row.integer(0);
  row.blob(1, standing.serial);
  standing.issuer = row.text(2);
  standing.state = static_cast<registry::CertificateState>(row.integer(3));
  standing.not_after = row.integer(4);
  standing.revoked_at = row.integer(5);
  standing.reason = static_cast<x509::RevocationReason>(row.integer(6));
  return standing;
}

inline constexpr std::string_view kIssuerRevocationColumns =
    "name, parent, serial, revoked_at, reason, who, place, why";

/// Reads the columns of kIssuerRevocationColumns.
[[nodiscard]] inline registry::IssuerRevocation read_issuer_revocation(const Statement& row) {
  registry::IssuerRevocation revocation;
  revocation.name = row.text(0);
  revocation.parent = row.text(1);
  const Bytes serial = row.blob(2);
  revocation.serial.assign(serial.begin(), serial.end());
  revocation.when = row.integer(3);
  revocation.reason = static_cast<x509::RevocationReason>(row.integer(4));
  revocation.actor = {std::string(row.text(5)), std::string(row.text(6))};
  revocation.why = row.text(7);
  return revocation;
}

inline constexpr std::string_view kIssuerOrderColumns = "name, state, ordered_at, who, place, why";

/// Reads the columns of kIssuerOrderColumns.
[[nodiscard]] inline registry::IssuerOrder read_issuer_order(const Statement& row) {
  return {std::string(row.text(0)),
          static_cast<registry::IssuerState>(row.integer(1)),
          std::string(row.text(5)),
          {std::string(row.text(3)), std::string(row.text(4))},
          row.integer(2)};
}

inline constexpr std::string_view kSignerRevocationColumns = "key, name, revoked_at, who, place, why";

/// Reads the columns of kSignerRevocationColumns.
[[nodiscard]] inline registry::SignerRevocation read_signer_revocation(const Statement& row) {
  registry::SignerRevocation revocation;
  row.blob(0, revocation.key);
  revocation.name = row.text(1);
  revocation.when = row.integer(2);
  revocation.actor = {std::string(row.text(3)), std::string(row.text(4))};
  revocation.why = row.text(5);
  return revocation;
}

}  // namespace pedigree::store
