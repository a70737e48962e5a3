// SPDX-License-Identifier: Apache-2.0
// What protocols beside /v1 need of the registry's changes: one-time tokens, replacing a certificate, and
// what CMP's clients have yet to confirm; and grants.
#include "server/store/rows.h"
#include "server/store/writes.h"

namespace pedigree::store {

using registry::Conflict;
using registry::Outcome;

Outcome<void> Writes::add_token(const registry::EnrolToken& token) {
  const bool inserted = insert_token_
                            .bind(token.hash, token.device, std::string_view(token.profiles),
                                  std::string_view(token.actor.who), token.made_at, token.expires_at)
                            .run()
                            .has_value();
  if (!inserted) return refuse(ErrorCode::database_failure);
  if (connection_.changes() == 0) return refuse(ErrorCode::duplicate);
  return {};
}

Outcome<registry::DeviceState> Writes::note_grant(const registry::GrantNote& note) {
  const Statement::Step step = find_device_.bind(note.device).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::done) return refuse(ErrorCode::unknown_device);
  const auto from = static_cast<registry::DeviceState>(find_device_.integer(0));
  find_device_.reset();
  const auto to = note.retires ? registry::DeviceState::retired : from;
  const Occasion occasion{note.device, note.actor, note.when};
  if (const auto admitted = admit_station(occasion, note.station); !admitted) {
    return std::unexpected(admitted.error());
  }
  if (to != from && !set_state(occasion, from, to)) return broken();
  if (!this->note(occasion, "granted", from, to, note.what, {{}, note.digest})) return broken();
  return to;
}

Outcome<void> Writes::admit_token(const registry::Issuance& issuance) {
  if (!issuance.token) return {};
  const registry::Certificate& wanted = issuance.certificate;
  const Statement::Step step = find_token_.bind(*issuance.token).step();
  if (step == Statement::Step::failed) return refuse(ErrorCode::database_failure);
  if (step == Statement::Step::done) return refuse(ErrorCode::not_authorised);
  const bool same_device = find_token_.is_null(0) || equal(find_token_.blob(0), wanted.device);
  const bool same_profile = lists(find_token_.text(1), wanted.profile);
  const bool in_time = wanted.issued_at < find_token_.integer(2);
  // Whoever lost the answer asks again with the same key, and gets the certificate that the token was used
  // for.
  const bool unused = find_token_.is_null(3) || equal(find_token_.blob(4), wanted.key);
  find_token_.reset();
  if (same_device && same_profile && in_time && unused) return {};
  return refuse(ErrorCode::not_authorised);
}

bool Writes::replaces(const registry::Issuance& issuance, const Conflict& conflict) {
  return conflict.code == ErrorCode::second_key && issuance.replaces &&
         conflict.certificate->serial == *issuance.replaces;
}

Result<void> Writes::supersede(const registry::Issuance& issuance, Conflict& conflict,
                               registry::DeviceState state) {
  const registry::Revocation revocation{*issuance.replaces, x509::RevocationReason::superseded,
                                        "replaced by " + registry::hex(issuance.certificate.serial),
                                        issuance.actor, issuance.certificate.issued_at};
  return revoke_one(revocation, *conflict.certificate, state, state);
}

Result<void> Writes::keep_unconfirmed(const registry::Unconfirmed& unconfirmed,
                                      const registry::Issued& issued, der::UnixTime now) {
  // No write looks anything up in this table.
  PEDIGREE_TRY(expire_unconfirmed_.bind(now).run_on({}));
  const std::int64_t reused = issued.reused ? 1 : 0;
  return put_unconfirmed_
      .bind(unconfirmed.signer, Bytes(unconfirmed.transaction), issued.certificate.serial, reused,
            unconfirmed.until)
      .run_on({});
}

Outcome<void> Writes::forget_unconfirmed(const Sha256& signer, Bytes transaction) {
  if (!forget_unconfirmed_.bind(signer, transaction).run_on({})) return broken();
  return {};
}

}  // namespace pedigree::store
