// SPDX-License-Identifier: Apache-2.0
#include "server/store/writes.h"

#include "server/store/rows.h"

namespace pedigree::store {

using registry::Conflict;
using registry::DeviceState;
using registry::Outcome;

namespace {

std::string select_certificate(std::string_view rest) {
  return "SELECT " + std::string(kCertificateColumns) + " FROM certificate " + std::string(rest);
}

}  // namespace

Writes::Writes(Connection& connection, AuditLog& log)
    : connection_(connection),
      log_(log),
      find_device_(connection.prepare("SELECT state, profiles, resume FROM device WHERE id = ?1")),
      insert_device_(connection.prepare("INSERT INTO device (id, state, profiles, created, changed) "
                                        "VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (id) DO NOTHING")),
      update_device_(connection.prepare("UPDATE device SET state = ?2, changed = ?3 WHERE id = ?1")),
      resume_device_(connection.prepare("UPDATE device SET resume = ?2 WHERE id = ?1")),
      find_key_(connection.prepare(select_certificate("WHERE key = ?1"))),
      find_live_(connection.prepare(select_certificate("WHERE device = ?1 AND profile = ?2 AND state <> 3"))),
      find_any_live_(connection.prepare(select_certificate("WHERE device = ?1 AND state <> 3 LIMIT 1"))),
      find_serial_(connection.prepare(select_certificate("WHERE serial = ?1"))),
      find_revoked_(connection.prepare(select_certificate(
          "WHERE device = ?1 AND state = 3 ORDER BY revoked_at DESC, number DESC LIMIT 1"))),
      insert_certificate_(
          connection.prepare("INSERT INTO certificate (number, serial, device, profile, issuer, key, state, "
                             "not_before, not_after, "
                             "issued_at, reason, der, crl_partition) VALUES ((SELECT "
                             "coalesce(max(number), 0) + 1 FROM "
                             "certificate), ?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, 0, ?9, ?10)")),
      mark_active_(connection.prepare(
          "UPDATE certificate SET state = 2, receipt_at = ?2 WHERE serial = ?1 AND state = 1")),
      mark_revoked_(connection.prepare(
          "UPDATE certificate SET state = 3, revoked_at = ?2, reason = ?3 WHERE serial = ?1 AND state <> 3")),
      find_issuer_revocation_(connection.prepare("SELECT " + std::string(kIssuerRevocationColumns) +
                                                 " FROM issuer_revocation WHERE name = ?1")),
      insert_issuer_revocation_(connection.prepare("INSERT INTO issuer_revocation (" +
                                                   std::string(kIssuerRevocationColumns) +
                                                   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")),
      find_issuer_order_(connection.prepare("SELECT state FROM issuer_order WHERE name = ?1")),
      put_issuer_order_(connection.prepare(
          "INSERT INTO issuer_order (" + std::string(kIssuerOrderColumns) +
          ") VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET state = excluded.state, "
          "ordered_at = excluded.ordered_at, who = excluded.who, place = excluded.place, why = "
          "excluded.why")),
      find_signer_revocation_(connection.prepare("SELECT " + std::string(kSignerRevocationColumns) +
                                                 " FROM signer_revocation WHERE key = ?1")),
      count_signer_revocations_(connection.prepare("SELECT count(*) FROM signer_revocation")),
      insert_signer_revocation_(connection.prepare("INSERT INTO signer_revocation (" +
                                                   std::string(kSignerRevocationColumns) +
                                                   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)")),
      last_signer_list_(connection.prepare("SELECT coalesce(max(number), 0) FROM signer_list")),
      insert_signer_list_(
          connection.prepare("INSERT INTO signer_list (number, issued_at, message) VALUES (?1, ?2, ?3)")),
      find_signed_head_(connection.prepare("SELECT size, at, note FROM checkpoint WHERE size = ?1")),
      insert_signed_head_(connection.prepare("INSERT INTO checkpoint (size, at, note) VALUES (?1, ?2, ?3)")),
      find_token_(connection.prepare(
          "SELECT t.device, t.profiles, t.expires_at, t.serial, c.key FROM enrol_token AS t "
          "LEFT JOIN certificate AS c ON c.serial = t.serial WHERE t.hash = ?1")),
      insert_token_(
          connection.prepare("INSERT INTO enrol_token (hash, device, profiles, who, made_at, expires_at) "
                             "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (hash) DO NOTHING")),
      use_token_(connection.prepare("UPDATE enrol_token SET serial = ?2 WHERE hash = ?1 AND serial IS NULL")),
      put_unconfirmed_(connection.prepare(
          "INSERT INTO unconfirmed (signer, transaction_id, serial, reused, expires_at) "
          "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (signer, transaction_id) DO UPDATE SET serial = "
          "excluded.serial, reused = excluded.reused, expires_at = excluded.expires_at")),
      forget_unconfirmed_(
          connection.prepare("DELETE FROM unconfirmed WHERE signer = ?1 AND transaction_id = ?2")),
      expire_unconfirmed_(connection.prepare("DELETE FROM unconfirmed WHERE expires_at <= ?1")),
      list_device_(connection.prepare(
          "INSERT INTO device (id, state, profiles, created, changed, batch, product, label, import, seal) "
          "VALUES (?1, 1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING")),
      find_listing_(connection.prepare("SELECT d.profiles, d.product, d.label, b.name FROM device AS d "
                                       "LEFT JOIN batch AS b ON b.number = d.batch WHERE d.id = ?1")),
      find_batch_(connection.prepare("SELECT number FROM batch WHERE name = ?1")),
      insert_batch_(connection.prepare("INSERT INTO batch (number, name, made_at, who, imported) "
                                       "SELECT coalesce(max(number), 0) + 1, ?1, ?2, ?3, 0 FROM batch")),
      count_batch_(connection.prepare("UPDATE batch SET imported = imported + ?2 WHERE number = ?1")),
      device_station_(
          connection.prepare("UPDATE device SET station = ?2 WHERE id = ?1 AND (station IS NULL OR "
                             "station <> ?2)")),
      find_station_(connection.prepare("SELECT certificate, enabled FROM station WHERE name = ?1")),
      upsert_station_(connection.prepare(
          "INSERT INTO station (name, certificate, enabled, changed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
          "(name) DO UPDATE SET certificate = excluded.certificate, enabled = excluded.enabled, "
          "changed = excluded.changed")),
      count_issued_(connection.prepare(
          "INSERT INTO station_day (station, day, issued, refused) VALUES (?1, ?2, 1, 0) ON CONFLICT "
          "(station, day) DO UPDATE SET issued = station_day.issued + 1 WHERE station_day.issued < ?3")),
      count_refused_(connection.prepare(
          "INSERT INTO station_day (station, day, issued, refused) VALUES (?1, ?2, 0, 1) ON CONFLICT "
          "(station, day) DO UPDATE SET refused = station_day.refused + 1")),
      find_refused_(connection.prepare("SELECT refused FROM station_day WHERE station = ?1 AND day = ?2")) {
  // In SQLite triggers count.
  if (connection.dialect() == Dialect::postgresql) {
    count_generation_ = connection.prepare("UPDATE generation SET number = number + 1");
  }
}

void Writes::foresee(const registry::Asking& asking, int wave) {
  if (wave != 0) return;
  foresee(asking.station);
  find_device_.bind(asking.device).foresee();
}

void Writes::foresee(const registry::Issuance& issuance, int wave) {
  if (wave != 0) return;
  const registry::Certificate& certificate = issuance.certificate;
  foresee(issuance.station);
  find_device_.bind(certificate.device).foresee();
  find_issuer_revocation_.bind(std::string_view(certificate.issuer)).foresee();
  find_issuer_order_.bind(std::string_view(certificate.issuer)).foresee();
  for (const std::string& parent : issuance.parents) {
    find_issuer_revocation_.bind(std::string_view(parent)).foresee();
  }
  if (issuance.token) find_token_.bind(*issuance.token).foresee();
  find_key_.bind(certificate.key).foresee();
  find_live_.bind(certificate.device, std::string_view(certificate.profile)).foresee();
}

void Writes::foresee(const registry::Serial& serial, int wave) {
  if (wave == 0) return find_serial_.bind(serial).foresee();
  const auto found = find_one(find_serial_.bind(serial));
  if (found && *found) find_device_.bind((*found)->device).foresee();
}

void Writes::foresee(const std::optional<registry::StationClaim>& station) {
  if (station) find_station_.bind(std::string_view(station->name)).foresee();
}

Result<void> Writes::count_generation() {
  if (connection_.dialect() == Dialect::sqlite) return {};
  return count_generation_.bind().run_on({});
}

Result<std::optional<registry::Certificate>> Writes::find_one(Statement& query) {
  const Statement::Step step = query.step();
  if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
  std::optional<registry::Certificate> found;
  if (step == Statement::Step::row) found = read_certificate(query);
  query.reset();
  return found;
}

Outcome<Writes::State> Writes::admit(const registry::DeviceId& device, std::string_view profile,
                                     bool listed_only) {
  const Statement::Step step = find_device_.bind(device).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::done) {
    if (listed_only) return refuse(ErrorCode::unknown_device);
    return State{};
  }
  const auto state = static_cast<DeviceState>(find_device_.integer(0));
  const bool listed = profile.empty() || lists(find_device_.text(1), profile);
  find_device_.reset();
  if (state == DeviceState::suspended) return refuse(ErrorCode::device_suspended);
  if (state == DeviceState::retired) return refuse(ErrorCode::retired);
  if (state == DeviceState::revoked) {
    auto revoked = find_one(find_revoked_.bind(device));
    if (!revoked) return broken();
    return refuse(ErrorCode::device_revoked, *std::move(revoked));
  }
  if (!listed) return refuse(ErrorCode::unknown_profile);
  return State{state};
}

Outcome<void> Writes::ask(const registry::Asking& asking) {
  const Occasion occasion{asking.device, asking.actor, asking.when};
  if (const auto admitted = admit_station(occasion, asking.station); !admitted) return admitted;
  const auto state = admit(asking.device, asking.profile, asking.listed_only);
  if (!state) return std::unexpected(state.error());
  if (*state && **state != DeviceState::expected) return {};
  if (!set_state(occasion, *state, DeviceState::pending)) return broken();
  if (!set_station_of(asking.device, asking.station)) return broken();
  if (!note(occasion, "asked", *state, DeviceState::pending, asking.profile)) return broken();
  return {};
}

Result<void> Writes::set_state(const Occasion& occasion, State from, DeviceState to) {
  if (!from) {
    return insert_device_.bind(occasion.device, to, std::string_view(), occasion.when)
        .run_on({occasion.device});
  }
  if (*from > DeviceState::active || to > DeviceState::active) PEDIGREE_TRY(count_generation());
  return update_device_.bind(occasion.device, to, occasion.when).run_on({occasion.device});
}

Result<void> Writes::note(const Occasion& occasion, std::string_view what, State from, State to,
                          std::string_view why, const Subject& subject) {
  registry::Event event{0,  occasion.device,  occasion.when,  occasion.actor, std::string(what), from,
                        to, std::string(why), subject.serial, subject.digest};
  return log_.append(event);
}

Result<std::optional<Conflict>> Writes::find_conflict(const registry::Certificate& certificate) {
  PEDIGREE_ASSIGN(auto same_key, find_one(find_key_.bind(certificate.key)));
  if (same_key) {
    const bool same = same_key->device == certificate.device && same_key->profile == certificate.profile;
    const bool revoked = same_key->state == registry::CertificateState::revoked;
    const ErrorCode code = !same     ? ErrorCode::duplicate_key
                           : revoked ? ErrorCode::revoked
                                     : ErrorCode::duplicate;
    return Conflict{code, std::move(same_key)};
  }
  PEDIGREE_ASSIGN(auto live,
                  find_one(find_live_.bind(certificate.device, std::string_view(certificate.profile))));
  if (live) return Conflict{ErrorCode::second_key, std::move(live)};
  return std::nullopt;
}

Outcome<void> Writes::alarm(const registry::Issuance& issuance, const Conflict& conflict) {
  const Occasion occasion{issuance.certificate.device, issuance.actor, issuance.certificate.issued_at};
  std::string why(name(conflict.code));
  why += ": key " + registry::hex(issuance.certificate.key) + " for " + issuance.certificate.profile +
         "; in the way is serial " + registry::hex(conflict.certificate->serial) + " of device " +
         registry::hex(conflict.certificate->device);
  if (!note(occasion, "alarm", {}, {}, why)) return broken();
  if (conflict.certificate->device == issuance.certificate.device) return {};
  // The owner of the key learns of it too.
  if (!note({conflict.certificate->device, issuance.actor, occasion.when}, "alarm", {}, {},
            why + ", asked by device " + registry::hex(issuance.certificate.device))) {
    return broken();
  }
  return {};
}

Result<void> Writes::insert(const registry::Certificate& c) {
  std::optional<std::int64_t> partition;
  if (c.crl_partition) partition = *c.crl_partition;
  return insert_certificate_
      .bind(c.serial, c.device, std::string_view(c.profile), std::string_view(c.issuer), c.key, c.not_before,
            c.not_after, c.issued_at, c.der, partition)
      .run_on({c.serial, c.device, c.key});
}

Outcome<void> Writes::admit_issuers(const registry::Issuance& issuance) {
  const auto revoked = [&](std::string_view name) {
    const Statement::Step step = find_issuer_revocation_.bind(name).step();
    find_issuer_revocation_.reset();
    return step;
  };
  Statement::Step step = revoked(issuance.certificate.issuer);
  for (const std::string& parent : issuance.parents) {
    if (step == Statement::Step::done) step = revoked(parent);
  }
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::row) return refuse(ErrorCode::issuer_revoked);
  return {};
}

Outcome<registry::Issued> Writes::issue(const registry::Issuance& issuance) {
  auto issued = issue_one(issuance);
  if (!issued || !issuance.unconfirmed) return issued;
  if (!keep_unconfirmed(*issuance.unconfirmed, *issued, issuance.certificate.issued_at)) return broken();
  return issued;
}

Outcome<registry::Issued> Writes::issue_one(const registry::Issuance& issuance) {
  const registry::Certificate& certificate = issuance.certificate;
  const Occasion occasion{certificate.device, issuance.actor, certificate.issued_at};
  if (const auto admitted = admit_station(occasion, issuance.station); !admitted) {
    return std::unexpected(admitted.error());
  }
  const auto state = admit(certificate.device, certificate.profile, issuance.listed_only);
  if (!state) return std::unexpected(state.error());
  if (const auto admitted = admit_issuers(issuance); !admitted) return std::unexpected(admitted.error());
  if (const auto admitted = admit_token(issuance); !admitted) return std::unexpected(admitted.error());
  auto conflict = find_conflict(certificate);
  if (!conflict) return broken();
  if (*conflict && (*conflict)->code == ErrorCode::duplicate) {
    return registry::Issued{std::move(*(*conflict)->certificate), true};
  }
  // Only what is new: a retired intermediate's certificates are still given out again.
  if (const auto admitted = admit_state(certificate.issuer); !admitted) {
    return std::unexpected(admitted.error());
  }
  if (*conflict && !replaces(issuance, **conflict)) {
    if (const auto noted = alarm(issuance, **conflict); !noted) return std::unexpected(noted.error());
    return std::unexpected(std::move(**conflict));
  }
  // Before anything is changed: what a refusal leaves is committed.
  if (const auto counted = count_issued(occasion, issuance.station); !counted) {
    return std::unexpected(counted.error());
  }
  if (*conflict && !supersede(issuance, **conflict, state->value_or(DeviceState::issued))) return broken();
  // An active device that gets a further certificate stays active.
  const DeviceState to = *state == DeviceState::active ? DeviceState::active : DeviceState::issued;
  if (*state != to && !set_state(occasion, *state, to)) return broken();
  if (!insert(certificate) || !set_station_of(certificate.device, issuance.station)) return broken();
  if (issuance.token && !use_token_.bind(*issuance.token, certificate.serial).run_on({*issuance.token})) {
    return broken();
  }
  const auto digest = log_.crypto().sha256(certificate.der);
  if (!digest) return broken();
  if (!note(occasion, "issued", *state, to, certificate.profile + " " + registry::hex(certificate.serial),
            {certificate.serial, *digest})) {
    return broken();
  }
  return registry::Issued{certificate, false};
}

Outcome<DeviceState> Writes::activate(const registry::Serial& serial, const registry::Actor& actor,
                                      der::UnixTime when) {
  const auto found = find_one(find_serial_.bind(serial));
  if (!found) return broken();
  if (!*found) return refuse(ErrorCode::not_found);
  const auto state = admit((*found)->device, {}, false);
  if (!state) return std::unexpected(state.error());
  if ((*found)->state == registry::CertificateState::revoked) return refuse(ErrorCode::revoked, *found);
  const Occasion occasion{(*found)->device, actor, when};
  const bool marked = (*found)->state == registry::CertificateState::active;
  if (marked && *state == DeviceState::active) return DeviceState::active;
  if (!marked && !mark_active_.bind(serial, when).run_on({serial, (*found)->device, (*found)->key})) {
    return broken();
  }
  if (*state != DeviceState::active && !set_state(occasion, *state, DeviceState::active)) return broken();
  if (!note(occasion, "receipt", *state, DeviceState::active, (*found)->profile + " " + registry::hex(serial),
            {serial, {}})) {
    return broken();
  }
  return DeviceState::active;
}

Outcome<registry::Certificate> Writes::revoke(const registry::Revocation& revocation) {
  if (const auto checked = check_texts(revocation.actor, revocation.why); !checked)
    return std::unexpected(checked.error());
  auto found = find_one(find_serial_.bind(revocation.serial));
  if (!found) return broken();
  if (!*found) return refuse(ErrorCode::not_found);
  registry::Certificate certificate = *std::move(*found);
  if (certificate.state == registry::CertificateState::revoked) return certificate;
  if (find_device_.bind(certificate.device).step() != Statement::Step::row) return broken();
  const auto from = static_cast<DeviceState>(find_device_.integer(0));
  find_device_.reset();
  const Occasion occasion{certificate.device, revocation.actor, revocation.when};
  const bool whole = registry::revokes_device(revocation.reason);
  const DeviceState to = whole && from != DeviceState::retired ? DeviceState::revoked : from;
  if (!revoke_one(revocation, certificate, from, to)) return broken();
  if (to != from && !set_state(occasion, from, to)) return broken();
  // A device that is taken out keeps no certificate that a relying party would still believe.
  while (whole) {
    auto other = find_one(find_any_live_.bind(certificate.device));
    if (!other) return broken();
    if (!*other) break;
    if (!revoke_one(revocation, **other, to, to)) return broken();
  }
  return certificate;
}

Result<void> Writes::revoke_one(const registry::Revocation& revocation, registry::Certificate& certificate,
                                DeviceState from, DeviceState to) {
  PEDIGREE_TRY(mark_revoked_.bind(certificate.serial, revocation.when, revocation.reason)
                   .run_on({certificate.serial, certificate.device, certificate.key}));
  PEDIGREE_TRY(count_generation());
  certificate.state = registry::CertificateState::revoked;
  certificate.revoked_at = revocation.when;
  certificate.reason = revocation.reason;
  const std::string why = std::string(x509::name(revocation.reason)) + " " + certificate.profile + " " +
                          registry::hex(certificate.serial) + ": " + revocation.why;
  return note({certificate.device, revocation.actor, revocation.when}, "revoked", from, to, why,
              {certificate.serial, {}});
}

Outcome<registry::SignerRevocation> Writes::revoke_signer(const registry::SignerRevocation& revocation) {
  if (const auto checked = check_texts(revocation.actor, revocation.why); !checked)
    return std::unexpected(checked.error());
  Statement::Step step = find_signer_revocation_.bind(revocation.key).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::row) {
    auto known = read_signer_revocation(find_signer_revocation_);
    find_signer_revocation_.reset();
    return known;
  }
  step = count_signer_revocations_.bind().step();
  if (step != Statement::Step::row) return broken();
  const bool full = count_signer_revocations_.integer(0) >= std::int64_t{registry::kMaxRevokedSigners};
  count_signer_revocations_.reset();
  if (full) return refuse(ErrorCode::too_many);
  const bool inserted = insert_signer_revocation_
                            .bind(revocation.key, std::string_view(revocation.name), revocation.when,
                                  std::string_view(revocation.actor.who),
                                  std::string_view(revocation.actor.from), std::string_view(revocation.why))
                            .run()
                            .has_value();
  if (!inserted) return broken();
  if (!log_.append(event_of(revocation))) return broken();
  return revocation;
}

Outcome<registry::SignerList> Writes::add_signer_list(const registry::SignerList& list) {
  const auto number = static_cast<std::int64_t>(list.number);
  if (last_signer_list_.bind().step() != Statement::Step::row) return broken();
  const bool is_newer = number > last_signer_list_.integer(0);
  last_signer_list_.reset();
  if (!is_newer) return refuse(ErrorCode::list_rolled_back);
  if (!insert_signer_list_.bind(number, list.issued_at, list.message).run()) return broken();
  const auto digest = log_.crypto().sha256(list.message);
  if (!digest || !log_.append(list_event(number, list.issued_at, *digest))) return broken();
  return list;
}

Outcome<registry::SignedHead> Writes::add_signed_head(const registry::SignedHead& head) {
  const auto size = static_cast<std::int64_t>(head.size);
  const Statement::Step step = find_signed_head_.bind(size).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::row) {
    auto known = read_signed_head(find_signed_head_);
    find_signed_head_.reset();
    return known;
  }
  if (!insert_signed_head_.bind(size, head.when, std::string_view(head.note)).run()) return broken();
  return head;
}

Outcome<DeviceState> Writes::change_state(const registry::StateChange& change) {
  if (const auto checked = check_texts(change.actor, change.why); !checked)
    return std::unexpected(checked.error());
  const Statement::Step step = find_device_.bind(change.device).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::done) return refuse(ErrorCode::not_found);
  const auto from = static_cast<DeviceState>(find_device_.integer(0));
  const auto resume =
      find_device_.is_null(2) ? DeviceState::pending : static_cast<DeviceState>(find_device_.integer(2));
  find_device_.reset();
  if (from == change.to) return from;
  if (!registry::operator_may_change(from, change.to)) return refuse(ErrorCode::wrong_state);
  const DeviceState to =
      from == DeviceState::suspended && change.to == DeviceState::active ? resume : change.to;
  const Occasion occasion{change.device, change.actor, change.when};
  if (to == DeviceState::suspended && !resume_device_.bind(change.device, from).run()) return broken();
  if (!set_state(occasion, from, to) || !note(occasion, "state", from, to, change.why)) return broken();
  return to;
}

}  // namespace pedigree::store
