// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_signer.h"

#include <fmt/format.h>

#include "server/http/conflict.h"

namespace pedigree::protocols {

using authority::refuse;
using http::Role;

namespace {

std::unexpected<CmpRefusal> refused(CmpFailure failure, std::string text) {
  return std::unexpected(CmpRefusal{failure, std::move(text)});
}

/// What a message's protection must be before its signer is looked for.
CmpAnswer<void> check_protection(const CmpOutline& outline) {
  if (!outline.protection) {
    return refused(CmpFailure::bad_message_check, "the message is not protected: it must be signed");
  }
  if (is_mac(*outline.protection)) {
    return refused(
        CmpFailure::wrong_integrity,
        "the message is protected by a MAC: nobody shares a secret here, it must be signed with the "
        "key of a certificate");
  }
  if (!outline.protection->signature) {
    return refused(CmpFailure::bad_alg, "the message is signed with an algorithm that is not taken");
  }
  if (outline.signer.empty()) {
    return refused(CmpFailure::bad_message_check,
                   "the message shows no certificate: its signer's must be the first of extraCerts");
  }
  return {};
}

CmpAnswer<void> check_device(const Enrolment& enrolment, const registry::Certificate& own) {
  const der::UnixTime now = enrolment.now();
  if (now < own.not_before || now > own.not_after) {
    return refused(CmpFailure::signer_not_trusted, "the signer's certificate is expired or not yet valid");
  }
  const auto device = enrolment.store().device(own.device);
  if (!device) {
    return refused(CmpFailure::system_unavail, std::string(sentence(device.error().code)));
  }
  switch (device->state) {
    case registry::DeviceState::suspended:
    case registry::DeviceState::revoked:
    case registry::DeviceState::retired:
      return refused(CmpFailure::not_authorized,
                     fmt::format("the signer's device is {}", registry::name(device->state)));
    default:
      return {};
  }
}

CmpAnswer<CmpSigner> device_signer(const Enrolment& enrolment, const CmpOutline& outline,
                                   http::Identity client) {
  // A kur that is asked again, and its certConf, are signed with the key that it has replaced.
  const bool of_update = outline.body == CmpBody::kur || outline.body == CmpBody::cert_conf;
  auto own = enrolment.own_certificate(outline.signer, of_update);
  if (!own && own.error().code == ErrorCode::not_authorised) {
    return refused(CmpFailure::signer_not_trusted,
                   "the signer's certificate is none of this registry, nor of a station or an operator");
  }
  if (!own) return std::unexpected(cmp_refusal(own.error()));
  if (const auto checked = check_device(enrolment, *own); !checked) return std::unexpected(checked.error());
  client.role = Role::device;
  client.name = registry::hex(own->serial);
  client.certificate = own->der;
  registry::Actor actor{"device " + client.name, client.from};
  return CmpSigner{own->der, std::move(client), *std::move(own), std::move(actor)};
}

/// A device asks in its own name only.
Answer<void> check_named(const CmpSigner& signer, const EnrolmentRequest& wanted) {
  if (wanted.device == signer.own->device) return {};
  return refuse(ErrorCode::not_authorised, "the request names another device than its signer");
}

/// A key update keeps device and profile (RFC 9483 4.1.3).
Answer<void> authorise_update(const Enrolment& enrolment, const CmpSigner& signer, const CmpWish& wish,
                              EnrolmentRequest& wanted) {
  const registry::Certificate& own = *signer.own;
  if (!wish.profile.empty() && wish.profile != own.profile) {
    return refuse(ErrorCode::bad_request,
                  fmt::format("the signer's certificate is of profile {}: it renews no other", own.profile));
  }
  wanted.profile = own.profile;
  wanted.replaces = own.serial;
  return enrolment.check_renewal(own, wanted.device, wish.spki);
}

}  // namespace

CmpAnswer<CmpSigner> find_cmp_signer(const Enrolment& enrolment, x509_st* system_ca,
                                     const CmpOutline& outline, const std::string& from) {
  if (const auto checked = check_protection(outline); !checked) return std::unexpected(checked.error());
  auto client = http::identify_shown(outline.signer, system_ca, from, enrolment.now());
  client.from = from + " (cmp)";
  if (client.role == Role::none) return device_signer(enrolment, outline, std::move(client));
  if (client.role != Role::station && client.role != Role::operator_) {
    return refused(CmpFailure::not_authorized,
                   "the signer must be a station, an operator or a device of this authority");
  }
  registry::Actor actor{client.name, client.from};
  return CmpSigner{
      {outline.signer.begin(), outline.signer.end()}, std::move(client), std::nullopt, std::move(actor)};
}

Answer<EnrolmentRequest> authorise_cmp(const Enrolment& enrolment, const CmpSigner& signer,
                                       const CmpWish& wish) {
  EnrolmentRequest wanted;
  wanted.client = &signer.client;
  wanted.csr = wish.csr;
  wanted.spki = wish.spki;
  wanted.issuer = wish.issuer;
  wanted.profile = wish.profile.empty() ? enrolment.config().profile : wish.profile;
  wanted.actor = signer.actor;
  const auto named = named_device(wish.subject);
  if (!named) return std::unexpected(named.error());
  wanted.device = *named;
  if (signer.client.role == Role::operator_) {
    return refuse(ErrorCode::not_authorised, "an operator enrols no devices: that takes a station");
  }
  if (signer.client.role == Role::station) {
    if (wish.body != CmpBody::kur) return wanted;
    return refuse(ErrorCode::not_authorised, "a key update is signed with the key that it replaces");
  }
  if (const auto checked = check_named(signer, wanted); !checked) return std::unexpected(checked.error());
  if (wish.body != CmpBody::kur) return wanted;
  if (const auto updates = authorise_update(enrolment, signer, wish, wanted); !updates) {
    return std::unexpected(updates.error());
  }
  return wanted;
}

Answer<void> authorise_cmp_revocation(const Enrolment& enrolment, const CmpSigner& signer,
                                      const registry::Certificate& certificate) {
  const bool own = signer.own && signer.own->device == certificate.device;
  if (!own && signer.client.role != Role::operator_) {
    return refuse(ErrorCode::not_authorised,
                  "a device revokes certificates of its own, and an operator any: nobody else does");
  }
  if (certificate.state == registry::CertificateState::revoked) {
    return refuse(ErrorCode::revoked, http::describe_revoked(enrolment.engine(), certificate));
  }
  return {};
}

}  // namespace pedigree::protocols
