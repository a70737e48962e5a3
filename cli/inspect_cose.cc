// SPDX-License-Identifier: Apache-2.0
// COSE_Sign1 messages, and the receipt of a device in one.
#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/diagnostic.h"
#include "cli/files.h"
#include "cli/inspect.h"
#include "core/cose/cose.h"
#include "core/enrol/messages.h"
#include "core/firmware_image/revocation_list.h"
#include "core/grant/grant.h"
#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

std::string_view algorithm_text(cose::Algorithm algorithm) {
  switch (algorithm) {
    case cose::Algorithm::es256:
      return "ES256";
    case cose::Algorithm::es384:
      return "ES384";
    case cose::Algorithm::eddsa:
      return "EdDSA";
    case cose::Algorithm::ps256:
      return "PS256";
  }
  return "unknown";
}

void add_revocations(Report& report, const image::RevocationList& list) {
  report.kind = "signer revocations";
  report.title = fmt::format("list {} of {} revoked firmware signers", list.number, list.size());
  report.add("number", std::to_string(list.number), boost::json::value(list.number));
  report.add("issued at", time_text(list.issued_at), boost::json::value(list.issued_at));
  for (std::size_t i = 0; i < list.size(); ++i) report.add("key sha256", to_hex(list[i]));
}

void add_number(Report& report, const char* name, std::uint64_t value) {
  report.add(name, std::to_string(value), boost::json::value(value));
}

void add_time(Report& report, const char* name, std::uint64_t when) {
  report.add(name, time_text(static_cast<der::UnixTime>(when)), boost::json::value(when));
}

void add_grant(Report& report, const grant::Grant& grant) {
  using enum grant::Operation;
  report.kind = "grant";
  report.title =
      fmt::format("grant to {} for device {}", name(grant.operation), shorten(to_hex(grant.device_id)));
  report.add("operation", std::string(name(grant.operation)));
  report.add("device id", to_hex(grant.device_id));
  report.add("nonce", to_hex(grant.nonce));
  add_time(report, "issued at", grant.issued_at);
  add_time(report, "expires at", grant.expires_at);
  if (grant.operation <= destroy) add_number(report, "slot", grant.slot);
  if (grant.operation <= replace) {
    report.add("purpose", std::string(enrol::name(grant.purpose)));
    report.add("key", std::string(crypto::name(grant.type)));
  }
  if (grant.operation == repin) report.add("new root sha256", to_hex(grant.root));
}

/// What the signature of such a payload is over beside it.
Bytes context_of(Bytes payload) {
  if (image::parse_revocations(payload)) return as_bytes(image::kRevocationContext);
  return grant::decode(payload) ? as_bytes(grant::kContext) : Bytes();
}

void add_payload(Report& report, Bytes payload) {
  if (const auto grant = grant::decode(payload)) return add_grant(report, *grant);
  if (const auto list = image::parse_revocations(payload)) return add_revocations(report, *list);
  if (const auto receipt = enrol::decode<enrol::Receipt>(payload)) {
    report.kind = "receipt";
    report.title = "receipt of device " + shorten(to_hex(receipt->device_id));
    report.add("device id", to_hex(receipt->device_id));
    report.add("slot", std::to_string(receipt->slot), boost::json::value(receipt->slot));
    report.add("chain sha256", to_hex(receipt->chain_sha256));
    report.add("nonce", to_hex(receipt->nonce));
    return;
  }
  if (const auto claims = psa_token::Claims::parse(payload)) return add_claims(report, *claims);
  const auto text = diagnostic(payload);
  report.add("payload", text ? *text : "h'" + to_hex(payload) + "'");
}

/// Whether the leaf of the message's own x5chain verifies it; that leaf is trusted for nothing by this.
void add_verdict(Report& report, const cose::Sign1& message) {
  const auto leaf = x509::Certificate::parse(message.x5chain()->certificates[0]);
  if (!leaf || !leaf->spki().key || !message.payload()) {
    report.add("verified", "no: its payload or its leaf's key cannot be used", boost::json::value(false));
    return;
  }
  const crypto::OpenSslCrypto crypto;
  const Bytes context = context_of(*message.payload());
  Octets scratch(message.payload()->size() + message.protected_header().size() + context.size() + 64);
  const auto verdict = message.verify(crypto, *leaf->spki().key, context, scratch);
  report.add("verified",
             verdict ? "by the leaf of its own x5chain" : std::string(sentence(verdict.error().code)),
             boost::json::value(verdict.has_value()));
  if (!verdict) report.warnings.emplace_back("the signature does not verify by the leaf of its own x5chain");
}

}  // namespace

ReportResult report_sign1(Bytes cbor, der::UnixTime now) {
  const auto message = cose::Sign1::parse(cbor);
  if (!message) return std::unexpected(to_inspect_error(message.error(), "the COSE_Sign1"));
  Report report{.kind = "COSE_Sign1",
                .title = "COSE_Sign1",
                .remark = std::string(algorithm_text(message->algorithm()))};
  report.add("algorithm", std::string(algorithm_text(message->algorithm())));
  if (message->key_id()) report.add("key id", to_hex(*message->key_id()));
  if (message->payload()) {
    add_payload(report, *message->payload());
  } else {
    report.add("payload", "detached", nullptr);
  }
  report.add("signature", to_hex(message->signature()));
  if (!message->x5chain()) {
    report.add("verified", "not checked: the message brings no certificate", nullptr);
    return report;
  }
  const auto certificates = message->x5chain()->view();
  auto chain = report_chain({certificates.begin(), certificates.end()}, now);
  if (!chain) return chain;
  add_verdict(report, *message);
  report.parts_name = "x5chain";
  report.parts = std::move(chain->parts);
  return report;
}

}  // namespace pedigree::cli
