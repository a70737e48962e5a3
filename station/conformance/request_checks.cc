// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/cose/cose.h"
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/evidence/challenge.h"
#include "core/evidence/evidence.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "station/conformance/request.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using enrol::Command;
using enrol::CsrRequest;
using enrol::Purpose;

/// keyUsage digitalSignature, critical, as the one requested extension.
constexpr std::uint8_t kDigitalSignatureOnly[] = {0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01,
                                                  0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};

Checked check_pkcs10(Bench& bench, const TestKey& key, Bytes der, Bytes nonce) {
  const auto request = csr::Request::parse(der);
  if (!request) return unreadable(Side::device, request.error(), "the request");
  if (const auto proof = request->verify(bench.crypto); !proof) {
    return wrong("the request is not signed by its own key: " + std::string(sentence(proof.error().code)));
  }
  if (!equal(request->spki().whole, key.spki)) return wrong("the request is for another key than the slot's");
  const Bytes subject = x509::find_attribute(request->subject(), x509::oid::kSerialNumber);
  if (as_text(subject) != bench.info.id) return wrong("the request's subject is not the device id");
  if (as_text(request->challenge_password()) != hex(nonce)) {
    return wrong("the request's challengePassword is not the nonce");
  }
  if (!equal(request->requested_extensions(), kDigitalSignatureOnly)) {
    return wrong("the request asks for other extensions than keyUsage digitalSignature");
  }
  const auto entropy = enrol::read_entropy(request->find_attribute(enrol::kEntropyAttribute));
  if (!entropy || *entropy != bench.info.entropy) {
    return wrong("the request states another source of random numbers than info");
  }
  return {};
}

/// A token of the service's own: signed by `spki`, over the statement of these parts, by the secure side.
Checked check_statement(Bench& bench, evidence::Statement statement, Bytes token, Bytes nonce, Bytes subject,
                        const std::optional<Octets>& signer) {
  const auto message = cose::Sign1::parse(token);
  if (!message || !message->payload()) return wrong("the token is no COSE_Sign1 with a payload");
  const auto claims = psa_token::Claims::parse(*message->payload());
  if (!claims) return unreadable(Side::device, claims.error(), "the token's claims");
  const Bytes parts[] = {nonce, subject};
  const auto challenge = evidence::statement_challenge(statement, parts, bench.crypto);
  if (!challenge) return failed(Side::station, challenge.error().code);
  if (!equal(claims->nonce, *challenge)) return wrong("the token is over another statement than this one");
  if (claims->client_id <= 0) return wrong("the token was not asked for by the secure service");
  if (hex(claims->instance_id) != bench.info.id) return wrong("the token is of another device");
  if (!signer) return {};
  const auto key = x509::parse_spki(*signer);
  if (!key || !key->key) return wrong("the attestation key is of no known type");
  Octets scratch(2 * token.size() + 256);
  if (!message->verify(bench.crypto, *key->key, {}, scratch)) {
    return wrong("the token is not signed by the attestation key");
  }
  return {};
}

Checked check_token_request(Bench& bench, const TestKey& key, Bytes data, Bytes nonce) {
  const auto request = evidence::TokenRequest::parse(data);
  if (!request) return unreadable(Side::device, request.error(), "the token request");
  if (!equal(request->spki, key.spki)) return wrong("the token request is for another key than the slot's");
  return check_statement(bench, evidence::Statement::token_request, request->token, nonce, key.spki,
                         Octets(key.spki));
}

/// The request once more, in the smallest parts: the same octets.
Checked check_parts(Bench& bench) {
  STATION_ASSIGN(const TestKey key, bench.begin());
  const Octets nonce = bench.nonce();
  STATION_ASSIGN(const Octets whole, bench.device.csr(key.slot, nonce));
  for (std::uint32_t offset = 0; offset <= whole.size(); offset += 53) {
    STATION_ASSIGN(const Octets payload,
                   bench.read(Command::csr, CsrRequest{key.slot, nonce, offset, false}, true));
    STATION_ASSIGN(const auto part, decoded<enrol::ChunkResponse>(payload, "a part of the request"));
    if (part.offset != offset)
      return wrong(fmt::format("offset {} was answered with {}", offset, part.offset));
    if (part.total.has_value() != (offset == 0)) return wrong("len is not there at offset 0 alone");
    const Bytes rest = Bytes(whole).subspan(offset);
    if (part.data.size() > rest.size() || !equal(part.data, rest.first(part.data.size()))) {
      return wrong(fmt::format("the part at offset {} is not of the request that began", offset));
    }
    if (part.data.empty() && !rest.empty()) return wrong(fmt::format("nothing came at offset {}", offset));
  }
  const auto beyond = static_cast<std::uint32_t>(whole.size() + 1);
  return expect_error(bench.read(Command::csr, CsrRequest{key.slot, nonce, beyond, false}),
                      "an offset behind the request", {ErrorCode::bad_offset});
}

/// Parts of another request than the one at hand are of that other one.
Checked check_two_at_once(Bench& bench) {
  STATION_TRY(bench.may_make_keys(2));
  STATION_ASSIGN(const TestKey first, bench.begin(Purpose::tls));
  STATION_ASSIGN(const TestKey second, bench.begin(Purpose::data));
  const Octets nonce = bench.nonce();
  STATION_ASSIGN(const Octets a, bench.device.csr(first.slot, nonce));
  STATION_ASSIGN(const Octets b, bench.device.csr(second.slot, nonce));
  STATION_TRY(check_pkcs10(bench, first, a, nonce));
  return check_pkcs10(bench, second, b, nonce);
}

Checked check_bad_nonce(Bench& bench) {
  STATION_ASSIGN(const TestKey key, bench.begin());
  for (const std::size_t size : {std::size_t{0}, std::size_t{31}, std::size_t{33}, std::size_t{64}}) {
    const Octets nonce = bench.nonce(size);
    STATION_TRY(expect_error(bench.read(Command::csr, CsrRequest{key.slot, nonce, 0, false}, true),
                             fmt::format("a nonce of {} octets", size), {ErrorCode::bad_value}));
  }
  return expect_error(bench.read(Command::csr, enrol::SlotRequest{key.slot}, true), "no nonce",
                      {ErrorCode::missing_field});
}

Checked check_no_key(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  const std::uint32_t empty = bench.free_slots().front();
  for (const std::uint32_t slot : {empty, 0U, bench.info.slots_total + 1, 0xffffffffU}) {
    STATION_TRY(expect_error(bench.device.csr(slot, bench.nonce()), "the request of an empty slot",
                             {ErrorCode::slot_not_found}));
  }
  return {};
}

/// The public key that signs the device's tokens, where the suite may begin with it.
Outcome<std::optional<Octets>> attestation_key(Bench& bench) {
  constexpr auto kBuiltin = 1U << static_cast<unsigned>(enrol::Origin::builtin);
  if ((bench.info.origins & kBuiltin) == 0 || bench.foreign(Purpose::iak)) return std::nullopt;
  enrol::BeginRequest request = generate(bench.free_slots().front(), Purpose::iak);
  request.origin = enrol::Origin::builtin;
  STATION_ASSIGN(const TestKey key, bench.begin(request));
  return key.spki;
}

Checked check_evidence(Bench& bench) {
  if (!bench.attests.value_or(false)) return not_run("the device does not attest");
  STATION_TRY(bench.may_make_keys(2));
  STATION_ASSIGN(const auto signer, attestation_key(bench));
  STATION_ASSIGN(const TestKey key, bench.begin(Purpose::tls));
  const Octets nonce = bench.nonce();
  STATION_ASSIGN(const Octets der, bench.device.csr(key.slot, nonce, true));
  STATION_TRY(check_pkcs10(bench, key, der, nonce));
  const auto token = evidence::find_token(*csr::Request::parse(der));
  if (!token) return wrong("the request has no evidence: " + std::string(sentence(token.error().code)));
  STATION_TRY(check_statement(bench, evidence::Statement::evidence, *token, nonce, key.spki, signer));
  // Without asking there is none.
  STATION_ASSIGN(const Octets plain, bench.device.csr(key.slot, nonce));
  const auto request = csr::Request::parse(plain);
  if (!request || evidence::find_token(*request)) return wrong("there is evidence that was not asked for");
  return {};
}

}  // namespace

Checked check_proof(Bench& bench, const TestKey& key, enrol::Origin origin) {
  for (unsigned i = 0; i < 2; ++i) {
    const Octets nonce = bench.nonce();
    STATION_ASSIGN(const Octets data, bench.device.csr(key.slot, nonce));
    const bool token = origin == enrol::Origin::builtin && evidence::is_token_request(data);
    STATION_TRY(token ? check_token_request(bench, key, data, nonce) : check_pkcs10(bench, key, data, nonce));
  }
  return {};
}

void add_request_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Checked (*run)(Bench&)) {
    checks.push_back({"request", name, what, Effect::keys, run});
  };
  add("parts", "a request can be read from any offset, and stays the same", check_parts);
  add("two-at-once", "requests of two slots are not mixed up", check_two_at_once);
  add("bad-nonce", "a nonce has 32 octets", check_bad_nonce);
  add("no-key", "an empty slot, or one that does not exist, has no request", check_no_key);
  add("evidence", "evidence is a token over the nonce and this very key", check_evidence);
}

}  // namespace pedigree::station::conformance
