// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/enrolment.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "server/http/conflict.h"
#include "server/http/station_claim.h"

namespace pedigree::protocols {

using authority::refuse;

namespace {

std::unexpected<authority::Refusal> refuse_conflict(const authority::Engine& engine,
                                                    const registry::Conflict& conflict) {
  if (conflict.code == ErrorCode::not_authorised && conflict.detail.empty()) {
    return refuse(conflict.code,
                  "the one-time token is unknown, used or expired, or is for another device or profile");
  }
  // By a rotation in between: to be asked again, so that clients must hear 503.
  const bool rotated = conflict.code == ErrorCode::unknown_issuer;
  return refuse(rotated ? ErrorCode::timeout : conflict.code, http::describe(engine, conflict));
}

}  // namespace

void Enrolment::enrol(const EnrolmentRequest& request, EnrolDone done) const {
  if (request.client == nullptr) return done(refuse(ErrorCode::not_authorised, "nobody asks"));
  auto claim = http::claim_station(engine_, store_, *request.client,
                                   {request.device, request.profile, request.issuer}, clock_());
  if (!claim) return done(std::unexpected(claim.error()));
  auto certified = meter_->certify(request.profile, request.issuer, [&] {
    return engine_.certify_plain({request.device, request.profile, request.issuer, request.csr, request.spki},
                                 clock_());
  });
  if (!certified) return done(std::unexpected(certified.error()));
  registry::Issuance issuance{std::move(certified->certificate), request.actor, engine_.config().listed_only,
                              engine_.parents(certified->issuer->config().name)};
  issuance.replaces = request.replaces;
  issuance.token = request.token;
  issuance.unconfirmed = request.unconfirmed;
  issuance.station = *std::move(claim);
  store_.issue(std::move(issuance),
               [&engine = engine_, meter = *meter_, profile = request.profile,
                issuer = certified->issuer->config().name, done = std::move(done)](const auto& outcome) {
                 meter.stored(outcome, profile, issuer);
                 if (!outcome) return done(refuse_conflict(engine, outcome.error()));
                 Enrolled enrolled{outcome->certificate, {}, outcome->reused};
                 const auto chain = engine.chain(enrolled.certificate);
                 if (!chain) return done(std::unexpected(chain.error()));
                 for (const Bytes certificate : *chain) {
                   enrolled.chain.emplace_back(certificate.begin(), certificate.end());
                 }
                 done(std::move(enrolled));
               });
}

Answer<registry::Certificate> Enrolment::own_certificate(Bytes der, bool superseded) const {
  const auto parsed = x509::Certificate::parse(der);
  const auto serial =
      parsed ? registry_serial(parsed->serial()) : Result<registry::Serial>(fail(ErrorCode::bad_serial));
  if (!serial) return refuse(ErrorCode::not_authorised, "the client certificate is none of this registry");
  auto found = store_.certificate(*serial);
  if (!found && found.error().code == ErrorCode::not_found) {
    return refuse(ErrorCode::not_authorised, "the client certificate is none of this registry");
  }
  if (!found) return refuse(found.error());
  if (!equal(found->der, der)) {
    return refuse(ErrorCode::not_authorised, "the client certificate is not the one of its serial number");
  }
  const bool gone = found->state == registry::CertificateState::revoked;
  if (gone && !(superseded && found->reason == x509::RevocationReason::superseded)) {
    return refuse(ErrorCode::revoked, http::describe_revoked(engine_, *found));
  }
  const auto revoked = store_.revoked_issuers();
  if (!revoked) return refuse(revoked.error());
  std::vector<std::string> above = engine_.parents(found->issuer);
  above.push_back(found->issuer);
  if (std::ranges::any_of(
          *revoked, [&](const auto& one) { return std::ranges::find(above, one.name) != above.end(); })) {
    return refuse(ErrorCode::issuer_revoked, std::string(sentence(ErrorCode::issuer_revoked)));
  }
  return *std::move(found);
}

Answer<void> Enrolment::check_renewal(const registry::Certificate& own, const registry::DeviceId& named,
                                      Bytes spki) const {
  if (own.device != named) {
    return refuse(ErrorCode::not_authorised, "the request names another device than the client certificate");
  }
  if (own.state != registry::CertificateState::revoked) return {};
  const auto key = engine_.crypto().sha256(spki);
  if (!key) return refuse(key.error());
  const auto others = store_.certificates(own.device);
  if (!others) return refuse(others.error());
  const bool known = std::ranges::any_of(*others, [&](const registry::Certificate& other) {
    return other.key == *key && other.profile == own.profile &&
           other.state != registry::CertificateState::revoked;
  });
  if (known) return {};
  return refuse(ErrorCode::revoked, "the client certificate was replaced: use the one that replaced it");
}

void Enrolment::revoke(registry::Revocation revocation,
                       std::function<void(Answer<registry::Certificate>)> done) const {
  store_.revoke(std::move(revocation), [&engine = engine_, done = std::move(done)](const auto& outcome) {
    if (!outcome) return done(refuse_conflict(engine, outcome.error()));
    done(*outcome);
  });
}

Answer<registry::DeviceId> named_device(Bytes subject) {
  for (const Bytes type : {Bytes(x509::oid::kSerialNumber), Bytes(x509::oid::kCommonName)}) {
    const Bytes value = x509::find_attribute(subject, type);
    if (value.empty()) continue;
    const auto device = registry::parse_device_name(as_text(value));
    if (device) return *device;
    break;
  }
  return refuse(
      ErrorCode::bad_request,
      "the request names no device: its subject's serialNumber (or commonName, where there is none) "
      "must be a device id (66 hex digits, or 44 characters of base64url) or a UUID");
}

Result<registry::Serial> registry_serial(Bytes serial) {
  registry::Serial own{};
  if (serial.size() != own.size()) return fail(ErrorCode::bad_serial);
  std::ranges::copy(serial, own.begin());
  return own;
}

}  // namespace pedigree::protocols
