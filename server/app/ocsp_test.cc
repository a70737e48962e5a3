// SPDX-License-Identifier: Apache-2.0
// The OCSP responder as `openssl ocsp` and curl ask it, over HTTPS and plain HTTP.
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OcspTest : public ProtocolTest {
 protected:
  OcspTest() { serve_with(authority_, {{"ocsp", "true"}, {"http_listen", "\"127.0.0.1:0\""}}); }

  /// A device with a certificate, which is in NAME.crt.
  void issue(const std::string& name, std::uint64_t number) {
    const Answer issued = enrol(*authority_.client("station"), Unit(number), "tls-client");
    ASSERT_EQ(issued.status, 200U) << issued.body;
    write_file(folder_ / (name + ".crt"), to_pem("CERTIFICATE", chain_of(issued)[0]));
    serials_[name] = std::string(issued.json().at("serial").as_string());
  }
  void revoke(const std::string& name, const std::string& reason) {
    const Answer done =
        authority_.client("operator")
            ->post("/v1/revoke", {{"serial", serials_.at(name)}, {"reason", reason}, {"why", "a test"}});
    ASSERT_EQ(done.status, 200U) << done.body;
  }
  /// What openssl says, which checks signature, responder's certificate and nonce.
  std::string ask(const std::string& name, const std::string& options = "") {
    return ok("openssl ocsp -issuer $CA/issuers/vendor.cert.pem " + options + " -cert " + name +
              ".crt -url $OCSPHTTP -CAfile $CA/root.cert.pem -verify_other $CA/issuers/vendor.cert.pem "
              "-resp_text 2>&1");
  }

  std::map<std::string, std::string> serials_;
};

TEST_F(OcspTest, OpensslBelievesItWithAndWithoutANonceAndByBothHashes) {
  issue("a", 1);
  for (const char* options : {"", "-no_nonce", "-sha256", "-sha256 -no_nonce", "-no_nonce"}) {
    SCOPED_TRACE(options);
    const std::string said = ask("a", options);
    EXPECT_THAT(said, AllOf(HasSubstr("Response verify OK"), HasSubstr("a.crt: good"),
                            HasSubstr("OCSP Signing"), HasSubstr("OCSP No Check")));
    const bool nonce = std::string(options).find("no_nonce") == std::string::npos;
    EXPECT_THAT(said, Not(HasSubstr("WARNING: no nonce"))) << "it is repeated";
    EXPECT_EQ(said.find("OCSP Nonce") != std::string::npos, nonce);
  }
}

TEST_F(OcspTest, ARevocationIsAnsweredAtOnceAlsoWhereAnAnswerWasSignedBefore) {
  issue("a", 1);
  issue("b", 2);
  EXPECT_THAT(ask("a", "-no_nonce"), HasSubstr("a.crt: good"));
  EXPECT_THAT(ask("b", "-no_nonce"), HasSubstr("b.crt: good"));
  revoke("a", "keyCompromise");
  EXPECT_THAT(ask("a", "-no_nonce"), AllOf(HasSubstr("a.crt: revoked"), HasSubstr("Reason: keyCompromise")));
  EXPECT_THAT(ask("a"), HasSubstr("a.crt: revoked"));
  EXPECT_THAT(ask("b", "-no_nonce"), HasSubstr("b.crt: good"));
}

TEST_F(OcspTest, AnswersWithoutANonceAreSignedOnce) {
  issue("a", 1);
  ok("openssl ocsp -issuer $CA/issuers/vendor.cert.pem -cert a.crt -no_nonce -reqout req.der; for i in 1 2 "
     "3; do c -o $i.der "
     "-H 'Content-Type: application/ocsp-request' --data-binary @req.der $OCSPHTTP; done; cmp 1.der 2.der && "
     "cmp 2.der 3.der");
  const std::string get =
      ok("c -D head -o get.der \"$OCSPHTTP/$(openssl base64 -A -in req.der | sed 's/+/%2B/g; s,/,%2F,g; "
         "s/=/%3D/g')\"; cmp "
         "get.der 1.der; cat head");
  EXPECT_THAT(
      get, AllOf(HasSubstr("application/ocsp-response"), HasSubstr("max-age="), Not(HasSubstr("no-store"))));
  ok("c -o tls.der -H 'Content-Type: application/ocsp-request' --data-binary @req.der $OCSP; cmp tls.der "
     "1.der");
}

TEST_F(OcspTest, WhatItDoesNotKnowItSays) {
  issue("a", 1);
  EXPECT_THAT(ok("openssl ocsp -issuer $CA/issuers/vendor.cert.pem -serial 0x1234 -url $OCSPHTTP -CAfile "
                 "$CA/root.cert.pem 2>&1"),
              HasSubstr("0x1234: unknown"));
  EXPECT_THAT(sh("openssl ocsp -issuer $CA/root.cert.pem -serial 1 -url $OCSPHTTP 2>&1").output,
              HasSubstr("unauthorized (6)"));
  EXPECT_THAT(ok("cat $CA/issuers/acme.cert.pem $CA/issuers/vendor.cert.pem > cas.pem; openssl ocsp -issuer "
                 "$CA/issuers/acme.cert.pem -serial 0x" +
                 serials_.at("a") + " -url $OCSPHTTP -CAfile $CA/root.cert.pem -verify_other cas.pem 2>&1"),
              HasSubstr(": unknown"))
      << "another issuer's";
  // The intermediate below this one.
  EXPECT_THAT(ok("openssl ocsp -issuer $CA/issuers/vendor.cert.pem -cert $CA/issuers/acme.cert.pem -url "
                 "$OCSPHTTP -CAfile "
                 "$CA/root.cert.pem 2>&1"),
              HasSubstr("acme.cert.pem: good"));
  const Answer revoked =
      authority_.client("operator")
          ->post("/v1/issuers/acme/revoke", {{"reason", "cACompromise"}, {"why", "a test"}});
  ASSERT_EQ(revoked.status, 200U) << revoked.body;
  EXPECT_THAT(ok("openssl ocsp -issuer $CA/issuers/vendor.cert.pem -cert $CA/issuers/acme.cert.pem -url "
                 "$OCSPHTTP -CAfile "
                 "$CA/root.cert.pem 2>&1"),
              HasSubstr("acme.cert.pem: revoked"));
}

TEST_F(OcspTest, RubbishIsMalformedAndPlainHttpHasNothingElse) {
  const auto post = [&](const std::string& body, const std::string& type = "application/ocsp-request") {
    return ok("c -o answer -w '%{http_code} ' -H 'Content-Type: " + type + "' --data-binary '" + body +
              "' $OCSPHTTP; xxd -p answer");
  };
  EXPECT_EQ(post(""), "200 30030a0101");
  EXPECT_EQ(post("rubbish"), "200 30030a0101");
  EXPECT_EQ(post("x", "application/json"), "415 30030a0101");
  EXPECT_EQ(ok("c -o answer -w '%{http_code} ' $OCSPHTTP/%zz; xxd -p answer"), "400 30030a0101");
  EXPECT_EQ(ok("head -c 200000 /dev/zero > z; c -o answer -w '%{http_code}' -H 'Content-Type: "
               "application/ocsp-request' "
               "--data-binary @z $OCSPHTTP"),
            "413");
  for (const char* path :
       {"/v1/health", "/v1/issuers", "/v1/devices", "/.well-known/est/cacerts", "/api/v1/ccs"}) {
    EXPECT_EQ(ok(std::string("c -o /dev/null -w '%{http_code}' ${OCSPHTTP%/ocsp}") + path), "404") << path;
  }
  EXPECT_EQ(ok("c -o crl.der -w '%{http_code}' ${OCSPHTTP%/ocsp}/v1/crl/vendor; openssl crl -inform DER -in "
               "crl.der -noout "
               "-CAfile $CA/issuers/vendor.cert.pem 2>&1"),
            "200verify OK");
}

}  // namespace
}  // namespace pedigree::testing
