// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp.h"

#include <chrono>
#include <cstdlib>

#include "server/http/json.h"
#include "server/protocols/cmp_outcome.h"
#include "server/protocols/cmp_transaction.h"

namespace pedigree::protocols {

namespace {

/// A request with a chain of certificates has a few thousand octets.
constexpr std::size_t kMaxMessage = std::size_t{32} * 1024;
constexpr std::chrono::seconds kTimerPause{5};

http::Response failure(unsigned status, std::string_view what) {
  return {status, "text/plain; charset=utf-8", std::string(what) + "\n", {}};
}

std::unexpected<CmpRefusal> refused(CmpFailure failure, std::string text) {
  return std::unexpected(CmpRefusal{failure, std::move(text)});
}

bool is_spoken(CmpBody body) {
  switch (body) {
    case CmpBody::ir:
    case CmpBody::cr:
    case CmpBody::p10cr:
    case CmpBody::kur:
    case CmpBody::rr:
    case CmpBody::genm:
    case CmpBody::error:
    case CmpBody::cert_conf:
      return true;
    default:
      return false;
  }
}

bool ends_transaction(CmpBody body) {
  return body == CmpBody::cert_conf || body == CmpBody::error;
}

}  // namespace

Cmp::Cmp(Wanted wanted)
    : enrolment_(wanted.enrolment),
      signers_(wanted.signers),
      system_ca_(http::read_certificate(wanted.system_ca)),
      limits_(wanted.limits),
      metrics_(wanted.metrics),
      pending_(wanted.limits),
      timer_([this] { pending_.expire(enrolment_.now()); }, kTimerPause) {}

bool Cmp::is_in_time(const CmpOutline& outline) const {
  if (!outline.time) return true;
  const der::UnixTime off = *outline.time - enrolment_.now();
  return std::abs(off) <= der::UnixTime{enrolment_.config().cmp_clock_seconds};
}

bool Cmp::knows(const CmpPath& path) const {
  if (path.profile.empty()) return true;
  return enrolment_.engine().select_issuer(path.issuer, path.profile, enrolment_.now()).has_value();
}

Answer<std::pair<const authority::Issuer*, std::shared_ptr<const Delegate>>> Cmp::answering(
    const CmpPath& path) {
  const authority::Engine& engine = enrolment_.engine();
  const std::string_view profile = path.profile.empty() ? enrolment_.config().profile : path.profile;
  const auto selected = engine.select_issuer(path.issuer, profile, enrolment_.now());
  if (!selected) return std::unexpected(selected.error());
  auto delegate = signers_.find((*selected)->config().name, enrolment_.now());
  if (!delegate) return std::unexpected(delegate.error());
  return std::pair(*selected, *std::move(delegate));
}

std::expected<std::shared_ptr<CmpTransaction>, CmpRefusal> Cmp::transaction(const CmpPath& path,
                                                                            const CmpOutline& outline,
                                                                            const http::Request& request) {
  if (ends_transaction(outline.body)) {
    auto waiting = pending_.find(outline.transaction, enrolment_.now());
    if (waiting) return waiting;
    if (outline.body == CmpBody::error) {
      return refused(CmpFailure::bad_request, "there is no such CMP transaction");
    }
  }
  if (!system_ca_) return refused(CmpFailure::system_failure, "the system CA's certificate cannot be read");
  auto signer = find_cmp_signer(enrolment_, system_ca_.get(), outline, request.client->from);
  if (!signer) return std::unexpected(signer.error());
  auto ours = answering(path);
  if (!ours) return std::unexpected(cmp_refusal(ours.error()));
  auto one = CmpTransaction::begin(enrolment_,
                                   {*std::move(signer), path, ours->first, ours->second, limits_.seconds});
  if (!one) return refused(CmpFailure::system_failure, "OpenSSL cannot begin the transaction");
  return one;
}

std::expected<authority::Der, CmpRefusal> Cmp::exchange(const CmpPath& path, const CmpOutline& outline,
                                                        const http::Request& request) {
  if (!is_spoken(outline.body)) return refused(CmpFailure::bad_request, "this CMP operation is not spoken");
  if (!belongs_to(path, outline.body)) {
    return refused(CmpFailure::bad_request, "the message is not of the operation that the path names");
  }
  const CmpMessage parsed = parse_cmp_message(as_bytes(request.body));
  if (!parsed) return refused(CmpFailure::bad_data_format, "the PKIMessage cannot be read");
  const auto one = transaction(path, outline, request);
  if (!one) return std::unexpected(one.error());
  CmpTransaction& current = **one;
  const std::lock_guard lock(current.mutex());
  // Before anything of the message is believed.
  if (!current.is_signed(parsed.get())) {
    return refused(CmpFailure::bad_message_check,
                   "the message's signature is not by the key of the certificate that it shows");
  }
  if (!is_in_time(outline)) {
    return refused(CmpFailure::bad_time, "the message's time is too far off from the server's clock");
  }
  if (asks_for_certificate(outline.body) && !outline.implicit_confirm) {
    // Before anything is issued.
    const auto kept = pending_.keep(outline.transaction, current.signer(), *one, enrolment_.now());
    if (kept == CmpPending::Kept::in_use) {
      return refused(CmpFailure::transaction_id_in_use,
                     "a transaction with this transactionID waits already");
    }
    if (kept == CmpPending::Kept::full) {
      return refused(CmpFailure::system_unavail, "too many transactions wait for their certConf");
    }
  }
  if (outline.body == CmpBody::cert_conf && !current.is_open()) {
    return confirm_elsewhere(current, path, outline);
  }
  authority::Der answer = current.process(parsed.get(), outline);
  if (!current.is_open()) pending_.drop(outline.transaction, &current);
  if (ends_transaction(outline.body)) current.forget(outline.transaction);
  if (answer.empty()) return refused(CmpFailure::system_failure, "the answer cannot be written");
  return answer;
}

std::expected<authority::Der, CmpRefusal> Cmp::confirm_elsewhere(CmpTransaction& current, const CmpPath& path,
                                                                 const CmpOutline& outline) {
  const auto said = read_cmp_confirmation(outline.content);
  if (!said) return std::unexpected(cmp_refusal(said.error()));
  const auto done = current.confirm_issued(outline.transaction, *said);
  if (!done) return std::unexpected(done.error());
  const auto ours = answering(path);
  if (!ours) return std::unexpected(cmp_refusal(ours.error()));
  auto written =
      write_cmp_confirm(enrolment_.engine().crypto(), {ours->second, ours->first->chain()}, outline);
  if (!written) return refused(CmpFailure::system_failure, "the answer cannot be written");
  return *std::move(written);
}

http::Response Cmp::message(const authority::Der& der) {
  const CmpOutcome outcome = read_cmp_outcome(der);
  if (metrics_ != nullptr) {
    metrics_->cmp_answers.at({outcome.body, outcome.status, outcome.failure}).add();
  }
  http::Response response{200, "application/pkixcmp", std::string(as_text(der)), {}};
  if (outcome.failure != "none") response.reason = outcome.failure;
  return response;
}

http::Response Cmp::refuse(const CmpPath& path, const CmpOutline& outline, const CmpRefusal& refusal) {
  const auto ours = answering(path);
  if (!ours) return failure(http::status_of(ours.error().code), ours.error().detail);
  const auto written =
      write_cmp_error(enrolment_.engine().crypto(), {ours->second, ours->first->chain()}, outline, refusal);
  if (!written) return failure(http::status_of(written.error().code), sentence(written.error().code));
  return message(*written);
}

std::optional<http::Response> refuse_cmp_form(const http::Request& request) {
  const bool below = request.target.starts_with(Cmp::kPath);
  if (!below || !parse_cmp_path(request.target.substr(Cmp::kPath.size()))) {
    return failure(404, "there is no such path");
  }
  if (request.method != http::Method::post) return failure(405, "CMP takes POST");
  if (request.from_page) return failure(403, "this is not for pages in browsers");
  if (!http::is_media_type(request.content_type, "application/pkixcmp")) {
    return failure(415, "the Content-Type must be application/pkixcmp");
  }
  if (request.body.size() > kMaxMessage) return failure(413, "the message is too long");
  return std::nullopt;
}

void Cmp::handle(const http::Request& request, http::Respond respond) {
  if (auto refused = refuse_cmp_form(request)) return respond(*std::move(refused));
  const auto path = parse_cmp_path(request.target.substr(kPath.size()));
  if (!path || !knows(*path)) return respond(failure(404, "there is no such path"));
  const auto outline = read_cmp_outline(as_bytes(request.body));
  if (!outline) return respond(failure(400, outline.error().detail));
  const auto answer = exchange(*path, *outline, request);
  respond(answer ? message(*answer) : refuse(*path, *outline, answer.error()));
}

}  // namespace pedigree::protocols
