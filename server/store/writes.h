// SPDX-License-Identifier: Apache-2.0
// Every change of the registry, each inside the transaction that the caller has opened.
#pragma once

#include "registry/store.h"
#include "server/store/audit_log.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// What stands in the way of a change, as the writes answer it.
[[nodiscard]] inline std::unexpected<registry::Conflict> refuse(
    ErrorCode code, std::optional<registry::Certificate> certificate = {}) {
  return std::unexpected(registry::Conflict{code, std::move(certificate)});
}
/// The same with a sentence about this case.
[[nodiscard]] inline std::unexpected<registry::Conflict> refuse(ErrorCode code, std::string detail) {
  return std::unexpected(registry::Conflict{code, {}, std::move(detail)});
}
/// A reason, or a name, that is to be kept as an event says it.
[[nodiscard]] registry::Outcome<void> check_texts(const registry::Actor& actor, std::string_view why);
[[nodiscard]] inline std::unexpected<registry::Conflict> broken() {
  return refuse(ErrorCode::database_failure);
}

/// A failure of the database itself is ErrorCode::database_failure, and the caller must roll back; every
/// other error is an answer, and what was written with it (the alarm) is to be committed.
class Writes {
 public:
  /// Borrows both.
  Writes(Connection& connection, AuditLog& log);

  /// Announces what ask, issue, activate and import will look up.
  void foresee(const registry::Asking& asking, int wave);
  void foresee(const registry::Issuance& issuance, int wave);
  void foresee(const registry::Serial& serial, int wave);
  void foresee(const registry::Import& import, int wave);

  [[nodiscard]] registry::Outcome<void> ask(const registry::Asking& asking);
  [[nodiscard]] registry::Outcome<registry::Issued> issue(const registry::Issuance& issuance);
  [[nodiscard]] registry::Outcome<void> forget_unconfirmed(const Sha256& signer, Bytes transaction);
  [[nodiscard]] registry::Outcome<void> add_token(const registry::EnrolToken& token);
  [[nodiscard]] registry::Outcome<registry::DeviceState> activate(const registry::Serial& serial,
                                                                  const registry::Actor& actor,
                                                                  der::UnixTime when);
  [[nodiscard]] registry::Outcome<registry::Certificate> revoke(const registry::Revocation& revocation);
  [[nodiscard]] registry::Outcome<registry::IssuerRevocation> revoke_issuer(
      const registry::IssuerRevocation& revocation);
  [[nodiscard]] registry::Outcome<void> order_issuers(const std::vector<registry::IssuerOrder>& orders);
  [[nodiscard]] registry::Outcome<void> record(const registry::AuthorityEvent& event);
  [[nodiscard]] registry::Outcome<registry::SignerRevocation> revoke_signer(
      const registry::SignerRevocation& revocation);
  [[nodiscard]] registry::Outcome<registry::SignerList> add_signer_list(const registry::SignerList& list);
  [[nodiscard]] registry::Outcome<registry::SignedHead> add_signed_head(const registry::SignedHead& head);
  [[nodiscard]] registry::Outcome<registry::DeviceState> change_state(const registry::StateChange& change);
  [[nodiscard]] registry::Outcome<registry::DeviceState> note_grant(const registry::GrantNote& note);
  [[nodiscard]] registry::Outcome<registry::Imported> import(const registry::Import& import);
  [[nodiscard]] registry::Outcome<registry::Station> set_station(const registry::StationChange& change);
  [[nodiscard]] registry::Outcome<void> note_refusal(const registry::StationRefusal& refusal);

 private:
  struct Occasion {
    const registry::DeviceId& device;
    const registry::Actor& actor;
    der::UnixTime when;
  };
  /// What an event is about beside its device.
  struct Subject {
    std::optional<registry::Serial> serial;
    std::optional<Sha256> digest;
  };
  using State = std::optional<registry::DeviceState>;

  /// The device's state if it may be served, empty if it is unknown and that is allowed.
  [[nodiscard]] registry::Outcome<State> admit(const registry::DeviceId& device, std::string_view profile,
                                               bool listed_only);
  [[nodiscard]] Result<std::optional<registry::Certificate>> find_one(Statement& query);
  [[nodiscard]] registry::Outcome<registry::Issued> issue_one(const registry::Issuance& issuance);
  /// Keeps what the client has yet to confirm, and forgets what nobody confirmed in time.
  [[nodiscard]] Result<void> keep_unconfirmed(const registry::Unconfirmed& unconfirmed,
                                              const registry::Issued& issued, der::UnixTime now);
  /// Refuses what a revoked intermediate signed, or one below such.
  [[nodiscard]] registry::Outcome<void> admit_issuers(const registry::Issuance& issuance);
  /// Refuses what an intermediate signed that is not active by the last order about it.
  [[nodiscard]] registry::Outcome<void> admit_state(const std::string& issuer);
  /// Whether the issuance's token may be used for it, or was.
  [[nodiscard]] registry::Outcome<void> admit_token(const registry::Issuance& issuance);
  /// Revokes the certificate that this one replaces.
  [[nodiscard]] Result<void> supersede(const registry::Issuance& issuance, registry::Conflict& conflict,
                                       registry::DeviceState state);
  /// The certificate that stands in the way of this one, with the reason.
  [[nodiscard]] Result<std::optional<registry::Conflict>> find_conflict(
      const registry::Certificate& certificate);
  [[nodiscard]] Result<void> insert(const registry::Certificate& certificate);
  /// Marks one certificate of the device and notes it.
  [[nodiscard]] Result<void> revoke_one(const registry::Revocation& revocation,
                                        registry::Certificate& certificate, registry::DeviceState from,
                                        registry::DeviceState to);
  /// Counts a change that takes trust away or gives it back, where no trigger does.
  [[nodiscard]] Result<void> count_generation();
  [[nodiscard]] Result<void> set_state(const Occasion& occasion, State from, registry::DeviceState to);
  void foresee(const std::optional<registry::StationClaim>& station);
  /// Notes which station brought the device.
  [[nodiscard]] Result<void> set_station_of(const registry::DeviceId& device,
                                            const std::optional<registry::StationClaim>& station);
  /// Refuses a station that is disabled, not registered though it must be, or has another certificate.
  [[nodiscard]] registry::Outcome<void> admit_station(const Occasion& occasion,
                                                      const std::optional<registry::StationClaim>& station);
  /// Counts a certificate for the station's day, or refuses it.
  [[nodiscard]] registry::Outcome<void> count_issued(const Occasion& occasion,
                                                     const std::optional<registry::StationClaim>& station);
  [[nodiscard]] registry::Outcome<void> refuse_station(const Occasion& occasion, const std::string& station,
                                                       std::string why);
  /// The number of the import's batch, which is made where it is new; empty: it has none.
  [[nodiscard]] Result<std::optional<std::int64_t>> batch_of(const registry::Import& import);
  /// Puts a line on the allow-list. False: the device was there already.
  [[nodiscard]] Result<bool> list(const registry::Expected& line, std::optional<std::int64_t> batch,
                                  der::UnixTime when, Bytes seal);
  /// Whether the registry has this line as it is.
  [[nodiscard]] Result<bool> is_listed(const registry::Expected& line, std::string_view batch);
  /// Whether the certificate in the way is the one that the issuance replaces.
  [[nodiscard]] static bool replaces(const registry::Issuance& issuance, const registry::Conflict& conflict);
  [[nodiscard]] Result<void> note(const Occasion& occasion, std::string_view what, State from, State to,
                                  std::string_view why, const Subject& subject = {});
  [[nodiscard]] registry::Outcome<void> alarm(const registry::Issuance& issuance,
                                              const registry::Conflict& conflict);

  Connection& connection_;
  AuditLog& log_;
  Statement find_device_, insert_device_, update_device_, resume_device_;
  Statement find_key_, find_live_, find_any_live_, find_serial_, find_revoked_;
  Statement insert_certificate_, mark_active_, mark_revoked_;
  Statement find_issuer_revocation_, insert_issuer_revocation_;
  Statement find_issuer_order_, put_issuer_order_;
  Statement find_signer_revocation_, count_signer_revocations_, insert_signer_revocation_;
  Statement last_signer_list_, insert_signer_list_;
  Statement find_signed_head_, insert_signed_head_;
  Statement find_token_, insert_token_, use_token_;
  Statement put_unconfirmed_, forget_unconfirmed_, expire_unconfirmed_;
  Statement list_device_, find_listing_, find_batch_, insert_batch_, count_batch_, device_station_;
  Statement find_station_, upsert_station_, count_issued_, count_refused_, find_refused_;
  Statement count_generation_;
};

}  // namespace pedigree::store
