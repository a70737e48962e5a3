// SPDX-License-Identifier: Apache-2.0
#include "server/store/audit_log.h"

#include "registry/audit_entry.h"
#include "server/store/rows.h"

namespace pedigree::store {
namespace {

using registry::Event;
using registry::merkle::Frontier;
using registry::merkle::leaf_hash;

constexpr const char* kInsertNode = "INSERT INTO audit_node (level, position, hash) VALUES (?1, ?2, ?3)";

/// An event that is no device's.
Event own_event(std::string what, der::UnixTime when, registry::Actor actor, std::string why) {
  Event event;
  event.what = std::move(what);
  event.when = when;
  event.actor = std::move(actor);
  event.why = std::move(why);
  return event;
}

/// Zeros stand for the authority itself, which has no device's identifier.
Bytes device_column(const Event& event) {
  if (event.device == registry::DeviceId{}) return as_bytes("");
  return event.device;
}

auto keep_in(Statement& insert) {
  return [&insert](unsigned level, std::uint64_t number, const Sha256& hash) -> Result<void> {
    return insert.bind(static_cast<std::int64_t>(level), static_cast<std::int64_t>(number), hash).run_on({});
  };
}

}  // namespace

Event event_of(const registry::IssuerRevocation& revocation) {
  return own_event("issuer_revoked", revocation.when, revocation.actor,
                   revocation.name + " below " + revocation.parent + " " + registry::hex(revocation.serial) +
                       ": " + std::string(x509::name(revocation.reason)) + ", " + revocation.why);
}

Event event_of(const registry::IssuerOrder& order) {
  // A name has no space, so that the state can be read from the event again.
  return own_event("issuer_state", order.when, order.actor,
                   order.name + " " + std::string(registry::name(order.state)) + ": " + order.why);
}

Event event_of(const registry::AuthorityEvent& event) {
  Event own = own_event(event.what, event.when, event.actor, event.why);
  own.digest = event.digest;
  return own;
}

Event event_of(const registry::SignerRevocation& revocation) {
  return own_event("signer_revoked", revocation.when, revocation.actor,
                   registry::hex(revocation.key) + " " + revocation.name + ": " + revocation.why);
}

Event list_event(std::int64_t number, der::UnixTime issued_at, const Sha256& digest) {
  Event event = own_event("signer_list", issued_at, {"authority", "local"}, std::to_string(number));
  event.digest = digest;
  return event;
}

AuditNodes::AuditNodes(const Connection& connection)
    : leaves_(
          connection.prepare("SELECT leaf FROM event WHERE number > ?1 AND number <= ?2 ORDER BY number")),
      nodes_(connection.prepare("SELECT hash FROM audit_node WHERE level = ?3 AND position >= ?1 AND "
                                "position < ?2 ORDER BY position")),
      size_(connection.prepare("SELECT coalesce(max(number), 0) FROM event")) {}

Result<std::vector<Sha256>> AuditNodes::read(unsigned level, std::uint64_t first, std::size_t count) {
  const auto begin = static_cast<std::int64_t>(first);
  const auto end = static_cast<std::int64_t>(first + count);
  Statement& query =
      level == 0 ? leaves_.bind(begin, end) : nodes_.bind(begin, end, static_cast<std::int64_t>(level));
  std::vector<Sha256> hashes;
  Statement::Step step = query.step();
  for (; step == Statement::Step::row; step = query.step()) query.blob(0, hashes.emplace_back());
  if (step == Statement::Step::failed || hashes.size() != count) return fail(ErrorCode::database_failure);
  return hashes;
}

Result<std::uint64_t> AuditNodes::size() {
  if (size_.bind().step() != Statement::Step::row) return fail(ErrorCode::database_failure);
  const std::int64_t size = size_.integer(0);
  size_.reset();
  return static_cast<std::uint64_t>(size);
}

AuditLog::AuditLog(Connection& connection, const crypto::Crypto& crypto)
    : crypto_(crypto),
      dialect_(connection.dialect()),
      nodes_(connection),
      insert_event_(connection.prepare(
          "INSERT INTO event (number, device, at, who, place, what, old_state, new_state, why, serial, "
          "digest, leaf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")),
      insert_node_(connection.prepare(kInsertNode)) {
  if (dialect_ == Dialect::sqlite) return;
  head_ = connection.prepare("SELECT size, peaks FROM log_head WHERE one = 1 FOR UPDATE");
  update_head_ = connection.prepare("UPDATE log_head SET size = ?1, peaks = ?2 WHERE one = 1");
}

Result<void> AuditLog::read_head() {
  if (head_.bind().step() != Statement::Step::row) return fail(ErrorCode::database_failure);
  written_ = static_cast<std::uint64_t>(head_.integer(0));
  if (!known_ || frontier_.size() != written_) {
    auto frontier = Frontier::restore(written_, head_.blob(1));
    if (!frontier) return fail(ErrorCode::database_failure);
    frontier_ = *std::move(frontier);
    known_ = true;
  }
  head_.reset();
  return {};
}

Result<void> AuditLog::end() {
  if (dialect_ == Dialect::sqlite || written_ == frontier_.size()) return {};
  const std::vector<std::uint8_t> peaks = frontier_.peaks();
  return update_head_.bind(static_cast<std::int64_t>(frontier_.size()), peaks).run_on({});
}

Result<void> AuditLog::begin() {
  if (dialect_ == Dialect::postgresql) return read_head();
  PEDIGREE_ASSIGN(const std::uint64_t size, nodes_.size());
  if (known_ && frontier_.size() == size) return {};
  PEDIGREE_ASSIGN(frontier_, Frontier::load(crypto_, size, nodes_));
  known_ = true;
  return {};
}

Result<void> AuditLog::append(const Event& event) {
  PEDIGREE_ASSIGN(const Sha256 leaf, leaf_hash(crypto_, encode_entry(event)));
  PEDIGREE_TRY(insert(event, leaf));
  return frontier_.append(crypto_, leaf, keep_in(insert_node_));
}

Result<void> AuditLog::insert(const Event& event, const Sha256& leaf) {
  return insert_event_
      .bind(static_cast<std::int64_t>(frontier_.size() + 1), device_column(event), event.when,
            std::string_view(event.actor.who), std::string_view(event.actor.from),
            std::string_view(event.what), event.from, event.to, std::string_view(event.why), event.serial,
            event.digest, leaf)
      .run_on({});
}

namespace {

/// Reads old events in order and writes their leaves.
class Migration {
 public:
  Migration(Connection& connection, const crypto::Crypto& crypto)
      : crypto_(crypto),
        next_(connection.prepare("SELECT " + std::string(kEventColumns) +
                                 " FROM event WHERE number > ?1 ORDER BY number LIMIT 1")),
        certificate_(connection.prepare("SELECT der FROM certificate WHERE serial = ?1")),
        update_(connection.prepare("UPDATE event SET number = ?2, serial = ?3, digest = ?4, leaf = ?5 "
                                   "WHERE number = ?1")),
        insert_node_(connection.prepare(kInsertNode)) {}

  Result<void> run() {
    for (;;) {
      const Statement::Step step = next_.bind(last_).step();
      if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
      if (step == Statement::Step::done) return {};
      Event event = read_event(next_);
      next_.reset();
      PEDIGREE_TRY(log(event));
    }
  }

 private:
  Result<void> log(Event& event) {
    PEDIGREE_TRY(add_certificate(event));
    PEDIGREE_ASSIGN(const Sha256 leaf, leaf_hash(crypto_, encode_entry(event)));
    // A place in the log for each, whatever gaps the numbers had.
    const auto number = static_cast<std::int64_t>(frontier_.size() + 1);
    PEDIGREE_TRY(update_.bind(event.number, number, event.serial, event.digest, leaf).run());
    last_ = event.number;
    return frontier_.append(crypto_, leaf, keep_in(insert_node_));
  }

  /// Events told the serial number in their text alone: "profile serial", or "reason profile serial: why".
  Result<void> add_certificate(Event& event) {
    if (event.what != "issued" && event.what != "receipt" && event.what != "revoked") return {};
    const std::string_view words = std::string_view(event.why).substr(0, event.why.find(':'));
    const auto serial = registry::parse_serial(words.substr(words.rfind(' ') + 1));
    if (!serial) return {};
    event.serial = *serial;
    if (event.what != "issued") return {};
    const Statement::Step step = certificate_.bind(*serial).step();
    if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
    if (step == Statement::Step::row) {
      const auto digest = crypto_.sha256(certificate_.blob(0));
      if (!digest) return std::unexpected(digest.error());
      event.digest = *digest;
    }
    certificate_.reset();
    return {};
  }

  const crypto::Crypto& crypto_;
  Statement next_, certificate_, update_, insert_node_;
  Frontier frontier_;
  std::int64_t last_ = 0;
};

}  // namespace

Result<void> log_old_events(Connection& connection, const crypto::Crypto& crypto) {
  PEDIGREE_TRY(Migration(connection, crypto).run());
  // What was revoked beside the devices had rows and no events.
  AuditLog log(connection, crypto);
  PEDIGREE_TRY(log.begin());
  std::vector<Event> events;
  Statement issuers = connection.prepare("SELECT " + std::string(kIssuerRevocationColumns) +
                                         " FROM issuer_revocation ORDER BY revoked_at, name");
  while (issuers.step() == Statement::Step::row) events.push_back(event_of(read_issuer_revocation(issuers)));
  Statement signers = connection.prepare("SELECT " + std::string(kSignerRevocationColumns) +
                                         " FROM signer_revocation ORDER BY revoked_at, key");
  while (signers.step() == Statement::Step::row) events.push_back(event_of(read_signer_revocation(signers)));
  Statement lists = connection.prepare("SELECT number, issued_at, message FROM signer_list ORDER BY number");
  while (lists.step() == Statement::Step::row) {
    PEDIGREE_ASSIGN(const Sha256 digest, crypto.sha256(lists.blob(2)));
    events.push_back(list_event(lists.integer(0), lists.integer(1), digest));
  }
  for (const Event& event : events) PEDIGREE_TRY(log.append(event));
  return {};
}

}  // namespace pedigree::store
