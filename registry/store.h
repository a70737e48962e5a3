// SPDX-License-Identifier: Apache-2.0
// What the authority asks of a database. Rules that must hold for ever stand in the implementation's
// constraints, not in a process: any number of processes may write.
//
// Writes are asynchronous: `done` is called once, on a thread of the store, after the change is durable or
// has failed; it must not block. Reads run on the calling thread.
#pragma once

#include <algorithm>
#include <functional>

#include "registry/device.h"
#include "registry/issuer.h"
#include "registry/merkle.h"

namespace pedigree::registry {

/// A refusal or failure, with what stands in the way.
struct Conflict {
  ErrorCode code{};
  std::optional<Certificate> certificate;  ///< the certificate that stands in the way, where there is one
  std::string detail{};                    ///< a sentence about this case; empty: the code's own says it all
};

template <typename T>
using Outcome = std::expected<T, Conflict>;
template <typename T>
using Done = std::function<void(Outcome<T>)>;

/// The station that asks, by its client certificate, and what the policy has to say of it.
struct StationClaim {
  std::string name;              ///< commonName of its certificate
  Sha256 certificate{};          ///< SHA-256 of its certificate
  bool registered_only = false;  ///< refuse a station that the registry does not know
  std::uint32_t per_day = 0;     ///< certificates that it may have issued in a day of UTC; 0: any number
};

/// A transaction of CMP whose client has yet to confirm what it got (certConf, RFC 4210 5.3.18): any server
/// of this registry can take that.
struct Unconfirmed {
  Sha256 signer{};                        ///< SHA-256 of the certificate whose key signs its messages
  std::vector<std::uint8_t> transaction;  ///< transactionID, 1..32 octets
  der::UnixTime until = 0;                ///< from then on it is forgotten
};
/// What was issued in it.
struct AwaitsConfirmation {
  Serial serial{};
  bool reused = false;  ///< the certificate was there before
};

struct Issuance {
  Certificate certificate;
  Actor actor;
  bool listed_only = false;          ///< refuse devices that are not on the allow-list
  std::vector<std::string> parents;  ///< issuers above the certificate's own, without the root
  /// The certificate by whose key the device asks for this one: of the same profile and for another key, it
  /// is revoked as superseded with the same stroke.
  std::optional<Serial> replaces{};
  /// SHA-256 of a one-time token, which this certificate uses up.
  std::optional<Sha256> token{};
  std::optional<StationClaim> station{};  ///< where a station asks
  std::optional<Unconfirmed> unconfirmed{};
};
struct Issued {
  Certificate certificate;
  bool reused = false;  ///< the certificate was there already; the new one was dropped
};

/// Lets whoever knows the token have one certificate.
struct EnrolToken {
  Sha256 hash{};  ///< of the token's octets
  std::optional<DeviceId> device;
  std::string profiles;  ///< comma-separated; empty: all
  Actor actor;
  der::UnixTime made_at = 0;
  der::UnixTime expires_at = 0;
};

/// What a responder must know of a certificate.
struct Standing {
  std::int64_t number = 0;  ///< grows with each certificate
  Serial serial{};
  std::string issuer;
  CertificateState state = CertificateState::issued;
  der::UnixTime not_after = 0;
  der::UnixTime revoked_at = 0;
  x509::RevocationReason reason{};
};

struct Asking {
  DeviceId device{};
  std::string profile;
  Actor actor;
  der::UnixTime when = 0;
  bool listed_only = false;
  std::optional<StationClaim> station{};
};

struct Revocation {
  Serial serial{};
  x509::RevocationReason reason{};
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};

/// An intermediate that is believed no more, for ever.
struct IssuerRevocation {
  std::string name;
  std::string parent;                ///< "root" or the issuer whose CRL lists it
  std::vector<std::uint8_t> serial;  ///< of its certificate
  x509::RevocationReason reason{};
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};

/// The key of a firmware signer, or of an OEM's intermediate, whose images devices are to refuse, for ever.
struct SignerRevocation {
  Sha256 key{};      ///< SHA-256 of the SubjectPublicKeyInfo
  std::string name;  ///< the certificate's subject; empty where only the key was known
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};
/// Keys that can be revoked so: what one list on a device holds.
inline constexpr std::size_t kMaxRevokedSigners = 128;

/// A signed list of revoked signers, as devices take it.
struct SignerList {
  std::uint64_t number = 0;  ///< larger than that of every list before
  der::UnixTime issued_at = 0;
  std::vector<std::uint8_t> message;  ///< COSE_Sign1
};

/// A signed head of the audit log (a checkpoint's note).
struct SignedHead {
  std::uint64_t size = 0;  ///< events that it covers
  der::UnixTime when = 0;
  std::string note;
};

struct StateChange {
  DeviceId device{};
  DeviceState to{};
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};

/// A grant that is about to be given out.
struct GrantNote {
  DeviceId device{};
  std::string what;      ///< operation and reason, for people
  Sha256 digest{};       ///< of the signed grant
  bool retires = false;  ///< it ends the device
  Actor actor;
  der::UnixTime when = 0;
  std::optional<StationClaim> station{};  ///< where a station asks
};

/// A line of the allow-list.
struct Expected {
  DeviceId device{};
  std::string profiles;   ///< comma-separated; empty: all
  std::string product{};  ///< what it is to become
  std::string label{};    ///< what is printed on it, such as its serial number for people
};
/// Octets that these texts, and the name of a batch, may have at most.
inline constexpr std::size_t kMaxProfilesText = 400;
inline constexpr std::size_t kMaxListingText = 128;
inline constexpr std::size_t kMaxBatchName = 64;
/// Lines that one import may have: what one transaction holds other writers up for.
inline constexpr std::size_t kMaxImport = 4096;
struct Import {
  std::vector<Expected> devices;
  Actor actor;
  der::UnixTime when = 0;
  std::string batch{};  ///< the production batch that they belong to; empty: none
};
struct Imported {
  std::size_t added = 0;
  std::size_t known = 0;  ///< were there already and stay as they are
  /// Places in Import::devices of those known ones of which the registry says something else.
  std::vector<std::size_t> different{};
};

/// Which devices, in the order of their ids; what is empty or absent does not narrow it.
struct DevicePage {
  std::optional<DeviceState> state;
  std::optional<DeviceId> after;
  std::size_t limit = 100;
  std::string batch{};
  std::string station{};                 ///< that asked for its last certificate
  std::string profile{};                 ///< of which it holds a certificate that is not revoked
  std::string label{};                   ///< exactly this
  std::string prefix{};                  ///< lower-case hex digits that its id begins with
  std::optional<der::UnixTime> from{};   ///< its state changed then or later
  std::optional<der::UnixTime> until{};  ///< and before this
};
/// `next`: where to go on, by DevicePage::after. One page examines a bounded number of devices, so it may
/// hold fewer than its limit, even none, and still have a next one.
struct DeviceList {
  std::vector<Device> devices;
  std::optional<DeviceId> next;
};

/// A production batch, named by whoever imports its devices.
struct Batch {
  std::string name;
  der::UnixTime made_at = 0;
  std::string who;             ///< imported its first device
  std::uint64_t imported = 0;  ///< devices
};
/// Devices of a batch that are in one state and were brought by one station.
struct BatchCount {
  DeviceState state{};
  std::string station;  ///< empty: none yet
  std::uint64_t devices = 0;
  der::UnixTime first = 0, last = 0;  ///< when the first and the last of them came into this state
};

/// A station as the registry knows it.
struct Station {
  std::string name;                   ///< commonName of its client certificate
  std::optional<Sha256> certificate;  ///< SHA-256 of the only one that is taken; empty: any of this name
  bool enabled = true;
  der::UnixTime changed = 0;
  /// Of the day that was asked about: certificates that counted for a quota, and refusals.
  std::uint64_t issued = 0, refused = 0;
};
/// Registers a station, or changes what is registered.
struct StationChange {
  Station station;
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};
/// A station was refused by the policy.
struct StationRefusal {
  std::string station;
  DeviceId device{};
  std::string why;
  Actor actor;
  der::UnixTime when = 0;
};

/// Which events, in the order of the log; what is empty or absent does not narrow it.
struct EventQuery {
  std::optional<DeviceId> device;
  std::optional<Serial> serial;
  std::string who;                           ///< station, operator, device or token that did it
  std::string batch;                         ///< of the device; also the imports of the batch
  std::string what;                          ///< a word of Event::what
  bool alarms = false;                       ///< alarms and refusals only
  std::optional<der::UnixTime> from, until;  ///< at `from` or later, before `until`
  std::int64_t after = 0;                    ///< above this number
  std::size_t limit = 100;
};
/// An event, and what its certificate and device say; empty where there is none.
struct LoggedEvent {
  Event event;
  std::string profile, issuer, batch;
};
/// `next`: as of DeviceList, by EventQuery::after.
struct EventList {
  std::vector<LoggedEvent> events;
  std::optional<std::int64_t> next;
};

/// Parts of an issuer's CRL that nobody has yet.
struct CrlPartitionClaim {
  std::string issuer;
  std::string base;         ///< URL of a part without "/" and its number; at most 400 octets
  std::uint32_t count = 1;  ///< of numbers in a row
};

/// Which revoked certificates a CRL lists.
struct CrlScope {
  std::string_view issuer;                   ///< "root" too
  std::optional<std::uint32_t> partition{};  ///< only certificates whose distribution point names this one
  der::UnixTime since = 0;                   ///< only those that were revoked then or later
};

/// A serial number of 1 to 20 octets, big-endian.
class CrlSerial {
 public:
  CrlSerial() = default;
  /// Of more octets, the first 20.
  explicit CrlSerial(Bytes octets) noexcept
      : size_(static_cast<std::uint8_t>(std::min(octets.size(), octets_.size()))) {
    std::copy_n(octets.begin(), size_, octets_.begin());
  }
  [[nodiscard]] Bytes octets() const noexcept { return Bytes(octets_).first(size_); }

 private:
  std::array<std::uint8_t, 20> octets_{};
  std::uint8_t size_ = 0;
};

/// What a CRL lists: certificates of devices, and of intermediates below this one. Millions of them are held
/// in memory.
struct Revoked {
  CrlSerial serial;
  der::UnixTime when = 0;
  x509::RevocationReason reason{};
};

class Store {
 public:
  virtual ~Store() = default;

  /// Notes that a device asks for a certificate: expected or unknown becomes pending. Errors: unknown_device,
  /// device_suspended, device_revoked (with the certificate), retired, unknown_profile (not on its allow-list
  /// line), not_authorised (the station, as for issue), database_failure.
  virtual void ask(Asking asking, Done<void> done) = 0;

  /// Stores a certificate unless one stands in the way. The same device, profile and key again gives the
  /// stored certificate. Errors: those of ask; issuer_revoked (the certificate's issuer, or one above it);
  /// unknown_issuer (by the last order its issuer is not active);
  /// duplicate_key (the key is certified already, for another device or profile), second_key (the device
  /// holds a certificate of this profile for another key), revoked (the key's certificate was revoked); the
  /// last three are alarms and leave an event. not_authorised: the token is unknown, expired, for another
  /// device or profile, or was used for another certificate; or, with a detail, the station is disabled, not
  /// registered, has another certificate than the registered one, or has used up its day: counted as
  /// note_refusal does. The quota is counted in the transaction that issues. What is unconfirmed is kept with
  /// it, in the place of an older one of the same signer and transactionID.
  virtual void issue(Issuance issuance, Done<Issued> done) = 0;

  /// Forgets an Unconfirmed, by its signer and transactionID. Idempotent. Errors: database_failure.
  virtual void forget_unconfirmed(Sha256 signer, std::vector<std::uint8_t> transaction, Done<void> done) = 0;

  /// Takes the next parts of an issuer's CRL: the first of their numbers, which go up from 0. Nobody has had
  /// them and nobody will have them again. Errors: bad_value (a URL that is too long, none),
  /// database_failure.
  virtual void take_crl_partitions(CrlPartitionClaim claim, Done<std::uint32_t> done) = 0;

  /// Keeps a one-time token. Errors: duplicate, database_failure.
  virtual void add_token(EnrolToken token, Done<void> done) = 0;

  /// The device proved that it stored the certificate's chain. Idempotent. Errors: not_found, revoked and
  /// those of ask.
  virtual void activate(Serial serial, Actor actor, der::UnixTime when, Done<DeviceState> done) = 0;

  /// Revokes for ever; where the reason takes the device out (revokes_device), every other certificate of it
  /// too. Idempotent: the first date and reason stay. Errors: not_found, database_failure.
  virtual void revoke(Revocation revocation, Done<Certificate> done) = 0;

  /// Revokes an intermediate for ever: it issues no more, and a relying party refuses what it issued.
  /// Idempotent: the first date and reason stay, and are the answer. Errors: database_failure.
  virtual void revoke_issuer(IssuerRevocation revocation, Done<IssuerRevocation> done) = 0;

  /// Puts intermediates into other states, all at once: whatever server issues, it does so before or after.
  /// Errors: issuer_revoked (one that is to be active), database_failure.
  virtual void order_issuers(std::vector<IssuerOrder> orders, Done<void> done) = 0;

  /// Notes what was done outside of the registry. Errors: database_failure.
  virtual void record(AuthorityEvent event, Done<void> done) = 0;

  /// Revokes a firmware signer's key for ever; devices learn of it by the next list. Idempotent: the first
  /// date and reason stay, and are the answer. Errors: too_many (over kMaxRevokedSigners), database_failure.
  virtual void revoke_signer(SignerRevocation revocation, Done<SignerRevocation> done) = 0;

  /// Keeps a signed list. Errors: list_rolled_back (one of this number, or a larger one, is there already),
  /// database_failure.
  virtual void add_signer_list(SignerList list, Done<SignerList> done) = 0;

  /// Keeps a signed head; one of that size that is there stays, and is the answer. Errors: database_failure.
  virtual void add_signed_head(SignedHead head, Done<SignedHead> done) = 0;

  /// An operator's order. Errors: not_found, wrong_state, database_failure. `active` for a suspended device
  /// restores the state that it had.
  virtual void change_state(StateChange change, Done<DeviceState> done) = 0;

  /// Notes a grant: an event, and the device's state where the grant retires it. Errors: unknown_device,
  /// not_authorised (the station, as for issue), database_failure.
  virtual void note_grant(GrantNote note, Done<DeviceState> done) = 0;

  /// Adds devices to the allow-list; those that are known stay as they are, so the same again changes
  /// nothing. What was added is one event, whose digest binds every line (registry/listing.h). Errors:
  /// request_limit (over kMaxImport lines), bad_value (a text is too long), database_failure.
  virtual void import(Import import, Done<Imported> done) = 0;

  /// Registers a station, or changes it: an event. Errors: bad_value (its name), database_failure.
  virtual void set_station(StationChange change, Done<Station> done) = 0;

  /// Counts a refusal; the first of a station's day, and then each that doubles their number, is an event, so
  /// that no station fills the log. Errors: database_failure.
  virtual void note_refusal(StationRefusal refusal, Done<void> done) = 0;

  /// Reads. Errors: not_found, database_failure.
  [[nodiscard]] virtual Result<Device> device(const DeviceId& id) = 0;
  [[nodiscard]] virtual Result<DeviceList> devices(const DevicePage& page) = 0;
  [[nodiscard]] virtual Result<Certificate> certificate(const Serial& serial) = 0;
  [[nodiscard]] virtual Result<std::vector<Certificate>> certificates(const DeviceId& id) = 0;
  [[nodiscard]] virtual Result<std::vector<Event>> events(const DeviceId& id) = 0;
  /// What awaits a confirmation in this transaction of this signer. Errors also: not_found.
  [[nodiscard]] virtual Result<AwaitsConfirmation> unconfirmed(const Sha256& signer, Bytes transaction,
                                                               der::UnixTime now) = 0;
  /// Revoked certificates of this scope, in any order; those of intermediates only without a partition.
  [[nodiscard]] virtual Result<std::vector<Revoked>> revoked(const CrlScope& scope) = 0;
  /// Where this part of an issuer's CRL is: CrlPartitionClaim::base of whoever took it. Errors also:
  /// not_found where nobody has.
  [[nodiscard]] virtual Result<std::string> crl_partition_base(std::string_view issuer,
                                                               std::uint32_t partition) = 0;
  /// Certificates whose number is above `after`, at most `limit`, by number.
  [[nodiscard]] virtual Result<std::vector<Standing>> standings(std::int64_t after, std::size_t limit) = 0;
  /// One certificate's standing. Errors also: not_found.
  [[nodiscard]] virtual Result<Standing> standing(const Serial& serial) = 0;
  /// Number of revoked certificates of this scope: it never falls, so it tells whether a CRL is out of date.
  [[nodiscard]] virtual Result<std::uint64_t> revoked_count(const CrlScope& scope) = 0;
  /// Every revoked intermediate, by name.
  [[nodiscard]] virtual Result<std::vector<IssuerRevocation>> revoked_issuers() = 0;
  /// The last order about each intermediate that had any, by name.
  [[nodiscard]] virtual Result<std::vector<IssuerOrder>> issuer_orders() = 0;
  /// Every revoked firmware signer, by key.
  [[nodiscard]] virtual Result<std::vector<SignerRevocation>> revoked_signers() = 0;
  /// The newest list. Errors also: not_found where there is none yet.
  [[nodiscard]] virtual Result<SignerList> signer_list() = 0;
  /// The audit log: its size and root; proofs (registry/merkle.h), whose errors are also bad_value; an event
  /// by its number (not_found); the event that logged a certificate's issuance (not_found).
  [[nodiscard]] virtual Result<merkle::Head> log_head() = 0;
  [[nodiscard]] virtual Result<Sha256> log_root(std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<std::vector<Sha256>> inclusion_proof(std::uint64_t index,
                                                                    std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<std::vector<Sha256>> consistency_proof(std::uint64_t from,
                                                                      std::uint64_t to) = 0;
  [[nodiscard]] virtual Result<Event> event(std::uint64_t number) = 0;
  [[nodiscard]] virtual Result<Event> issuance(const Serial& serial) = 0;
  /// The newest signed head. Errors also: not_found where there is none yet.
  [[nodiscard]] virtual Result<SignedHead> signed_head() = 0;
  /// Batches by name, those after `after`, at most `limit`.
  [[nodiscard]] virtual Result<std::vector<Batch>> batches(std::string_view after, std::size_t limit) = 0;
  /// One batch. Errors also: not_found.
  [[nodiscard]] virtual Result<Batch> batch(std::string_view name) = 0;
  /// What became of a batch's devices; reads each of them. A batch that is not known has none.
  [[nodiscard]] virtual Result<std::vector<BatchCount>> batch_counts(std::string_view name) = 0;
  /// Every registered station by name, with the counts of this day (days since 1970, UTC).
  [[nodiscard]] virtual Result<std::vector<Station>> stations(std::int64_t day) = 0;
  /// The log, searched; a serial number or batch that is not known has no events.
  [[nodiscard]] virtual Result<EventList> search_events(const EventQuery& query) = 0;
  /// Whether the database answers.
  [[nodiscard]] virtual Result<void> health() = 0;
};

}  // namespace pedigree::registry
