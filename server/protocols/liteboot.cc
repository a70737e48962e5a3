// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/liteboot.h"

#include <fmt/format.h>

#include <algorithm>

#include "authority/request.h"
#include "core/csr/csr.h"
#include "server/http/json.h"

namespace pedigree::protocols {

using authority::refuse;
using http::Role;

namespace {

constexpr std::string_view kBase = "/api/v1/";
/// Serial numbers in one answer: with more it would be no answer for a device with a buffer of 1 KB.
constexpr std::size_t kMaxSerials = 32;

http::Response failure(LitebootForm form, const authority::Refusal& refusal) {
  // The API knows 400 for everything; what may be tried again is told apart.
  const unsigned status = http::status_of(refusal.code);
  const unsigned kept = status == 503 || refusal.code == ErrorCode::not_authorised ? status : 400;
  return liteboot_error(form, kept, refusal.detail);
}

http::Response failure(LitebootForm form, const Error& error) {
  return failure(form, authority::Refusal{error.code, std::string(sentence(error.code))});
}

Answer<registry::DeviceId> device_of(const csr::Request& request) {
  return named_device(request.subject());
}

}  // namespace

void Liteboot::handle(const http::Request& request, http::Respond respond) {
  const bool is_form = http::is_media_type(request.content_type, "multipart/form-data");
  const auto form = is_form ? LitebootForm::json : liteboot_form(request.content_type);
  if (!form) {
    return respond(liteboot_error(LitebootForm::json, 400,
                                  "bad request: Content-Type must be application/cbor or application/json"));
  }
  if (!request.target.starts_with(kBase)) return respond(liteboot_error(*form, 404, "endpoint not found"));
  if (request.client->role == Role::none) {
    return respond(liteboot_error(*form, 403, "a client certificate is needed"));
  }
  // Any site may have a browser send a form, with the certificate of whoever sits before it.
  if (request.from_page) return respond(liteboot_error(*form, 403, "this is not for pages in browsers"));
  const std::string_view path = request.target.substr(kBase.size());
  Call call{request, *form, {}, std::move(respond)};
  if (is_form && path != "p10cr") {
    return call.respond(
        liteboot_error(*form, 400, "bad request: Content-Type must be application/cbor or application/json"));
  }
  if (request.method == http::Method::post) return post(path, std::move(call));
  if (request.method == http::Method::get) return get(path, call);
  call.respond(liteboot_error(*form, 405, "this path does not take this method"));
}

void Liteboot::post(std::string_view path, Call call) const {
  if (path == "cr") return certify(std::move(call), &Liteboot::first_request);
  if (path == "p10cr") return certify_form(std::move(call));
  if (path == "kur") return certify(std::move(call), &Liteboot::update_request);
  if (path == "krr") return revoke(std::move(call));
  call.respond(liteboot_error(call.form, 404, "endpoint not found"));
}

void Liteboot::get(std::string_view path, const Call& call) const {
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  const Call with{call.request, call.form,
                  slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1),
                  call.respond};
  if (name == "ds") return device_status(with);
  if (name == "cs") return certificate_status(with);
  if (name == "cc") return certificate_copy(with);
  if (path == "ccs") return hub(with);
  call.respond(liteboot_error(call.form, 404, "endpoint not found"));
}

Answer<EnrolmentRequest> Liteboot::first_request(const http::Request& request, Bytes csr) const {
  const Role role = request.client->role;
  if (role != Role::bootstrap && role != Role::station) {
    return refuse(ErrorCode::not_authorised, "a bootstrap or station certificate is needed");
  }
  const auto parsed = authority::parse_request(csr);
  if (!parsed) return std::unexpected(parsed.error());
  const auto device = device_of(*parsed);
  if (!device) return std::unexpected(device.error());
  return EnrolmentRequest{request.client,
                          *device,
                          enrolment_.config().profile,
                          {},
                          csr,
                          {},
                          {request.client->name, request.client->from}};
}

void Liteboot::certify(Call call, Rules rules) const {
  const auto csr = read_csr(call.form, call.request.body);
  if (!csr) {
    return call.respond(
        liteboot_error(call.form, 400, "Bad request: POST data did not match specified Content-Type"));
  }
  const auto wanted = (this->*rules)(call.request, *csr);
  if (!wanted) return call.respond(failure(call.form, wanted.error()));
  enrolment_.enrol(*wanted, [form = call.form, respond = std::move(call.respond)](const auto& enrolled) {
    respond(enrolled ? certificate_answer(form, enrolled->chain.front()) : failure(form, enrolled.error()));
  });
}

void Liteboot::certify_form(Call call) const {
  const auto file = form_field(call.request.content_type, call.request.body, "csrfile");
  if (!file) return call.respond(liteboot_error(call.form, 400, "Missing csrfile file"));
  const auto csr = read_pem_request(*file);
  if (!csr) return call.respond(liteboot_error(call.form, 400, "Expecting BEGIN CERTIFICATE REQUEST"));
  const auto wanted = first_request(call.request, *csr);
  if (!wanted) return call.respond(failure(call.form, wanted.error()));
  enrolment_.enrol(*wanted, [form = call.form, respond = std::move(call.respond)](const auto& enrolled) {
    if (!enrolled) return respond(failure(form, enrolled.error()));
    respond({200, "application/x-pem-file", pem_certificate(enrolled->chain.front()), {}});
  });
}

Answer<EnrolmentRequest> Liteboot::update_request(const http::Request& request, Bytes csr) const {
  if (request.client->role != Role::device) {
    return refuse(ErrorCode::not_authorised,
                  "the certificate that is to be updated is needed as client certificate");
  }
  const auto own = enrolment_.own_certificate(request.client->certificate, true);
  if (!own) return std::unexpected(own.error());
  const auto parsed = authority::parse_request(csr);
  if (!parsed) return std::unexpected(parsed.error());
  const auto device = device_of(*parsed);
  if (!device) return std::unexpected(device.error());
  if (const auto renewed = enrolment_.check_renewal(*own, *device, parsed->spki().whole); !renewed) {
    return std::unexpected(renewed.error());
  }
  EnrolmentRequest wanted{request.client,
                          *device,
                          own->profile,
                          {},
                          csr,
                          {},
                          {"device " + registry::hex(own->serial), request.client->from}};
  wanted.replaces = own->serial;
  return wanted;
}

void Liteboot::revoke(Call call) const {
  const auto request = read_revocation(call.form, call.request.body);
  if (!request) {
    return call.respond(
        liteboot_error(call.form, 400, "Bad request: POST data did not match specified Content-Type"));
  }
  const Role role = call.request.client->role;
  registry::Revocation revocation{
      {}, request->reason, "krr", {call.request.client->name, call.request.client->from}, enrolment_.now()};
  if (role == Role::device) {
    const auto own = enrolment_.own_certificate(call.request.client->certificate, false);
    if (!own) return call.respond(failure(call.form, own.error()));
    const auto named = request->serial ? enrolment_.store().certificate(*request->serial)
                                       : Result<registry::Certificate>(*own);
    if (!named || named->device != own->device) {
      return call.respond(liteboot_error(call.form, 403, "a device revokes certificates of its own"));
    }
    revocation.serial = named->serial;
    revocation.actor.who = "device " + registry::hex(own->serial);
  } else if (role == Role::operator_ && request->serial) {
    revocation.serial = *request->serial;
  } else {
    return call.respond(liteboot_error(
        call.form, 403, "the device's own certificate is needed, or an operator's and a serial number"));
  }
  enrolment_.revoke(std::move(revocation),
                    [form = call.form, respond = std::move(call.respond)](const auto& done) {
                      respond(done ? done_answer(form) : failure(form, done.error()));
                    });
}

void Liteboot::device_status(const Call& call) const {
  const auto device = registry::parse_device_name(call.argument);
  if (!device) return call.respond(liteboot_error(call.form, 400, "need a valid UUID"));
  const auto certificates = enrolment_.store().certificates(*device);
  if (!certificates) return call.respond(failure(call.form, certificates.error()));
  std::vector<registry::Serial> serials;
  for (const registry::Certificate& one : *certificates) {
    const bool valid = one.state != registry::CertificateState::revoked && enrolment_.now() <= one.not_after;
    if (valid && serials.size() < kMaxSerials) serials.push_back(one.serial);
  }
  call.respond(serials_answer(call.form, serials));
}

std::expected<registry::Certificate, http::Response> Liteboot::find(const Call& call) const {
  const bool digits = !call.argument.empty() &&
                      std::ranges::all_of(call.argument, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return std::unexpected(liteboot_error(call.form, 400, "invalid request"));
  const auto serial = parse_decimal_serial(call.argument);
  if (!serial) return std::unexpected(liteboot_error(call.form, 400, "invalid serial number"));
  auto found = enrolment_.store().certificate(*serial);
  if (!found && found.error().code == ErrorCode::not_found) {
    return std::unexpected(liteboot_error(call.form, 400, "invalid serial number"));
  }
  if (!found) return std::unexpected(failure(call.form, found.error()));
  return *std::move(found);
}

void Liteboot::certificate_status(const Call& call) const {
  const auto found = find(call);
  if (!found) return call.respond(found.error());
  call.respond(validity_answer(call.form, found->state != registry::CertificateState::revoked &&
                                              enrolment_.now() <= found->not_after));
}

void Liteboot::certificate_copy(const Call& call) const {
  const auto found = find(call);
  if (!found) return call.respond(found.error());
  call.respond(copy_answer(call.form, pem_certificate(found->der)));
}

void Liteboot::hub(const Call& call) const {
  const authority::ProtocolsConfig& config = enrolment_.config();
  if (config.hub_name.empty()) return call.respond(liteboot_error(call.form, 400, "no broker is configured"));
  call.respond(hub_answer(call.form, config.hub_name, config.hub_port));
}

}  // namespace pedigree::protocols
