// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/est.h"

#include <fmt/format.h>

#include <algorithm>

#include "authority/request.h"
#include "authority/text.h"
#include "core/csr/csr.h"
#include "core/x509/oids.h"
#include "server/http/json.h"
#include "server/protocols/pkcs7.h"

namespace pedigree::protocols {

using authority::refuse;

namespace {

/// A request of a device has some hundred octets; one with a long chain of evidence a few thousand.
constexpr std::size_t kMaxRequest = std::size_t{64} * 1024;

http::Response encoded(std::string type, Bytes der) {
  // Without line breaks (RFC 8951 2.1): strongSwan's client takes none.
  return {200, std::move(type), http::to_base64(der), "Content-Transfer-Encoding: base64\r\n"};
}

http::Response failure(unsigned status, std::string_view what) {
  http::Response response{status, "text/plain; charset=utf-8", std::string(what) + "\n", {}};
  if (status == 401) response.fields = "WWW-Authenticate: Basic realm=\"pedigree\"\r\n";
  return response;
}

http::Response failure(const authority::Refusal& refusal) {
  return failure(http::status_of(refusal.code), refusal.detail);
}

/// The subjectAltName that a request asks for, content of GeneralNames; empty where it asks for none.
Bytes requested_names(const csr::Request& request) {
  Bytes names;
  const auto look = [&](const x509::Extension& extension) {
    if (!equal(extension.oid, x509::oid::kSubjectAltName)) return;
    Reader in(extension.value);
    if (const auto list = der::read(in, der::kSequence)) names = list->content;
  };
  if (!x509::for_each_extension(request.requested_extensions(), look)) return {};
  return names;
}

}  // namespace

std::optional<EstPath> parse_est_path(std::string_view below) {
  EstPath path;
  const std::size_t slash = below.find('/');
  path.operation = below.substr(slash == std::string_view::npos ? 0 : slash + 1);
  if (path.operation.find('/') != std::string_view::npos) return std::nullopt;
  if (slash == std::string_view::npos) return path;
  const std::string_view label = below.substr(0, slash);
  const std::size_t dot = label.find('.');
  path.profile = label.substr(0, dot);
  if (dot != std::string_view::npos) path.issuer = label.substr(dot + 1);
  const bool named =
      authority::is_name(path.profile) && (dot == std::string_view::npos || authority::is_name(path.issuer));
  if (!named) return std::nullopt;
  return path;
}

std::optional<std::vector<std::uint8_t>> decode_est_body(std::string_view body) {
  if (body.size() > kMaxRequest) return std::nullopt;
  std::string text;
  text.reserve(body.size());
  std::ranges::copy_if(body, std::back_inserter(text),
                       [](char c) { return c != '\r' && c != '\n' && c != ' ' && c != '\t'; });
  auto octets = http::from_base64(text);
  if (!octets || octets->empty()) return std::nullopt;
  return octets;
}

std::string basic_password(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (authorization.size() <= kScheme.size() || authorization.size() > 1024 ||
      !http::is_media_type(authorization.substr(0, kScheme.size() - 1), "basic")) {
    return {};
  }
  const auto octets = http::from_base64(authorization.substr(kScheme.size()));
  if (!octets) return {};
  const std::string_view pair = as_text(*octets);
  const std::size_t colon = pair.find(':');
  return colon == std::string_view::npos ? std::string() : std::string(pair.substr(colon + 1));
}

authority::Der csr_attributes(const authority::Profile& profile) {
  namespace oid = x509::oid;
  using crypto::KeyType;
  authority::Der buffer(512);
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t list = out.open(der::kSequence);
  out.oid(oid::kSerialNumber);
  const auto takes = [&](KeyType type) {
    return std::ranges::find(profile.keys, type) != profile.keys.end();
  };
  const auto curve = [&](Bytes name) {
    const std::size_t attribute = out.open(der::kSequence);
    out.oid(oid::kEcPublicKey);
    const std::size_t values = out.open(der::kSet);
    out.oid(name);
    out.close(values);
    out.close(attribute);
  };
  // One curve: values of an attribute are what a client should use, not a choice (RFC 8951 3.4).
  if (takes(KeyType::p256)) {
    curve(oid::kSecp256r1);
    out.oid(oid::kEcdsaWithSha256);
  } else if (takes(KeyType::p384)) {
    curve(oid::kSecp384r1);
    out.oid(oid::kEcdsaWithSha384);
  } else if (takes(KeyType::ed25519)) {
    out.oid(oid::kEd25519);
  } else {
    out.oid(oid::kSha256WithRsa);
  }
  out.close(list);
  buffer.resize(writer.size());
  return buffer;
}

void Est::handle(std::string_view below, const http::Request& request, http::Respond respond) const {
  const auto path = parse_est_path(below);
  const auto is = [&](std::string_view operation) { return path && path->operation == operation; };
  const bool reads = is("cacerts") || is("csrattrs");
  if (!reads && !is("simpleenroll") && !is("simplereenroll")) {
    return respond(failure(404, "there is no such EST operation"));
  }
  if (request.method != (reads ? http::Method::get : http::Method::post)) {
    return respond(failure(405, "this operation does not take this method"));
  }
  if (is("cacerts")) return ca_certificates(*path, respond);
  if (is("csrattrs")) return attributes(*path, respond);
  enrol(*path, request, std::move(respond));
}

void Est::ca_certificates(const EstPath& path, const http::Respond& respond) const {
  const authority::Engine& engine = enrolment_.engine();
  const std::string_view profile = path.profile.empty() ? enrolment_.config().profile : path.profile;
  const auto issuer = engine.select_issuer(path.issuer, profile, enrolment_.now());
  if (!issuer) return respond(failure(404, issuer.error().detail));
  std::vector<Bytes> certificates((*issuer)->chain().begin(), (*issuer)->chain().end());
  certificates.push_back(engine.root());
  respond(encoded("application/pkcs7-mime", certs_only(certificates)));
}

void Est::attributes(const EstPath& path, const http::Respond& respond) const {
  const std::string_view profile = path.profile.empty() ? enrolment_.config().profile : path.profile;
  const auto& profiles = enrolment_.engine().config().profiles;
  const auto found = profiles.find(profile);
  if (found == profiles.end()) return respond(failure(404, "there is no such profile"));
  respond(encoded("application/csrattrs", csr_attributes(found->second)));
}

void Est::enrol(const EstPath& path, const http::Request& request, http::Respond respond) const {
  if (request.client->role == http::Role::none && request.authorization.empty()) {
    return respond(failure(401, "show a client certificate, or a one-time token as password"));
  }
  if (!http::is_media_type(request.content_type, "application/pkcs10")) {
    return respond(failure(415, "the Content-Type must be application/pkcs10"));
  }
  const auto csr = decode_est_body(request.body);
  if (!csr) return respond(failure(400, "the body is not a request in base64"));
  EnrolmentRequest wanted;
  wanted.client = request.client;
  wanted.csr = *csr;
  wanted.issuer = path.issuer;
  wanted.profile = path.profile.empty() ? enrolment_.config().profile : path.profile;
  wanted.actor = {request.client->name, request.client->from};
  if (const auto allowed = authorise(path, request, *csr, wanted); !allowed) {
    return respond(failure(allowed.error()));
  }
  const bool by_token = wanted.token.has_value();
  enrolment_.enrol(wanted, [by_token, respond = std::move(respond)](const auto& enrolled) {
    if (!enrolled) {
      // A token that is not good is a password that is not.
      const bool unknown = by_token && enrolled.error().code == ErrorCode::not_authorised;
      return respond(unknown ? failure(401, enrolled.error().detail) : failure(enrolled.error()));
    }
    // The certificate that was issued and no other (RFC 7030 4.2.3).
    const Bytes certificate = enrolled->chain.front();
    respond(encoded("application/pkcs7-mime; smime-type=certs-only", certs_only({&certificate, 1})));
  });
}

Answer<void> Est::authorise(const EstPath& path, const http::Request& request, Bytes csr,
                            EnrolmentRequest& wanted) const {
  const auto parsed = authority::parse_request(csr);
  if (!parsed) return std::unexpected(parsed.error());
  const auto device = named_device(parsed->subject());
  if (!device) return std::unexpected(device.error());
  wanted.device = *device;
  if (request.client->role == http::Role::device) return authorise_device(path, request, csr, wanted);
  if (path.operation == "simplereenroll") {
    return refuse(ErrorCode::not_authorised,
                  "simplereenroll takes the certificate that is to be renewed as client certificate");
  }
  if (request.client->role == http::Role::station) return {};
  const std::string password = basic_password(request.authorization);
  if (password.empty()) {
    return refuse(ErrorCode::not_authorised,
                  "enrolment takes a station's or the device's own certificate, or a one-time token");
  }
  const auto hash = enrolment_.engine().crypto().sha256(as_bytes(password));
  if (!hash) return refuse(hash.error());
  wanted.token = *hash;
  wanted.actor.who = "token " + registry::hex(Bytes(*hash).first(8));
  return {};
}

Answer<void> Est::authorise_device(const EstPath& path, const http::Request& request, Bytes csr,
                                   EnrolmentRequest& wanted) const {
  const auto own = enrolment_.own_certificate(request.client->certificate, true);
  if (!own) return std::unexpected(own.error());
  if (own->device != wanted.device) {
    return refuse(ErrorCode::not_authorised, "the request names another device than the client certificate");
  }
  wanted.actor.who = "device " + registry::hex(own->serial);
  const bool renews = path.operation == "simplereenroll";
  if (renews && path.profile.empty()) wanted.profile = own->profile;
  if (renews && wanted.profile != own->profile) {
    return refuse(ErrorCode::bad_request,
                  fmt::format("the client certificate is of profile {}: it renews no other", own->profile));
  }
  const auto certificate = x509::Certificate::parse(own->der);
  const auto parsed = csr::Request::parse(csr);
  if (!certificate || !parsed) return refuse(ErrorCode::bad_request, "the request cannot be read");
  if (renews) {
    const Bytes names = requested_names(*parsed);
    if (!names.empty() && !equal(names, certificate->extensions().subject_alt_name.value_or(Bytes()))) {
      return refuse(ErrorCode::bad_request, "the request's subjectAltName must be that of the certificate");
    }
    wanted.replaces = own->serial;
  }
  if (own->state != registry::CertificateState::revoked) return {};
  if (!renews)
    return refuse(ErrorCode::revoked, "the client certificate was replaced: use the one that replaced it");
  return enrolment_.check_renewal(*own, wanted.device, parsed->spki().whole);
}

}  // namespace pedigree::protocols
