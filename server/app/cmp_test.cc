// SPDX-License-Identifier: Apache-2.0
// CMP as openssl cmp speaks it.
#include <algorithm>

#include "testing/authority/cmp_client.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(CmpTest, AStationEnrolsDevices) {
  enrol("a", kUuid);
  EXPECT_EQ(ok("openssl verify -x509_strict -CAfile $CA/root.cert.pem -untrusted $CA/issuers/vendor.cert.pem "
               "a.crt"),
            "a.crt: OK");
  EXPECT_THAT(ok("openssl x509 -in a.crt -noout -subject"), HasSubstr(std::string("CN = ") + kUuid));
  EXPECT_EQ(ok("openssl x509 -in a.crt -noout -pubkey"), ok("openssl pkey -in a.key -pubout"));
  EXPECT_EQ(authority_.sql("SELECT who, place FROM event WHERE what = 'issued'"),
            "station 1|127.0.0.1 (cmp)");
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout again.crt"), HasSubstr("exit 0"));
  EXPECT_EQ(ok("cat again.crt"), ok("cat a.crt")) << "asking again gives the same certificate";
  ok(std::string("req b /CN=") + kUuid);
  EXPECT_THAT(cmp("station", "p10cr -csr b.csr -certout b.crt"),
              AllOf(HasSubstr("exit 1"), HasSubstr("another key"), HasSubstr("duplicateCertReq")));
  EXPECT_EQ(certificates(), "1");
  const auto enrols = [&](const std::string& command, const std::string& uuid, const std::string& path) {
    make_key(command);
    return cmp(
        "station",
        command + " -newkey " + command + ".key -subject /CN=" + uuid + " -certout " + command + ".crt",
        path);
  };
  EXPECT_THAT(enrols("ir", kOtherUuid, "/initialization"), HasSubstr("exit 0"));
  EXPECT_THAT(enrols("cr", kOtherUuid, "/p/idevid.acme/certification"), HasSubstr("exit 0"));
  EXPECT_EQ(authority_.sql("SELECT profile || ' ' || issuer FROM certificate ORDER BY number"),
            "tls-client vendor\ntls-client vendor\nidevid acme");
  EXPECT_EQ(ok("openssl verify -CAfile $CA/root.cert.pem -untrusted $CA/issuers/vendor.cert.pem ir.crt"),
            "ir.crt: OK");
}

TEST_F(CmpTest, ADeviceUpdatesItsKeyAndAsksForFurtherCertificates) {
  enrol("old", kUuid);
  make_key("new");
  make_key("third");
  EXPECT_THAT(cmp("old", "kur -newkey new.key -certout new.crt", "/keyupdate"), HasSubstr("exit 0"));
  EXPECT_EQ(ok("openssl x509 -in new.crt -noout -subject"), ok("openssl x509 -in old.crt -noout -subject"));
  EXPECT_EQ(ok("openssl x509 -in new.crt -noout -pubkey"), ok("openssl pkey -in new.key -pubout"));
  EXPECT_EQ(authority_.sql("SELECT state || reason FROM certificate ORDER BY number"), "34\n10")
      << "superseded";
  EXPECT_THAT(authority_.sql("SELECT who FROM event ORDER BY number DESC LIMIT 1"), HasSubstr("device "));
  EXPECT_THAT(cmp("old", "kur -newkey new.key -certout again.crt"), HasSubstr("exit 0"))
      << "the answer was lost";
  EXPECT_EQ(ok("cat again.crt"), ok("cat new.crt"));
  EXPECT_THAT(cmp("old", "kur -newkey third.key -certout third.crt"),
              AllOf(HasSubstr("certRevoked"), HasSubstr("replaced")));
  EXPECT_THAT(cmp("old", "genm -infotype caCerts"), HasSubstr("certRevoked")) << "it is good for that alone";
  EXPECT_THAT(cmp("new", "kur -newkey third.key -certout third.crt"), HasSubstr("exit 0"));
  EXPECT_EQ(certificates(), "3");
  make_key("id");
  EXPECT_THAT(
      cmp("third", std::string("cr -newkey id.key -certout id.crt -subject /CN=") + kUuid, "/p/idevid"),
      HasSubstr("exit 0"));
  EXPECT_EQ(authority_.sql("SELECT profile FROM certificate ORDER BY number DESC LIMIT 1"), "idevid");
}

TEST_F(CmpTest, DevicesRevokeTheirOwnAndOperatorsAny) {
  enrol("a", kUuid);
  EXPECT_THAT(cmp("a", "rr -oldcert a.crt -revreason 1", "/revocation"), HasSubstr("exit 0"));
  EXPECT_EQ(authority_.sql("SELECT state || reason FROM certificate"), "31") << "keyCompromise";
  EXPECT_THAT(
      authority_.sql("SELECT who || place || why FROM event WHERE what = 'revoked'"),
      AllOf(HasSubstr("device "), HasSubstr("(cmp)"), HasSubstr("keyCompromise"), HasSubstr("CMP rr")));
  make_key("new");
  EXPECT_THAT(cmp("a", "kur -newkey new.key -certout new.crt"),
              AllOf(HasSubstr("certRevoked"), HasSubstr("exit 1")));
  enrol("b", kOtherUuid);
  EXPECT_THAT(cmp("operator", "rr -oldcert b.crt -revreason 4"), HasSubstr("exit 0"));
  EXPECT_EQ(authority_.sql("SELECT state || reason FROM certificate ORDER BY number"), "31\n34");
  EXPECT_THAT(cmp("operator", "rr -oldcert b.crt"), HasSubstr("certRevoked")) << "it is revoked already";
}

TEST_F(CmpTest, ConfirmationsAndGeneralMessages) {
  ok(std::string("req a /CN=") + kUuid + "; req b /CN=" + kUuid);
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout a.crt -implicit_confirm -reqout one.msg,two.msg"),
              HasSubstr("exit 0"));
  EXPECT_EQ(sh("test -s two.msg").status, 1) << "nothing was confirmed";
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout a.crt -disable_confirm"), HasSubstr("exit 0"));
  const std::string rejects = " -out_trusted $CA/tls/ca.cert.pem";
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout a.crt" + rejects), HasSubstr("exit 1"));
  EXPECT_EQ(authority_.sql("SELECT state FROM certificate"), "1")
      << "what was there before is not taken away by a client that rejects it";
  EXPECT_THAT(cmp("operator", "rr -oldcert a.crt -revreason 4"), HasSubstr("exit 0"));
  EXPECT_THAT(cmp("station", "p10cr -csr b.csr -certout b.crt" + rejects), HasSubstr("exit 1"));
  EXPECT_EQ(authority_.sql("SELECT state || reason FROM certificate ORDER BY number"), "34\n34")
      << "what it rejects is superseded";
  EXPECT_THAT(authority_.sql("SELECT why FROM event WHERE what = 'revoked'"), HasSubstr("certConf"));
  EXPECT_EQ(authority_.sql("SELECT state FROM device"), "3") << "the device may have another";
  EXPECT_THAT(cmp("station", "genm -infotype caCerts -rspout ca.rsp", "/p/iak.acme/getcacerts"),
              HasSubstr("exit 0"));
  const Octets answer = message("ca.rsp");
  for (const char* file : {"root.cert.pem", "issuers/acme.cert.pem", "issuers/vendor.cert.pem"}) {
    const Octets certificate = pem_ders(read_text(authority_.path() / file)).at(0);
    EXPECT_FALSE(std::ranges::search(answer, certificate).empty()) << file;
  }
  EXPECT_THAT(cmp("station", "genm -infotype signKeyPairTypes"), HasSubstr("exit 0"))
      << "what is not known is passed over";
}

}  // namespace
}  // namespace pedigree::testing
