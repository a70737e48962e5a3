// SPDX-License-Identifier: Apache-2.0
// EST as curl with openssl, and strongSwan's pki, speak it.
#include "server/app/enrol_token.h"
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kUuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc634";
constexpr const char* kOtherUuid = "66d38f73-3f6f-4a59-86bc-d315a1ccc634";

class EstTest : public ProtocolTest {
 protected:
  EstTest() { serve_with(authority_, {{"est", "true"}}); }

  /// Posts NAME.csr; the answer is in NAME.answer, as certificate in NAME.crt where it is one. Gives the
  /// status.
  std::string post(const std::string& name, const std::string& who, const std::string& operation) {
    return ok("openssl req -in " + name + ".csr -outform DER | openssl base64 > " + name + ".b64; " + who +
              " -o " + name +
              ".answer -w '%{http_code}' -H 'Content-Type: application/pkcs10' --data-binary @" + name +
              ".b64 $URL/.well-known/est/" + operation + "; openssl base64 -d -A -in " + name +
              ".answer 2>/dev/null | openssl pkcs7 -inform DER -print_certs -out " + name +
              ".crt 2>/dev/null || true");
  }
  std::string answer(const std::string& name) { return read_text(folder_ / (name + ".answer")); }
  std::string enrolled(const std::string& name, const std::string& uuid, const std::string& label = "") {
    ok("req " + name + " /CN=" + uuid);
    return post(name, "as station", label + "simpleenroll");
  }
  std::string token(std::string device = {}, std::string profile = {}) {
    const auto local = app::LocalAuthority::open(authority_.path());
    app::EnrolTokenOptions options;
    if (!device.empty()) options.device = registry::parse_device_name(device).value();
    options.profile = std::move(profile);
    options.who = "a test";
    options.now = std::time(nullptr);
    return app::make_enrol_token(**local, options)->text();
  }
  std::string certificates() { return authority_.sql("SELECT count(*) FROM certificate"); }
  /// curl with the certificate and key of NAME.
  static std::string device(const std::string& name) {
    return "c --cert " + name + ".crt --key " + name + ".key";
  }
};

TEST_F(EstTest, GivesTheCasOfALabelToAnyone) {
  const std::string any =
      ok("c $URL/.well-known/est/cacerts | openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs "
         "-out ca.pem "
         "&& openssl verify -CAfile $CA/root.cert.pem ca.pem");
  EXPECT_EQ(any, "ca.pem: OK");
  const std::string two =
      ok("c $URL/.well-known/est/iak.acme/cacerts | openssl base64 -d -A | openssl pkcs7 -inform DER "
         "-print_certs "
         "-noout | grep -c subject");
  EXPECT_EQ(two, "3") << "acme, vendor, root";
  EXPECT_EQ(ok("c -o /dev/null -w '%{http_code}' $URL/.well-known/est/nothing/cacerts"), "404");
  const std::string attributes =
      ok("c $URL/.well-known/est/csrattrs | openssl base64 -d -A | openssl asn1parse -inform DER");
  EXPECT_THAT(attributes, HasSubstr(":serialNumber"));
  EXPECT_THAT(attributes, HasSubstr(":prime256v1"));
}

TEST_F(EstTest, AStationEnrolsADevice) {
  ASSERT_EQ(enrolled("a", kUuid), "200") << answer("a");
  EXPECT_THAT(ok("openssl x509 -in a.crt -noout -subject"), HasSubstr(std::string("CN = ") + kUuid));
  EXPECT_EQ(ok("openssl verify -x509_strict -purpose sslclient -CAfile $CA/root.cert.pem -untrusted "
               "$CA/issuers/vendor.cert.pem a.crt"),
            "a.crt: OK");
  EXPECT_EQ(ok("openssl x509 -in a.crt -noout -pubkey"), ok("openssl pkey -in a.key -pubout"));
  const std::string first = answer("a");
  ASSERT_EQ(post("a", "as station", "simpleenroll"), "200");
  EXPECT_EQ(answer("a"), first) << "asking again gives the same certificate";
  EXPECT_EQ(certificates(), "1");
  EXPECT_EQ(enrolled("b", kUuid), "409") << "the device has a certificate for another key";
  EXPECT_THAT(answer("b"), HasSubstr("another key"));
  EXPECT_EQ(enrolled("c", kOtherUuid, "idevid.acme/"), "200");
  EXPECT_EQ(authority_.sql("SELECT profile || issuer FROM certificate WHERE profile = 'idevid'"),
            "idevidacme");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM event WHERE what = 'alarm'"), "1");
  // An id of 66 digits is too long a name for openssl req.
  ok("req d /CN=AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh");
  EXPECT_EQ(post("d", "as station", "simpleenroll"), "200") << answer("d");
  EXPECT_THAT(ok("openssl x509 -in d.crt -noout -subject"),
              HasSubstr("serialNumber = 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021"));
}

TEST_F(EstTest, AOneTimeTokenIsGoodForOneCertificate) {
  const std::string once = token();
  EXPECT_THAT(authority_.dump(), Not(HasSubstr(once))) << "the registry knows its hash";
  ok(std::string("req a /CN=") + kUuid + "; req b /CN=" + kOtherUuid);
  EXPECT_EQ(post("a", "c", "simpleenroll"), "401");
  EXPECT_THAT(ok("c -i -X POST $URL/.well-known/est/simpleenroll"),
              HasSubstr("WWW-Authenticate: Basic realm="));
  EXPECT_EQ(post("a", "c -u me:wrong", "simpleenroll"), "401");
  EXPECT_EQ(certificates(), "0");
  const std::string with = "c -u me:" + once;
  ASSERT_EQ(post("a", with, "simpleenroll"), "200") << answer("a");
  const std::string first = answer("a");
  EXPECT_EQ(post("b", with, "simpleenroll"), "401") << "it is used up";
  EXPECT_THAT(answer("b"), HasSubstr("used"));
  EXPECT_EQ(post("a", with, "simpleenroll"), "200") << "whoever lost the answer asks again";
  EXPECT_EQ(answer("a"), first);
  EXPECT_EQ(post("a", with, "simplereenroll"), "403") << "a token renews nothing";
  EXPECT_EQ(certificates(), "1");
  EXPECT_EQ(
      authority_.sql("SELECT count(*) FROM enrol_token AS t JOIN certificate AS c ON c.serial = t.serial"),
      "1");
}

TEST_F(EstTest, ATokenMayBeForOneDeviceOneProfileAndATime) {
  ok(std::string("req a /CN=") + kUuid);
  EXPECT_EQ(post("a", "c -u me:" + token(kOtherUuid), "simpleenroll"), "401");
  EXPECT_EQ(post("a", "c -u me:" + token({}, "idevid"), "simpleenroll"), "401");
  const std::string late = token(kUuid, "tls-client");
  (void)authority_.sql("UPDATE enrol_token SET expires_at = made_at - 1");
  EXPECT_EQ(post("a", "c -u me:" + late, "simpleenroll"), "401");
  EXPECT_EQ(certificates(), "0");
  EXPECT_EQ(post("a", "c -u me:" + token(kUuid, "tls-client"), "simpleenroll"), "200") << answer("a");
}

TEST_F(EstTest, ADeviceRenewsWithItsOwnCertificate) {
  ASSERT_EQ(enrolled("old", kUuid), "200");
  ok(std::string("req new /CN=") + kUuid);
  ASSERT_EQ(post("new", device("old"), "simplereenroll"), "200") << answer("new");
  EXPECT_EQ(ok("openssl x509 -in new.crt -noout -subject"), ok("openssl x509 -in old.crt -noout -subject"));
  EXPECT_EQ(authority_.sql("SELECT state || reason FROM certificate ORDER BY number"), "34\n10")
      << "superseded";
  EXPECT_EQ(authority_.sql("SELECT state FROM device"), "3") << "the device itself is as it was";
  const std::string first = answer("new");
  EXPECT_EQ(post("new", device("old"), "simplereenroll"), "200") << "the answer was lost: asked again";
  EXPECT_EQ(answer("new"), first);
  ok(std::string("req third /CN=") + kUuid);
  EXPECT_EQ(post("third", device("old"), "simplereenroll"), "403") << "the old one renews no second time";
  EXPECT_THAT(answer("third"), HasSubstr("replaced"));
  EXPECT_EQ(post("third", device("new"), "simplereenroll"), "200") << answer("third");
}

TEST_F(EstTest, RenewalIsForTheSameSubjectByItsOwnKeyOnly) {
  ASSERT_EQ(enrolled("a", kUuid), "200");
  ASSERT_EQ(enrolled("b", kOtherUuid), "200");
  ok(std::string("req n /CN=") + kUuid);
  ok(std::string("openssl req -new -key n.key -out s.csr -subj /CN=") + kUuid +
     " -addext subjectAltName=DNS:example.com");
  EXPECT_EQ(post("s", device("a"), "simplereenroll"), "400") << "another subjectAltName";
  EXPECT_THAT(answer("s"), HasSubstr("subjectAltName"));
  EXPECT_EQ(post("n", device("b"), "simplereenroll"), "403") << "another device's certificate";
  EXPECT_EQ(post("n", device("a"), "simpleenroll"), "409") << "not without replacing";
  EXPECT_EQ(post("n", "as station", "simplereenroll"), "403");
  EXPECT_EQ(post("n", device("a"), "iak/simplereenroll"), "400");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 3"), "0");
  authority_.client("operator")
      ->post("/v1/revoke",
             {{"serial", registry::hex(unhex(ok("openssl x509 -in a.crt -noout -serial | cut -d= -f2")))},
              {"reason", "keyCompromise"},
              {"why", "a test"}});
  EXPECT_EQ(post("n", device("a"), "simpleenroll"), "403") << "its certificate is revoked";
  EXPECT_THAT(answer("n"), HasSubstr("keyCompromise"));
}

TEST_F(EstTest, AnIdevidAsksForOtherCertificates) {
  ASSERT_EQ(enrolled("id", kUuid, "idevid/"), "200") << answer("id");
  ok(std::string("req tls /CN=") + kUuid + "; req other /CN=" + kOtherUuid);
  EXPECT_EQ(post("tls", device("id"), "tls-client/simpleenroll"), "200") << answer("tls");
  EXPECT_EQ(post("other", device("id"), "tls-client/simpleenroll"), "403") << "for itself alone";
  // What a device may not do with it.
  EXPECT_EQ(ok(device("id") + " -o /dev/null -w '%{http_code}' $URL/v1/issuers"), "403");
  EXPECT_EQ(
      ok(device("id") + " -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/json' -d '{}' "
                        "$URL/v1/nonce"),
      "403");
}

TEST_F(EstTest, ARoleIsNotReadFromADevicesCertificate) {
  // A certificate of the device root with the OU of an operator, by a CA that went astray.
  ok("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.key -out x.csr -subj "
     "'/OU=operator/CN=me' 2>/dev/null; openssl x509 -req -in x.csr -CA $CA/issuers/vendor.cert.pem -CAkey "
     "$CA/issuers/vendor.key.pem -passin 'pass:" +
     std::string(kPassphrase) + "' -days 1 -out x.crt 2>/dev/null");
  EXPECT_EQ(ok(device("x") + " -o /dev/null -w '%{http_code}' $URL/v1/devices"), "403");
  ok(std::string("req a /CN=") + kUuid);
  EXPECT_EQ(post("a", device("x"), "simpleenroll"), "403") << "the registry does not know it";
}

TEST_F(EstTest, HostileRequestsAreRefusedAndChangeNothing) {
  ok(std::string("req a /CN=") + kUuid + "; openssl req -in a.csr -outform DER -out a.der");
  const std::string before = authority_.dump();
  const auto send = [&](const std::string& body, const std::string& type = "application/pkcs10") {
    return ok("as station -o answer -w '%{http_code}' -H 'Content-Type: " + type + "' --data-binary " + body +
              " $URL/.well-known/est/simpleenroll");
  };
  // lite_bootstrap_server issues for this one.
  ok("python3 - <<'E'\nd = bytearray(open('a.der','rb').read()); d[-3] ^= 1; "
     "open('bad.der','wb').write(d)\nE\n"
     "openssl base64 -in bad.der -out bad.b64; openssl base64 -in a.der -out a.b64");
  EXPECT_EQ(send("@bad.b64"), "422");
  EXPECT_THAT(read_text(folder_ / "answer"), HasSubstr("proof of possession"));
  EXPECT_EQ(send("@a.b64", "application/json"), "415");
  EXPECT_EQ(send("@a.b64", "text/plain"), "415");
  EXPECT_EQ(send("'!!!! this is no base64 !!!!'"), "400");
  EXPECT_EQ(send("@a.der"), "400");
  EXPECT_EQ(send("''"), "400");
  ok("head -c 70000 /dev/zero | openssl base64 > large; head -c 2000000 /dev/zero | tr '\\0' A > huge");
  EXPECT_EQ(send("@large"), "400");
  EXPECT_EQ(send("@huge"), "413");
  for (const char* subject :
       {"/O=no name", "/CN=\x1b[2J\x1b]0;owned\x07", "/CN=\u202e01abcdef", "/CN=' OR 1=1 --",
        "/serialNumber=01", "/CN=56d38f73-3f6f-4a59-86bc-d315a1ccc63"}) {
    SCOPED_TRACE(subject);
    ok(std::string("req h $'") +
       (std::string(subject).find('\'') == std::string::npos ? subject : "/CN=\\' OR 1=1") +
       "' && openssl req -in h.csr -outform DER | openssl base64 > h.b64");
    EXPECT_EQ(send("@h.b64"), "400");
    EXPECT_THAT(read_text(folder_ / "answer"), StartsWith("the request names no device"));
  }
  // A name of 64 KB that OpenSSL would not write.
  ok("python3 - <<'E'\n"
     "def tlv(t, b):\n"
     "  n = len(b)\n"
     "  l = bytes([n]) if n < 128 else bytes([0x80 + (n.bit_length() + 7) // 8]) + "
     "n.to_bytes((n.bit_length() + 7) // 8, 'big')\n"
     "  return bytes([t]) + l + b\n"
     "for size in (45000, 65536):\n"
     "  name = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex('0603550403') + tlv(0x0c, b'A' * size))))\n"
     "  der = open('a.der', 'rb').read()\n"
     "  key = der[der.index(bytes.fromhex('3059301306')):][:91]\n"
     "  info = tlv(0x30, bytes.fromhex('020100') + name + key + bytes.fromhex('a000'))\n"
     "  open(f'name{size}.der', 'wb').write(tlv(0x30, info + bytes.fromhex('300a06082a8648ce3d040302') + "
     "tlv(3, b'\\0' + b'0' * 70)))\n"
     "E\nfor s in 45000 65536; do openssl base64 -in name$s.der -out name$s.b64; done");
  EXPECT_EQ(send("@name45000.b64"), "400");
  EXPECT_EQ(send("@name65536.b64"), "400");
  EXPECT_EQ(authority_.dump(), before);
  EXPECT_EQ(send("@a.b64"), "200") << "it serves on";
}

TEST_F(EstTest, PathsAndMethods) {
  for (const char* path : {"", "nothing", "a/b/simpleenroll", "a..b/cacerts", "../v1/issuers/cacerts",
                           "tls-client/", "%2e%2e/cacerts", "serverkeygen", "fullcmc"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(ok(std::string("as station --path-as-is -o /dev/null -w '%{http_code}' $URL/.well-known/est/") +
                 path),
              "404");
  }
  EXPECT_EQ(ok("as station -o /dev/null -w '%{http_code}' $URL/.well-known/est/simpleenroll"), "405");
  EXPECT_EQ(ok("as station -o /dev/null -w '%{http_code}' -X POST $URL/.well-known/est/cacerts"), "405");
}

TEST_F(EstTest, IsOffUnlessItIsTurnedOn) {
  ASSERT_EQ(enrolled("a", kUuid), "200");
  serve_with(authority_, {{"est", "false"}});
  EXPECT_EQ(ok("c -o /dev/null -w '%{http_code}' $URL/.well-known/est/cacerts"), "404");
  EXPECT_NE(sh(device("a") + " $URL/v1/health").status, 0) << "nor are devices clients of TLS then";
}

TEST_F(EstTest, StrongSwansClient) {
  ASSERT_TRUE(has_program("pki")) << "strongSwan's pki is not there";
  ok("printf 'libtls {\\n version_max = 1.3\\n}\\npki {\\n load = sha1 sha2 random x509 pubkey pkcs1 pkcs7 "
     "pem pkcs8 "
     "openssl\\n}\\n' > sw.conf");
  const std::string pki =
      "export STRONGSWAN_CONF=$PWD/sw.conf; pki --est --url $URL --outform pem --cacert $CA/tls/ca.cert.pem "
      "--cacert "
      "$CA/root.cert.pem --cacert $CA/issuers/vendor.cert.pem ";
  ok(std::string("req a /CN=") + kUuid + "; openssl req -in a.csr -outform DER -out a.der");
  ok(pki + "--in a.der --userpass me:" + token() + " > a.crt 2> log || { cat log; false; }");
  EXPECT_EQ(ok("openssl verify -CAfile $CA/root.cert.pem -untrusted $CA/issuers/vendor.cert.pem a.crt"),
            "a.crt: OK");
  ok(std::string("req n /CN=") + kUuid + "; openssl req -in n.csr -outform DER -out n.der");
  ok(pki + "--in n.der --cert a.crt --key a.key > n.crt 2> log || { cat log; false; }");
  EXPECT_EQ(ok("openssl x509 -in n.crt -noout -pubkey"), ok("openssl pkey -in n.key -pubout"));
}

}  // namespace
}  // namespace pedigree::testing
