// SPDX-License-Identifier: Apache-2.0
// The authority as it is served: a device's way through /v1, seen by our client, by curl, openssl and
// sqlite3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text(const boost::json::object& json, const char* key) {
  return std::string(json.at(key).as_string());
}

class Serve : public ::testing::Test {
 protected:
  Answer receipt(const Unit& unit, const Answer& issued, const std::string& nonce) {
    return station_->post("/v1/receipt", {{"device", unit.id()},
                                          {"serial", text(issued.json(), "serial")},
                                          {"nonce", nonce},
                                          {"receipt", base64(unit.receipt(chain_of(issued), nonce))}});
  }
  Answer revoke(const std::string& serial, const std::string& reason = "keyCompromise") {
    return operator_->post("/v1/revoke", {{"serial", serial}, {"reason", reason}, {"why", "a test"}});
  }
  Answer set_state(const Unit& unit, const std::string& state) {
    return operator_->post("/v1/devices/" + unit.id() + "/state", {{"state", state}, {"why", "a test"}});
  }
  std::string state_of(const Unit& unit) {
    return text(operator_->get("/v1/devices/" + unit.id()).json(), "state");
  }
  std::string events(const std::string& what) {
    return authority_.sql("SELECT count(*) FROM event WHERE what = '" + what + "'");
  }

  ServedAuthority authority_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
};

TEST_F(Serve, CarriesADeviceFromNonceToReceipt) {
  const Unit unit(1);
  const std::string nonce = nonce_for(*station_, unit);
  EXPECT_EQ(state_of(unit), "pending");
  const Answer issued = station_->post("/v1/enrol", enrol_body(unit, nonce));
  ASSERT_EQ(issued.status, 200U) << issued.body;
  EXPECT_FALSE(issued.json().at("reused").as_bool());
  EXPECT_EQ(state_of(unit), "issued");
  const Answer active = receipt(unit, issued, nonce);
  ASSERT_EQ(active.status, 200U) << active.body;
  EXPECT_EQ(text(active.json(), "state"), "active");
  EXPECT_EQ(state_of(unit), "active");
  EXPECT_EQ(receipt(unit, issued, nonce).status, 200U) << "a receipt may be repeated";
  EXPECT_EQ(events("receipt"), "1");

  const auto chain = chain_of(issued);
  ASSERT_EQ(chain.size(), 2U) << "without an issuer's name the first that has the profile signs";
  write_file(authority_.scratch("leaf.pem"), to_pem("CERTIFICATE", chain[0]));
  write_file(authority_.scratch("chain.pem"), to_pem("CERTIFICATE", chain[1]));
  const CommandResult verified =
      run({"openssl", "verify", "-x509_strict", "-CAfile", authority_.layout().root_certificate().string(),
           "-untrusted", authority_.scratch("chain.pem").string(), authority_.scratch("leaf.pem").string()});
  EXPECT_THAT(verified.output, EndsWith(": OK\n"));
  const auto stored = station_->get("/v1/certificates/" + text(issued.json(), "serial")).json();
  EXPECT_EQ(text(stored, "certificate"), base64(chain[0]));
  EXPECT_EQ(text(stored, "state"), "active");
  EXPECT_EQ(authority_.sql("SELECT hex(der) = upper('" + hex(chain[0]) + "') FROM certificate"), "1");
}

TEST_F(Serve, GivesTheSameCertificateAgain) {
  const Unit unit(1);
  const Answer first = enrol(*station_, unit);
  const Answer again = enrol(*station_, unit);
  ASSERT_EQ(first.status, 200U) << first.body;
  ASSERT_EQ(again.status, 200U) << again.body;
  EXPECT_TRUE(again.json().at("reused").as_bool());
  EXPECT_EQ(chain_of(first), chain_of(again));
  station_.reset();
  operator_.reset();
  authority_.restart();
  const Answer after = enrol(*authority_.client("station"), unit);
  EXPECT_EQ(chain_of(first), chain_of(after)) << "a restart changes nothing";
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "1");
}

TEST_F(Serve, RefusesASecondKeyAndAKeyTwice) {
  Unit unit(1);
  ASSERT_EQ(enrol(*station_, unit).status, 200U);
  const Answer second_key = enrol(*station_, Unit(1));
  EXPECT_EQ(second_key.status, 409U);
  EXPECT_EQ(second_key.error(), "second_key");
  EXPECT_EQ(events("alarm"), "1");
  const std::string owner = unit.id();
  unit.rename(Unit(2).id());
  const Answer same_key = enrol(*station_, unit);
  EXPECT_EQ(same_key.status, 409U);
  EXPECT_EQ(same_key.error(), "duplicate_key");
  EXPECT_THAT(text(same_key.json(), "detail"), HasSubstr(owner));
  EXPECT_EQ(events("alarm"), "3") << "the key's owner learns of it too";
  unit.rename(owner);
  const Answer other_profile = enrol(*station_, unit, "idevid");
  EXPECT_EQ(other_profile.error(), "duplicate_key") << "one key, one purpose";
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "1");
}

TEST_F(Serve, RevokesAndSaysSoInTheCrl) {
  const Unit unit(1);
  const std::string nonce = nonce_for(*station_, unit);
  const Answer issued = station_->post("/v1/enrol", enrol_body(unit, nonce));
  const std::string serial = text(issued.json(), "serial");
  const auto crl = [&] {
    const CommandResult got =
        authority_.curl("", "/v1/crl/vendor", {"-o", authority_.scratch("crl").string()});
    EXPECT_EQ(got.status, 0) << got.output;
    return run({"openssl", "crl", "-inform", "DER", "-in", authority_.scratch("crl").string(), "-noout",
                "-text", "-CAfile", authority_.layout().issuer_certificate("vendor").string()})
        .output;
  };
  const std::string before = crl();
  EXPECT_THAT(before, HasSubstr("verify OK"));
  EXPECT_THAT(before, HasSubstr("No Revoked Certificates"));

  const Answer revoked = revoke(serial);
  ASSERT_EQ(revoked.status, 200U) << revoked.body;
  const Answer again = revoke(serial, "superseded");
  EXPECT_EQ(again.json(), revoked.json()) << "the first date and reason stay";
  std::string digits = serial;
  for (char& c : digits) c = static_cast<char>(std::toupper(c));
  const std::string after = crl();
  EXPECT_THAT(after, HasSubstr("verify OK"));
  EXPECT_THAT(after, HasSubstr(digits));
  EXPECT_THAT(after, HasSubstr("Key Compromise"));

  EXPECT_EQ(state_of(unit), "revoked");
  const Answer refused = station_->post("/v1/nonce", {{"device", unit.id()}, {"profile", "iak"}});
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(refused.error(), "device_revoked");
  EXPECT_THAT(text(refused.json(), "detail"),
              HasSubstr("certificate 1 of 3 (serial " + serial + ") is revoked"));
  EXPECT_EQ(receipt(unit, issued, nonce).status, 403U);
  EXPECT_EQ(revoke("00112233445566778899aabbccddeeff").status, 400U) << "no serial number begins with 00";
  EXPECT_EQ(revoke("10112233445566778899aabbccddeeff").status, 404U);
}

TEST_F(Serve, RevokingAKeyThatLeakedRevokesTheDevice) {
  const Answer iak = enrol(*station_, Unit(1), "iak");
  const Answer idevid = enrol(*station_, Unit(1), "idevid");
  ASSERT_EQ(idevid.status, 200U) << idevid.body;
  ASSERT_EQ(revoke(text(iak.json(), "serial")).status, 200U);
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state <> 3"), "0")
      << "no certificate of a revoked device stays good in the CRL";
  EXPECT_EQ(events("revoked"), "2");
}

TEST_F(Serve, EveryCrlIsValidAtOnceAndHasANumberOfItsOwn) {
  const auto crl = [&] {
    write_file(authority_.scratch("crl"), authority_.client("")->get("/v1/crl/vendor").body);
    const CommandResult shown =
        run({"openssl", "crl", "-inform", "DER", "-in", authority_.scratch("crl").string(), "-crlnumber",
             "-out", authority_.scratch("crl.pem").string()});
    return shown.output;
  };
  const Answer good = enrol(*station_, Unit(1));
  write_file(authority_.scratch("leaf.pem"), to_pem("CERTIFICATE", chain_of(good)[0]));
  write_file(authority_.scratch("chain.pem"), to_pem("CERTIFICATE", chain_of(good)[1]));
  std::string last = crl();
  for (std::uint64_t number = 2; number < 6; ++number) {  // several in one second
    ASSERT_EQ(revoke(text(enrol(*station_, Unit(number)).json(), "serial")).status, 200U);
    const std::string next = crl();
    EXPECT_GT(next, last) << "RFC 5280 5.2.3";
    EXPECT_EQ(crl(), next);
    last = next;
    const CommandResult verified =
        run({"openssl", "verify", "-crl_check", "-CRLfile", authority_.scratch("crl.pem").string(), "-CAfile",
             authority_.layout().root_certificate().string(), "-untrusted",
             authority_.scratch("chain.pem").string(), authority_.scratch("leaf.pem").string()});
    EXPECT_THAT(verified.output, EndsWith(": OK\n")) << "a thisUpdate in the future is refused";
  }
}

TEST_F(Serve, ReplacesASupersededKey) {
  const Answer old = enrol(*station_, Unit(1));
  ASSERT_EQ(revoke(text(old.json(), "serial"), "superseded").status, 200U);
  const Answer fresh = enrol(*station_, Unit(1));
  ASSERT_EQ(fresh.status, 200U) << fresh.body;
  EXPECT_NE(text(fresh.json(), "serial"), text(old.json(), "serial"));
}

TEST_F(Serve, KeepsTheStatesOfDevices) {
  const Unit unit(1);
  EXPECT_EQ(set_state(unit, "suspended").status, 404U) << "nothing is known of it";
  const Answer issued = enrol(*station_, unit);
  ASSERT_EQ(set_state(unit, "suspended").status, 200U);
  const Answer suspended = station_->post("/v1/nonce", {{"device", unit.id()}, {"profile", "iak"}});
  EXPECT_EQ(suspended.status, 403U);
  EXPECT_EQ(suspended.error(), "device_suspended");
  EXPECT_EQ(text(set_state(unit, "active").json(), "state"), "issued") << "back to what it was";
  EXPECT_EQ(enrol(*station_, unit).status, 200U);
  for (const char* state : {"pending", "issued", "revoked", "expected"}) {
    const Answer refused = set_state(unit, state);
    EXPECT_EQ(refused.status, state == std::string("issued") ? 200U : 409U) << state << refused.body;
  }
  EXPECT_EQ(set_state(unit, "lost").status, 400U);
  ASSERT_EQ(set_state(unit, "retired").status, 200U);
  EXPECT_EQ(set_state(unit, "active").status, 409U);
  EXPECT_EQ(station_->post("/v1/nonce", {{"device", unit.id()}, {"profile", "iak"}}).error(), "retired");
}

TEST_F(Serve, ImportsAndListsDevices) {
  boost::json::array lines;
  for (std::uint64_t i = 1; i <= 5; ++i) lines.push_back({{"device", Unit(i).id()}, {"profile", "iak"}});
  const auto imported = operator_->post("/v1/devices", {{"devices", lines}}).json();
  EXPECT_EQ(imported.at("added").as_int64(), 5);
  EXPECT_EQ(operator_->post("/v1/devices", {{"devices", lines}}).json().at("known").as_int64(), 5);
  ASSERT_EQ(enrol(*station_, Unit(3)).status, 200U);
  EXPECT_EQ(station_->post("/v1/nonce", {{"device", Unit(4).id()}, {"profile", "idevid"}}).error(),
            "unknown_profile")
      << "the list gives it another profile";
  const auto page = operator_->get("/v1/devices?limit=2&state=expected").json();
  ASSERT_EQ(page.at("devices").as_array().size(), 2U);
  EXPECT_EQ(text(page, "next"), Unit(2).id());
  const auto rest = operator_->get("/v1/devices?limit=2&state=expected&after=" + text(page, "next")).json();
  EXPECT_EQ(text(rest.at("devices").as_array().at(0).as_object(), "device"), Unit(4).id());
  for (const char* query : {"limit=0", "limit=1001", "limit=x", "state=lost", "after=12"}) {
    EXPECT_EQ(operator_->get(std::string("/v1/devices?") + query).status, 400U) << query;
  }
}

TEST_F(Serve, AnswersCurl) {
  EXPECT_THAT(authority_.curl("", "/v1/health").output, HasSubstr(R"("status":"ok")"));
  const CommandResult issuers = authority_.curl("station", "/v1/issuers");
  EXPECT_THAT(issuers.output, HasSubstr(R"("name":"acme")"));
  EXPECT_THAT(issuers.output, EndsWith("\n200"));
  const Unit unit(7);
  const std::string body = boost::json::serialize(enrol_body(unit, nonce_for(*station_, unit)));
  const CommandResult issued = authority_.curl(
      "station", "/v1/enrol", {"-H", "Content-Type: application/json; charset=utf-8", "--data-raw", body});
  EXPECT_THAT(issued.output, EndsWith("\n200"));
  EXPECT_THAT(issued.output, Not(HasSubstr("error")));
}

TEST(ServeListed, CertifiesOnlyDevicesOnTheList) {
  const ServedAuthority authority(true);
  const auto station = authority.client("station");
  const std::string before = authority.dump();
  const Answer refused = station->post("/v1/nonce", {{"device", Unit(1).id()}, {"profile", "iak"}});
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(refused.error(), "unknown_device");
  EXPECT_EQ(authority.dump(), before);
  const boost::json::array lines{{{"device", Unit(1).id()}}};
  ASSERT_EQ(authority.client("operator")->post("/v1/devices", {{"devices", lines}}).status, 200U);
  EXPECT_EQ(enrol(*station, Unit(1)).status, 200U);
}

}  // namespace
}  // namespace pedigree::testing
