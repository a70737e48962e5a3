// SPDX-License-Identifier: Apache-2.0
#include "server/store/audit_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/x509/certificate.h"
#include "registry/audit_entry.h"
#include "registry/listing.h"
#include "server/store/audit_log.h"
#include "server/store/crl_partitions.h"
#include "server/store/issuer_verify.h"
#include "server/store/listing_verify.h"
#include "server/store/rows.h"

namespace pedigree::store {
namespace {

using registry::Event;
using registry::hex;
using registry::merkle::Frontier;

constexpr std::uint64_t kTold = 4096;  ///< rows between two reports of progress

/// "event 17 (issued, device 01..., by station 1)".
std::string describe(const Event& event) {
  const std::string whose =
      event.device == registry::DeviceId{} ? "the authority" : "device " + hex(event.device);
  return fmt::format("event {} ({}, {}, by {})", event.number, event.what, whose, event.actor.who);
}

class Verification {
 public:
  Verification(Connection& connection, const crypto::Crypto& crypto, std::vector<KnownHead> heads,
               const AuditProgress& progress)
      : connection_(connection),
        crypto_(crypto),
        kept_(connection.prepare("SELECT hash FROM audit_node WHERE level = ?1 AND position = ?2")),
        heads_(std::move(heads)),
        progress_(progress) {
    std::ranges::sort(heads_, {}, [](const KnownHead& known) { return known.head.size; });
  }

  Result<AuditReport> run() {
    PEDIGREE_TRY(connection_.begin_snapshot());
    const auto done = all();
    (void)connection_.give_up();
    if (!done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  Result<void> all() {
    for (const char* table : {"event", "certificate", "device"}) {
      PEDIGREE_ASSIGN(const std::int64_t rows, number("SELECT count(*) FROM " + std::string(table)));
      rows_ += static_cast<std::uint64_t>(rows);
    }
    PEDIGREE_TRY(events());
    PEDIGREE_TRY(certificates());
    PEDIGREE_TRY(devices());
    PEDIGREE_TRY(vanished());
    PEDIGREE_TRY(revocations());
    PEDIGREE_TRY(stations());
    PEDIGREE_TRY(verify_issuer_orders(connection_, [this](const std::string& text) { find("{}", text); }));
    return signer_lists();
  }

  Result<std::int64_t> number(std::string_view sql) {
    Statement query = connection_.prepare(sql);
    if (query.step() != Statement::Step::row) return fail(ErrorCode::database_failure);
    return query.integer(0);
  }

  template <typename... Arguments>
  void find(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    if (report_.findings.size() == kMaxFindings) {
      ++report_.more;
      return;
    }
    report_.findings.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  void count() {
    if (++done_ % kTold == 0 && progress_) progress_(done_, rows_);
  }

  /// Calls `each(row)` for every row of a query.
  template <typename Each>
  Result<void> for_each(std::string_view sql, Each each) {
    Statement query = connection_.prepare_scan(sql);
    Statement::Step step = query.step();
    for (; step == Statement::Step::row; step = query.step()) PEDIGREE_TRY(each(query));
    if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
    return {};
  }

  // ---- the log itself ----

  Result<void> events() {
    PEDIGREE_TRY(check_heads());
    PEDIGREE_TRY(for_each("SELECT " + std::string(kEventColumns) + " FROM event ORDER BY number",
                          [this](const Statement& row) { return event(row); }));
    report_.head.size = frontier_.size();
    PEDIGREE_ASSIGN(report_.head.root, frontier_.root(crypto_));
    for (; next_head_ < heads_.size() && !gap_; ++next_head_) {
      find(
          "the log ends after {} events, and {} covers {}: the last ones were deleted, or the database is an "
          "older copy",
          frontier_.size(), heads_[next_head_].label, heads_[next_head_].head.size);
    }
    return {};
  }

  Result<void> event(const Statement& row) {
    const Event event = read_event(row);
    count();
    const auto place = static_cast<std::int64_t>(frontier_.size() + 1);
    if (event.number != place && !gap_) {
      find("events {} to {} are missing", place, event.number - 1);
      gap_ = true;  // nothing after it has its place any more
    }
    const auto logged = optional_array<Sha256>(row, 11);
    PEDIGREE_ASSIGN(const Sha256 leaf, registry::merkle::leaf_hash(crypto_, registry::encode_entry(event)));
    if (!logged) {
      find("{} was added without an entry in the log", describe(event));
    } else if (*logged != leaf) {
      find("{} is not what was logged: its row was changed", describe(event));
    }
    // With the hash that was logged, so that one changed row spoils no other comparison.
    PEDIGREE_TRY(frontier_.append(crypto_, logged.value_or(leaf),
                                  [this](unsigned level, std::uint64_t position, const Sha256& hash) {
                                    return node(level, position, hash);
                                  }));
    return check_heads();
  }

  Result<void> node(unsigned level, std::uint64_t position, const Sha256& hash) {
    if (gap_) return {};
    const Statement::Step step =
        kept_.bind(static_cast<std::int64_t>(level), static_cast<std::int64_t>(position)).step();
    if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
    const auto kept = step == Statement::Step::row ? optional_array<Sha256>(kept_, 0) : std::nullopt;
    kept_.reset();
    if (kept == hash) return {};
    const std::uint64_t first = position << level;
    find(
        "events {} to {} are not those that the log's tree was made of: one was changed together with its "
        "hash",
        first + 1, first + (std::uint64_t{1} << level));
    return {};
  }

  /// Compares the known heads of the size that the log has reached.
  Result<void> check_heads() {
    for (; next_head_ < heads_.size() && heads_[next_head_].head.size == frontier_.size(); ++next_head_) {
      const KnownHead& known = heads_[next_head_];
      PEDIGREE_ASSIGN(const Sha256 root, frontier_.root(crypto_));
      if (root == known.head.root && !gap_) {
        ++report_.heads;
      } else {
        find("{} covers {} events, and they are not the log's first {} any more", known.label,
             known.head.size, known.head.size);
      }
    }
    return {};
  }

  // ---- what the registry says, against the log ----

  Result<void> certificates() {
    const std::string sql =
        "SELECT " + std::string(kCertificateColumns) +
        ", (SELECT digest FROM event e WHERE e.device = c.device AND e.what = 'issued' AND e.serial = "
        "c.serial ORDER BY number LIMIT 1), (SELECT number FROM event e WHERE e.device = c.device AND e.what "
        "= 'revoked' AND "
        "e.serial = c.serial ORDER BY number LIMIT 1), crl_partition FROM certificate c ORDER BY number";
    return for_each(sql, [this](const Statement& row) -> Result<void> {
      count();
      ++report_.certificates;
      PEDIGREE_TRY(
          certificate(read_certificate(row), optional_array<Sha256>(row, 13), optional_integer(row, 14)));
      return crl_partition(read_certificate(row), optional_integer(row, 15));
    });
  }

  Result<void> certificate(const registry::Certificate& c, const std::optional<Sha256>& digest,
                           std::optional<std::int64_t> revoked) {
    const std::string what = fmt::format("certificate {} of device {}", hex(c.serial), hex(c.device));
    PEDIGREE_ASSIGN(const Sha256 sha256, crypto_.sha256(c.der));
    if (!digest) {
      find("{} was issued without an entry in the log", what);
    } else if (*digest != sha256) {
      find("{} is not the one that was logged", what);
    }
    const bool is_revoked = c.state == registry::CertificateState::revoked;
    if (is_revoked && !revoked) find("{} is revoked, and the log does not say so", what);
    if (!is_revoked && revoked) find("{} was revoked by event {}, and is not marked so", what, *revoked);
    const auto parsed = x509::Certificate::parse(c.der);
    if (!parsed) {
      find("{} cannot be read: {}", what, sentence(parsed.error().code));
      return {};
    }
    PEDIGREE_ASSIGN(const Sha256 key, crypto_.sha256(parsed->spki().whole));
    if (key != c.key || !equal(parsed->serial(), c.serial) || parsed->not_before() != c.not_before ||
        parsed->not_after() != c.not_after) {
      find("{}: its row has another key, serial number or validity than the certificate itself", what);
    }
    return {};
  }

  /// A row with another part than the certificate names would keep its revocation from who asks there.
  Result<void> crl_partition(const registry::Certificate& c, std::optional<std::int64_t> partition) {
    const std::optional<std::int64_t> named = named_partition(c);
    if (named == partition) return {};
    const auto text = [](const auto& part) { return part ? fmt::format("part {:08x}", *part) : "no part"; };
    find("certificate {} of device {} names {} of its issuer's CRL, and its row says {}", hex(c.serial),
         hex(c.device), text(named), text(partition));
    return {};
  }

  Result<void> devices() {
    // What a device's own events do not say, the import of its line says: that it is expected.
    const std::string sql =
        "SELECT d.id, d.state, coalesce((SELECT new_state FROM event e WHERE e.device = d.id AND new_state "
        "IS "
        "NOT NULL ORDER BY number DESC LIMIT 1), (SELECT 1 FROM event e WHERE e.number = d.import AND "
        "e.what = 'imported')), " +
        std::string(kListingColumns) + " FROM device d LEFT JOIN batch b ON b.number = d.batch ORDER BY d.id";
    const ListingVerification::Find say = [this](const std::string& text) { find("{}", text); };
    ListingVerification listing(crypto_, say);
    PEDIGREE_TRY(for_each(sql, [&](const Statement& row) -> Result<void> {
      count();
      ++report_.devices;
      device(hex(row.blob(0)), optional_state(row, 1), optional_state(row, 2));
      return listing.add(row, 3);
    }));
    return listing.finish(connection_);
  }

  void device(const std::string& id, std::optional<registry::DeviceState> state,
              std::optional<registry::DeviceState> logged) {
    if (!logged) {
      find("device {} is in the registry, and the log does not know it", id);
    } else if (state != logged) {
      find("device {} is {}, and the log says {}", id, name(state.value_or(registry::DeviceState{})),
           name(*logged));
    }
  }

  /// What the log knows and the registry does not.
  Result<void> vanished() {
    PEDIGREE_TRY(
        for_each("SELECT e.number, e.serial FROM event e WHERE e.what = 'issued' AND e.serial IS NOT "
                 "NULL AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.serial = e.serial)",
                 [this](const Statement& row) -> Result<void> {
                   find("certificate {}, issued by event {}, is not in the registry any more",
                        hex(row.blob(1)), row.integer(0));
                   return {};
                 }));
    return for_each(
        "SELECT DISTINCT e.device FROM event e WHERE e.new_state IS NOT NULL AND "
        "length(e.device) = 33 AND NOT EXISTS (SELECT 1 FROM device d WHERE d.id = e.device)",
        [this](const Statement& row) -> Result<void> {
          find("device {} is not in the registry any more", hex(row.blob(0)));
          return {};
        });
  }

  /// Revoked intermediates and signers: a row for each event, and an event for each row.
  Result<void> revocations() {
    std::set<std::string> rows;
    PEDIGREE_TRY(for_each("SELECT " + std::string(kIssuerRevocationColumns) + " FROM issuer_revocation",
                          [&](const Statement& row) -> Result<void> {
                            rows.insert(text_of(event_of(read_issuer_revocation(row))));
                            return {};
                          }));
    PEDIGREE_TRY(for_each("SELECT " + std::string(kSignerRevocationColumns) + " FROM signer_revocation",
                          [&](const Statement& row) -> Result<void> {
                            rows.insert(text_of(event_of(read_signer_revocation(row))));
                            return {};
                          }));
    std::set<std::string> logged;
    PEDIGREE_TRY(for_each("SELECT " + std::string(kEventColumns) + " FROM event WHERE device = " +
                              no_device(connection_) + " AND what IN ('issuer_revoked', 'signer_revoked')",
                          [&](const Statement& row) -> Result<void> {
                            logged.insert(text_of(read_event(row)));
                            return {};
                          }));
    for (const std::string& row : rows) {
      if (!logged.contains(row)) find("a revocation is not what was logged: {}", row);
    }
    for (const std::string& event : logged) {
      if (!rows.contains(event)) find("a revocation that was logged is gone: {}", event);
    }
    return {};
  }

  /// A station is what the last event about it says.
  Result<void> stations() {
    std::map<std::string, std::string> logged;  // by name
    PEDIGREE_TRY(for_each("SELECT why FROM event WHERE device = " + no_device(connection_) +
                              " AND what = 'station' ORDER BY number",
                          [&](const Statement& row) -> Result<void> {
                            const std::string text(row.text(0));
                            logged[text.substr(0, text.find(':'))] = text;
                            return {};
                          }));
    PEDIGREE_TRY(
        for_each("SELECT name, certificate, enabled FROM station", [&](const Statement& row) -> Result<void> {
          const registry::Station station{
              std::string(row.text(0)), optional_array<Sha256>(row, 1), row.integer(2) != 0, 0, 0, 0};
          const auto last = logged.extract(station.name);
          const std::string text = registry::station_text(station);
          if (last.empty() || !last.mapped().starts_with(text + ": ")) {
            find("a station is not what was logged: {}", text);
          }
          return {};
        }));
    for (const auto& [name, text] : logged) find("a station that was logged is gone: {}", text);
    return {};
  }

  Result<void> signer_lists() {
    return for_each(
        "SELECT number, message, (SELECT digest FROM event e WHERE e.device = " + no_device(connection_) +
            " AND e.what = 'signer_list' AND e.why = CAST(l.number AS TEXT) ORDER BY number LIMIT 1) FROM "
            "signer_list l",
        [this](const Statement& row) -> Result<void> {
          PEDIGREE_ASSIGN(const Sha256 sha256, crypto_.sha256(row.blob(1)));
          if (optional_array<Sha256>(row, 2) != sha256) {
            find("list {} of revoked signers is not the one that was logged", row.integer(0));
          }
          return {};
        });
  }

  Connection& connection_;
  const crypto::Crypto& crypto_;
  Statement kept_;
  std::vector<KnownHead> heads_;
  const AuditProgress& progress_;
  std::size_t next_head_ = 0;
  Frontier frontier_;
  bool gap_ = false;
  std::uint64_t done_ = 0;
  std::uint64_t rows_ = 0;
  AuditReport report_;
};

}  // namespace

Result<AuditReport> verify_audit(Connection& connection, const crypto::Crypto& crypto,
                                 std::vector<KnownHead> heads, const AuditProgress& progress) {
  return Verification(connection, crypto, std::move(heads), progress).run();
}

Result<std::vector<registry::SignedHead>> signed_heads(Connection& connection) {
  std::vector<registry::SignedHead> heads;
  Statement query = connection.prepare("SELECT size, at, note FROM checkpoint ORDER BY size");
  Statement::Step step = query.step();
  for (; step == Statement::Step::row; step = query.step()) heads.push_back(read_signed_head(query));
  if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
  return heads;
}

}  // namespace pedigree::store
