// SPDX-License-Identifier: Apache-2.0
// What the authority asks of a database. Rules that must hold for ever stand in the implementation's
// constraints, not in a process: any number of processes may write.
//
// Writes are asynchronous: `done` is called once, on a thread of the store, after the change is durable or
// has failed; it must not block. Reads run on the calling thread.
#pragma once

#include <functional>

#include "registry/device.h"
#include "registry/merkle.h"

namespace pedigree::registry {

/// A refusal or failure, with what stands in the way.
struct Conflict {
  ErrorCode code{};
  std::optional<Certificate> certificate;  ///< the certificate that stands in the way, where there is one
};

template <typename T>
using Outcome = std::expected<T, Conflict>;
template <typename T>
using Done = std::function<void(Outcome<T>)>;

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

struct Expected {
  DeviceId device{};
  std::string profiles;  ///< comma-separated; empty: all
};
struct Import {
  std::vector<Expected> devices;
  Actor actor;
  der::UnixTime when = 0;
};
struct Imported {
  std::size_t added = 0;
  std::size_t known = 0;  ///< were there already and stay as they are
};

struct DevicePage {
  std::optional<DeviceState> state;
  std::optional<DeviceId> after;
  std::size_t limit = 100;
};

/// What a CRL lists: certificates of devices, and of intermediates below this one.
struct Revoked {
  std::vector<std::uint8_t> serial;
  der::UnixTime when = 0;
  x509::RevocationReason reason{};
};

class Store {
 public:
  virtual ~Store() = default;

  /// Notes that a device asks for a certificate: expected or unknown becomes pending. Errors: unknown_device,
  /// device_suspended, device_revoked (with the certificate), retired, unknown_profile (not on its allow-list
  /// line), database_failure.
  virtual void ask(Asking asking, Done<void> done) = 0;

  /// Stores a certificate unless one stands in the way. The same device, profile and key again gives the
  /// stored certificate. Errors: those of ask; issuer_revoked (the certificate's issuer, or one above it);
  /// duplicate_key (the key is certified already, for another device or profile), second_key (the device
  /// holds a certificate of this profile for another key), revoked (the key's certificate was revoked); the
  /// last three are alarms and leave an event. not_authorised: the token is unknown, expired, for another
  /// device or profile, or was used for another certificate.
  virtual void issue(Issuance issuance, Done<Issued> done) = 0;

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

  /// Adds devices to the allow-list. Errors: database_failure.
  virtual void import(Import import, Done<Imported> done) = 0;

  /// Reads. Errors: not_found, database_failure.
  [[nodiscard]] virtual Result<Device> device(const DeviceId& id) = 0;
  [[nodiscard]] virtual Result<std::vector<Device>> devices(const DevicePage& page) = 0;
  [[nodiscard]] virtual Result<Certificate> certificate(const Serial& serial) = 0;
  [[nodiscard]] virtual Result<std::vector<Certificate>> certificates(const DeviceId& id) = 0;
  [[nodiscard]] virtual Result<std::vector<Event>> events(const DeviceId& id) = 0;
  /// Revoked certificates of an issuer ("root" too) in the order of revocation.
  [[nodiscard]] virtual Result<std::vector<Revoked>> revoked(std::string_view issuer) = 0;
  /// Certificates whose number is above `after`, at most `limit`, by number.
  [[nodiscard]] virtual Result<std::vector<Standing>> standings(std::int64_t after, std::size_t limit) = 0;
  /// One certificate's standing. Errors also: not_found.
  [[nodiscard]] virtual Result<Standing> standing(const Serial& serial) = 0;
  /// Number of revoked certificates of an issuer: it never falls, so it tells whether a CRL is out of date.
  [[nodiscard]] virtual Result<std::uint64_t> revoked_count(std::string_view issuer) = 0;
  /// Every revoked intermediate, by name.
  [[nodiscard]] virtual Result<std::vector<IssuerRevocation>> revoked_issuers() = 0;
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
  /// Whether the database answers.
  [[nodiscard]] virtual Result<void> health() = 0;
};

}  // namespace pedigree::registry
