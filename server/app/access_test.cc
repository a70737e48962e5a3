// SPDX-License-Identifier: Apache-2.0
// Who may do what, and what bad requests get: one clear answer, and a database that stays as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "authority/request.h"
#include "server/app/offline.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

/// One authority for all: nothing here may change it, and every test says so at its end.
class Access : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = std::make_unique<ServedAuthority>();
    enrol(*authority_->client("station"), Unit(1));
    const app::Layout layout = authority_->layout();
    const auto made = app::make_client(layout,
                                       {authority::TlsRole::auditor, "auditor 1", 0,
                                        layout.tls_certificate("auditor"), layout.tls_key("auditor")},
                                       app::SecretText(kPassphrase), std::time(nullptr));
    ASSERT_TRUE(made) << made.error().detail;
    // Asked for again, it is the same: nothing new is to be signed.
    EXPECT_EQ(authority_->client("operator")->get("/v1/audit/checkpoint").status, 200U);
  }
  static void TearDownTestSuite() { authority_.reset(); }
  void SetUp() override { before_ = authority_->dump(); }
  void TearDown() override {
    EXPECT_EQ(authority_->dump(), before_);
    EXPECT_EQ(authority_->client("")->get("/v1/health").status, 200U);
  }
  static void expect_problem(const Answer& answer, unsigned status, const std::string& error) {
    EXPECT_EQ(answer.status, status) << answer.body;
    ASSERT_EQ(answer.type, "application/json");
    const auto json = answer.json();
    EXPECT_EQ(json.at("error").as_string(), error);
    EXPECT_FALSE(json.at("message").as_string().empty());
    EXPECT_FALSE(json.at("detail").as_string().empty());
    EXPECT_GT(json.at("code").to_number<int>(), 0);
  }

  static std::unique_ptr<ServedAuthority> authority_;
  std::string before_;
};
std::unique_ptr<ServedAuthority> Access::authority_;

struct Call {
  const char* method;
  std::string target;
  std::set<std::string> roles;
};

TEST_F(Access, EveryPathHasItsRoles) {
  const std::string device = Unit(1).id();
  const Call calls[] = {
      {"POST", "/v1/enrol", {"station"}},
      {"POST", "/v1/nonce", {"station"}},
      {"POST", "/v1/receipt", {"station"}},
      {"POST", "/v1/revoke", {"operator"}},
      {"POST", "/v1/devices", {"operator"}},
      {"GET", "/v1/devices", {"operator", "auditor"}},
      {"GET", "/v1/events", {"operator", "auditor"}},
      {"GET", "/v1/batches", {"operator", "auditor"}},
      {"GET", "/v1/stations", {"operator", "auditor"}},
      {"GET", "/v1/devices/" + device, {"operator", "auditor"}},
      {"POST", "/v1/devices/" + device + "/state", {"operator"}},
      {"GET", "/v1/certificates/10112233445566778899aabbccddeeff", {"station", "operator", "auditor"}},
      {"GET", "/v1/issuers", {"station", "operator", "relying-party", "auditor"}},
      {"POST", "/v1/verify", {"operator", "relying-party"}},
      {"POST", "/v1/verify/batch", {"operator", "relying-party"}},
      {"POST", "/v1/verify/nonce", {"operator", "relying-party"}},
      {"GET", "/v1/verify/key", {"station", "operator", "relying-party", "auditor"}},
      {"POST", "/v1/issuers/acme/revoke", {"operator"}},
      {"GET", "/v1/signer-revocations", {"station", "operator", "relying-party", "auditor"}},
      {"POST", "/v1/signer-revocations", {"operator"}},
      {"GET", "/v1/audit/checkpoint", {"station", "operator", "relying-party", "auditor"}},
      {"GET", "/v1/audit/consistency?from=1&to=1", {"station", "operator", "relying-party", "auditor"}},
      {"GET", "/v1/audit/proof/10112233445566778899aabbccddeeff", {"operator", "auditor"}},
      {"GET", "/metrics", {"operator", "auditor"}},
      {"GET", "/v1/health", {"", "station", "operator", "relying-party", "auditor"}},
      {"GET", "/v1/health/live", {"", "station", "operator", "relying-party", "auditor"}},
      {"GET", "/v1/crl/acme", {"", "station", "operator", "relying-party", "auditor"}},
  };
  for (const std::string who : {"", "station", "operator", "relying-party", "auditor"}) {
    const auto client = authority_->client(who);
    for (const Call& call : calls) {
      SCOPED_TRACE(call.method + (" " + call.target) + " as '" + who + "'");
      const bool post = std::string(call.method) == "POST";
      const Answer answer = client->call(call.method, call.target, post ? "{}" : "");
      if (call.roles.contains(who)) {
        EXPECT_NE(answer.status, 403U) << answer.body;
      } else {
        expect_problem(answer, 403, "not_authorised");
      }
    }
  }
}

TEST_F(Access, CertificatesThatAreNoClientsOfThisAuthorityAreRefused) {
  const AuthorityFolder other;
  TlsFiles stranger = other.identity("station");
  stranger.ca = authority_->layout().tls_certificate("ca");
  // In TLS 1.3 the client learns of the refusal when it reads.
  EXPECT_THROW(Client(authority_->port(), stranger).get("/v1/issuers"), std::exception)
      << "a station of another authority";
  EXPECT_THROW(Client(authority_->port(), authority_->identity("server")).get("/v1/issuers"), std::exception)
      << "a server's certificate is for no client";
  const CommandResult curl =
      run({"curl", "-sS", "--noproxy", "*", "--cacert", stranger.ca.string(), "--cert",
           stranger.certificate.string(), "--key", stranger.key.string(), authority_->url() + "/v1/issuers"});
  EXPECT_THAT(curl.status, AnyOf(35, 55, 56)) << curl.output;
  EXPECT_THAT(curl.output, HasSubstr("alert"));
}

TEST_F(Access, OnlyTls13IsSpoken) {
  EXPECT_EQ(authority_->curl("station", "/v1/issuers", {"--tls-max", "1.2"}).status, 35);
  EXPECT_EQ(authority_->curl("station", "/v1/issuers", {"--tlsv1.3"}).status, 0);
  const std::string port = std::to_string(authority_->port());
  EXPECT_NE(run({"curl", "-sS", "--noproxy", "*", "http://127.0.0.1:" + port + "/v1/health"}).status, 0);
}

TEST_F(Access, UnknownPathsAndMethods) {
  const auto client = authority_->client("operator");
  for (const char* target : {"/", "/v1", "/v1/", "/v1/enrol/", "/v1/enrolx", "//v1/health", "/v1/devices/",
                             "/v1/devices/a/b/state", "/v1/crl/", "/v1/crl/../health", "/v2/health", "*",
                             "/v1/%68ealth", "/v1/crl/a/b", "https://127.0.0.1/v1/health"}) {
    SCOPED_TRACE(target);
    expect_problem(client->get(target), 404, "not_found");
  }
  expect_problem(client->get("/v1/crl/nobody"), 404, "not_found");
  expect_problem(client->get("/v1/devices/" + Unit(99).id()), 404, "not_found");
  for (const char* method : {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
    SCOPED_TRACE(method);
    expect_problem(client->call(method, "/v1/devices", ""), 405, "bad_request");
  }
  expect_problem(client->get("/v1/revoke"), 405, "bad_request");
  const CommandResult head = authority_->curl("", "/v1/health", {"--head"});
  EXPECT_EQ(head.status, 0) << head.output;
  EXPECT_THAT(head.output, EndsWith("\n405"));
}

TEST_F(Access, BadBodies) {
  const auto station = authority_->client("station");
  const auto operators = authority_->client("operator");
  const std::string nested(5000, '[');
  const std::string bodies[] = {"",
                                "{",
                                "null",
                                "[]",
                                "1",
                                "\"x\"",
                                "{}",
                                "{\"device\":1}",
                                "{\"device\":null}",
                                "{\"device\":\"01\"}",
                                "{\"device\":\"" + Unit(1).id() + "\"}",
                                nested,
                                "{\"device\":" + nested,
                                "\xff\xfe",
                                std::string("{\0}", 3),
                                "{} {}",
                                "{\"state\":\"active\"}",
                                "{\"serial\":\"10112233445566778899aabbccddeeff\"}"};
  for (const std::string& body : bodies) {
    for (const char* target : {"/v1/enrol", "/v1/nonce", "/v1/receipt"}) {
      SCOPED_TRACE(target + (" " + body.substr(0, 40)));
      expect_problem(station->call("POST", target, body), 400, "bad_request");
    }
    for (const std::string& target :
         {std::string("/v1/revoke"), std::string("/v1/devices"), "/v1/devices/" + Unit(1).id() + "/state"}) {
      SCOPED_TRACE(target + " " + body.substr(0, 40));
      expect_problem(operators->call("POST", target, body), 400, "bad_request");
    }
  }
  expect_problem(operators->post("/v1/devices", {{"devices", {1, 2}}}), 400, "bad_request");
  expect_problem(operators->post("/v1/devices", {{"devices", {{{"device", Unit(5).id()}}, "x"}}}), 400,
                 "bad_request");
  expect_problem(operators->post("/v1/devices/" + Unit(1).id() + "/state",
                                 {{"state", "retired"}, {"why", std::string(501, 'x')}}),
                 400, "bad_request");
}

TEST_F(Access, ABodyOfAnotherTypeIsNotRead) {
  // A browser that holds an operator's certificate sends these three to any address, without asking.
  const auto client = authority_->client("operator");
  const std::string body = R"({"devices":[{"device":")" + Unit(6).id() + R"("}]})";
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                           "application/cbor", "application/jsonx", "text/plain; application/json", ""}) {
    SCOPED_TRACE(type);
    expect_problem(client->call("POST", "/v1/devices", body, type), 415, "bad_request");
  }
}

class BadRequest : public Access {
 protected:
  Answer send(const Octets& csr, const char* profile = "iak") {
    auto body = enrol_body(unit_, nonce_, profile);
    body["csr"] = base64(csr);
    return station_->post("/v1/enrol", body);
  }
  std::unique_ptr<Client> station_ = authority_->client("station");
  const Unit unit_{1};
  std::string nonce_ = nonce_for(*station_, unit_);
};

TEST_F(BadRequest, TruncatedRequestsAreRefusedWithTheOffset) {
  const Octets csr = unit_.request(nonce_);
  for (std::size_t size = 1; size < csr.size(); size += 7) {
    const Answer answer = send({csr.begin(), csr.begin() + static_cast<std::ptrdiff_t>(size)});
    SCOPED_TRACE(size);
    EXPECT_EQ(answer.status, 400U) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("the request at offset "));
  }
  Octets longer = csr;
  longer.push_back(0);
  EXPECT_EQ(send(longer).error(), "trailing_data");
}

TEST_F(BadRequest, ASpoiltOctetAnywhereIsRefused) {
  const Octets csr = unit_.request(nonce_);
  for (std::size_t at = 0; at < csr.size(); at += 3) {
    Octets spoilt = csr;
    spoilt[at] ^= 0x40U;
    const Answer answer = send(spoilt);
    SCOPED_TRACE(at);
    EXPECT_GE(answer.status, 400U);
    EXPECT_LT(answer.status, 500U) << answer.body;
    expect_problem(answer, answer.status, answer.error());
  }
}

TEST_F(BadRequest, TextThatIsNoBase64IsRefused) {
  for (const std::string text : {"", "A", "AAA", "AA=A", "====", "A A=", "AAAB==", "AAB=", "\n"}) {
    auto body = enrol_body(unit_, nonce_);
    body["csr"] = text;
    SCOPED_TRACE(text);
    expect_problem(station_->post("/v1/enrol", body), 400, "bad_request");
  }
}

TEST_F(BadRequest, ANonceIsForOneDeviceOneProfileAndOneAuthority) {
  // enrol_body signs a request for the nonce that it is given, so only the nonce is wrong.
  const auto with = [&](const std::string& nonce, const char* profile) {
    return station_->post("/v1/enrol", enrol_body(unit_, nonce, profile));
  };
  expect_problem(with(nonce_, "idevid"), 422, "bad_nonce");
  expect_problem(with(std::string(64, '0'), "iak"), 422, "bad_nonce");
  expect_problem(with(std::string(64, 'f'), "iak"), 422, "bad_nonce");
  std::string spoilt = nonce_;
  spoilt[15] = spoilt[15] == '0' ? '1' : '0';  // the expiry, which the MAC covers
  expect_problem(with(spoilt, "iak"), 422, "bad_nonce");
  const Unit other(2);
  expect_problem(station_->post("/v1/enrol", enrol_body(other, nonce_)), 422, "bad_nonce");
  auto replayed = enrol_body(unit_, nonce_);
  replayed["csr"] = base64(unit_.request(std::string(64, '1')));
  expect_problem(station_->post("/v1/enrol", replayed), 422, "bad_nonce");
}

TEST_F(BadRequest, WhatAProfileDoesNotCertifyIsRefused) {
  const Unit rsa(1, crypto::KeyType::rsa2048);
  expect_problem(send(rsa.request(nonce_)), 422, "wrong_key_type");
  expect_problem(send(Unit(2).request(nonce_)), 400, "bad_request");
  auto body = enrol_body(unit_, nonce_);
  body["profile"] = "root";
  expect_problem(station_->post("/v1/enrol", body), 422, "unknown_profile");
  body = enrol_body(unit_, nonce_);
  body["issuer"] = "nobody";
  expect_problem(station_->post("/v1/enrol", body), 422, "unknown_issuer");
}

TEST_F(BadRequest, KeysFromAFixedSeedAreForTestProfilesOnly) {
  Unit debugging(1);
  debugging.set_entropy(enrol::Entropy::fixed);
  const Octets csr = debugging.request(nonce_);
  const Answer answer = send(csr);
  expect_problem(answer, 403, "fixed_entropy");
  EXPECT_THAT(answer.body, HasSubstr("install the product firmware"));
  // The same request passes where the profile is for tests, and every other source passes everywhere.
  authority::Profile profile = authority::default_profiles().front();
  const auto check = [&](const Octets& der) {
    registry::DeviceId device{};
    std::ranges::copy(unhex(debugging.id()), device.begin());
    return authority::check_request(host_crypto(), profile, device, unhex(nonce_), der);
  };
  EXPECT_EQ(check(csr).error().code, ErrorCode::fixed_entropy);
  profile.test_keys = true;
  EXPECT_TRUE(check(csr).has_value());
  profile.test_keys = false;
  for (const auto entropy : {enrol::Entropy::unknown, enrol::Entropy::platform, enrol::Entropy::seed}) {
    debugging.set_entropy(entropy);
    EXPECT_TRUE(check(debugging.request(nonce_)).has_value()) << enrol::name(entropy);
  }
  debugging.set_entropy(static_cast<enrol::Entropy>(4));
  EXPECT_EQ(check(debugging.request(nonce_)).error().code, ErrorCode::bad_attribute);
}

TEST_F(BadRequest, ReceiptsThatProveNothingAreRefused) {
  const Unit& stranger = unit_;  // the same device id, but not the key that is certified
  const std::string serial = authority_->sql("SELECT lower(hex(serial)) FROM certificate");
  const std::vector<Octets> chain{unhex(authority_->sql("SELECT lower(hex(der)) FROM certificate"))};
  const auto send_receipt = [&](const Octets& receipt, const std::string& named) {
    return station_->post(
        "/v1/receipt",
        {{"device", unit_.id()}, {"serial", named}, {"nonce", nonce_}, {"receipt", base64(receipt)}});
  };
  const Octets forged = stranger.receipt(chain, nonce_);
  expect_problem(send_receipt(forged, serial), 422, "bad_receipt");
  expect_problem(send_receipt(forged, "10112233445566778899aabbccddeeff"), 404, "not_found");
  for (std::size_t size = 1; size < forged.size(); size += 11) {
    expect_problem(send_receipt({forged.begin(), forged.begin() + static_cast<std::ptrdiff_t>(size)}, serial),
                   422, "bad_receipt");
  }
  expect_problem(send_receipt(Octets(4000, 0x81), serial), 422, "bad_receipt");
}

}  // namespace
}  // namespace pedigree::testing
