// SPDX-License-Identifier: Apache-2.0
// Intermediates under /v1: what they are, their CRLs, and their revocation.
#include <fmt/format.h>

#include <algorithm>

#include "authority/text.h"
#include "server/http/api_call.h"

namespace pedigree::http {

void Api::issuers(Call& call) {
  const auto revoked = store_.revoked_issuers();
  if (!revoked) return call.respond(error_response(revoked.error().code, sentence(revoked.error().code)));
  const auto state_of = [&](const authority::Issuer& issuer) {
    const bool gone =
        std::ranges::any_of(*revoked, [&](const auto& one) { return one.name == issuer.config().name; });
    return gone ? std::string_view("revoked") : registry::name(engine_.state(issuer));
  };
  boost::json::array list;
  for (const authority::Issuer& issuer : engine_.issuers()) {
    boost::json::array profiles;
    for (const std::string& profile : issuer.config().profiles) profiles.emplace_back(profile);
    boost::json::array chain;
    for (const authority::Der& certificate : issuer.chain()) chain.emplace_back(to_base64(certificate));
    std::array<std::uint8_t, 512> subject{};
    Writer text(subject);
    if (const auto certificate = x509::Certificate::parse(issuer.chain().front())) {
      x509::print_name(certificate->subject(), text);
    }
    list.push_back({{"name", issuer.config().name},
                    {"subject", as_text(text.written())},
                    {"state", state_of(issuer)},
                    {"factory", issuer.config().factory},
                    {"from", issuer.from()},
                    {"until", issuer.until()},
                    {"profiles", std::move(profiles)},
                    {"chain", std::move(chain)},
                    {"root_spki_sha256", registry::hex(engine_.root_spki_sha256())}});
  }
  call.respond(json_response({{"issuers", std::move(list)}, {"root", to_base64(engine_.root())}}));
}

void Api::crl(Call& call) {
  const auto name = parse_crl_name(call.argument);
  if (!name) {
    return call.respond(error_response(ErrorCode::not_found,
                                       "a CRL is at /v1/crl/ISSUER, a part of it at /v1/crl/ISSUER/0000001f, "
                                       "a delta CRL at /v1/crl/ISSUER/delta"));
  }
  crls_.get(*name, call.request.if_none_match, std::move(call.respond));
}

void Api::revoke_issuer(Call& call) {
  const authority::Issuer* issuer = engine_.find_issuer(call.argument);
  if (issuer == nullptr) {
    return call.respond(error_response(ErrorCode::not_found, "there is no such intermediate"));
  }
  Body body(call.request.body);
  const auto reason = registry::parse_reason(body.text("reason"));
  if (!reason) body.wrong("\"reason\" is not a reason of RFC 5280 5.3.1 that can be used here");
  const std::string why(body.text("why"));
  if (why.empty() || why.size() > 500) body.wrong("\"why\" must be 1 to 500 characters");
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  const auto certificate = x509::Certificate::parse(issuer->chain().front());
  if (!certificate) {
    return call.respond(error_response(certificate.error().code, sentence(certificate.error().code)));
  }
  const Bytes serial = certificate->serial();
  registry::IssuerRevocation revocation{issuer->config().name,
                                        issuer->config().parent,
                                        {serial.begin(), serial.end()},
                                        *reason,
                                        why,
                                        call.actor(),
                                        clock_()};
  store_.revoke_issuer(std::move(revocation), [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response({{"name", outcome->name},
                           {"parent", outcome->parent},
                           {"serial", registry::hex(outcome->serial)},
                           {"revoked_at", outcome->when},
                           {"reason", x509::name(outcome->reason)}}));
  });
}

namespace {

/// Why an intermediate cannot be put into this state; empty: it can.
std::string objection(const authority::Issuer& issuer, registry::IssuerState state, der::UnixTime now) {
  const std::string& name = issuer.config().name;
  if (state == registry::IssuerState::retired) return {};
  if (issuer.config().state == registry::IssuerState::retired) {
    return fmt::format("authority.toml says that intermediate {} is retired, which no order changes", name);
  }
  if (state == registry::IssuerState::active && now > issuer.until()) {
    return fmt::format("intermediate {} issues nothing after {}", name, authority::iso_time(issuer.until()));
  }
  return {};
}

}  // namespace

void Api::issuer_state(Call& call) {
  Body body(call.request.body);
  const auto state = registry::parse_issuer_state(body.text("state"));
  if (!state) body.wrong("\"state\" must be standby, active or retired");
  const std::string retires(body.optional_text("retires"));
  const std::string why(body.text("why"));
  if (why.empty() || why.size() > 500) body.wrong("\"why\" must be 1 to 500 characters");
  if (!retires.empty() && (state != registry::IssuerState::active || retires == call.argument)) {
    body.wrong("\"retires\" names another intermediate, in whose place this one becomes active");
  }
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  const der::UnixTime now = clock_();
  std::vector<registry::IssuerOrder> orders{{std::string(call.argument), *state, why, call.actor(), now}};
  if (!retires.empty()) orders.push_back({retires, registry::IssuerState::retired, why, call.actor(), now});
  for (const registry::IssuerOrder& order : orders) {
    const authority::Issuer* issuer = engine_.find_issuer(order.name);
    if (issuer == nullptr) {
      return call.respond(error_response(
          ErrorCode::not_found, fmt::format("there is no intermediate \"{}\"", order.name.substr(0, 64))));
    }
    const std::string no = objection(*issuer, order.state, now);
    if (!no.empty()) return call.respond(error_response(ErrorCode::wrong_state, no));
  }
  store_.order_issuers(
      orders, [this, orders, retires, respond = std::move(call.respond)](const auto& outcome) {
        if (!outcome) return conflict(respond, outcome.error());
        engine_.apply(orders);
        const registry::IssuerOrder& order = orders.front();
        respond(json_response(
            {{"name", order.name}, {"state", registry::name(order.state)}, {"retires", retires}}));
      });
}

}  // namespace pedigree::http
