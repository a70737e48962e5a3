// SPDX-License-Identifier: Apache-2.0
// What EST and lite_bootstrap_server's API have in common: who is named, who asks, and a certificate
// that is answered once it is durable.
#pragma once

#include "authority/engine.h"
#include "registry/store.h"
#include "server/http/handler.h"
#include "server/http/issuance_meter.h"

namespace pedigree::protocols {

using authority::Answer;

/// One certificate that a client may have, if engine and registry agree.
struct EnrolmentRequest {
  const http::Identity* client =
      nullptr;  ///< who asks: the policy limits stations; without one, nothing is issued
  registry::DeviceId device{};
  std::string profile;
  std::string issuer;  ///< empty: the first active one of the profile
  Bytes csr;           ///< PKCS#10, DER; empty: `spki`
  Bytes spki;          ///< a key whose possession was verified, DER
  registry::Actor actor;
  std::optional<registry::Serial> replaces{};  ///< the device's own certificate, by whose key it asks
  std::optional<Sha256> token{};
  std::optional<registry::Unconfirmed> unconfirmed{};
};

/// A certificate that is durable.
struct Enrolled {
  registry::Certificate certificate;
  std::vector<authority::Der> chain;  ///< leaf first, without the root
  bool reused = false;                ///< it was there already
};
using EnrolDone = std::function<void(Answer<Enrolled>)>;

class Enrolment {
 public:
  /// Borrows all. `clock` gives Unix time.
  Enrolment(const authority::Engine& engine, registry::Store& store, std::function<der::UnixTime()> clock)
      : engine_(engine),
        store_(store),
        clock_(std::move(clock)),
        meter_(http::IssuanceMeter(engine, nullptr)) {}

  /// Borrows.
  void measure_with(observe::AuthorityMetrics* metrics) { meter_.emplace(engine_, metrics); }

  [[nodiscard]] const authority::Engine& engine() const noexcept { return engine_; }
  [[nodiscard]] registry::Store& store() const noexcept { return store_; }
  [[nodiscard]] der::UnixTime now() const { return clock_(); }
  [[nodiscard]] const authority::ProtocolsConfig& config() const noexcept {
    return engine_.config().protocols;
  }

  /// `done` is called once, on this thread or one of the store's. Borrows the request's octets until this
  /// returns. Errors: those of Engine::certify_plain, claim_station and Store::issue.
  void enrol(const EnrolmentRequest& request, EnrolDone done) const;

  /// The certificate of the registry that a client proved to hold: not revoked, nor below a revoked
  /// intermediate. One that was superseded is given only where `superseded` is set, for whoever asks again
  /// for what replaced it. Errors: not_authorised, revoked, issuer_revoked, database_failure.
  [[nodiscard]] Answer<registry::Certificate> own_certificate(Bytes der, bool superseded) const;

  /// Whether a device that proved to hold `own` may have its key replaced by this one (SubjectPublicKeyInfo,
  /// DER) in the name of `named`: by a certificate that was superseded only by the key that superseded it, so
  /// that whoever lost the answer hears it again. Errors: not_authorised, revoked, database_failure.
  [[nodiscard]] Answer<void> check_renewal(const registry::Certificate& own, const registry::DeviceId& named,
                                           Bytes spki) const;

  /// Revokes; `done` as for enrol. Errors: those of Store::revoke.
  void revoke(registry::Revocation revocation, std::function<void(Answer<registry::Certificate>)> done) const;

 private:
  const authority::Engine& engine_;
  registry::Store& store_;
  std::function<der::UnixTime()> clock_;
  std::optional<http::IssuanceMeter> meter_;
};

/// The device that a request's subject names: serialNumber, or commonName where there is none; a device id in
/// hex or a UUID. `subject`: Name, DER. Errors: bad_request.
[[nodiscard]] Answer<registry::DeviceId> named_device(Bytes subject);

/// A certificate's serial number as the registry knows it. Errors: bad_serial (none of ours).
[[nodiscard]] Result<registry::Serial> registry_serial(Bytes serial);

}  // namespace pedigree::protocols
