// SPDX-License-Identifier: Apache-2.0
// lite_bootstrap_server's API as its README shows it, by curl; and what that server got wrong.
#include <thread>

#include "server/app/offline.h"
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kUuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc634";
constexpr const char* kOtherUuid = "66d38f73-3f6f-4a59-86bc-d315a1ccc634";

class LitebootTest : public ProtocolTest {
 protected:
  LitebootTest() {
    const std::string base = (authority_.layout().tls() / "bootstrap").string();
    const app::NewClient bootstrap{authority::TlsRole::bootstrap, "bootstrap-register-1", 30,
                                   base + ".cert.pem", base + ".key.pem"};
    const auto made =
        app::make_client(authority_.layout(), bootstrap, app::SecretText(kPassphrase), std::time(nullptr));
    if (!made) throw std::runtime_error(made.error().detail);
    serve_with(authority_, {{"liteboot_listen", "\"127.0.0.1:0\""}, {"hub_name", "\"hub.example\""}});
  }

  /// What a call as `who` answers, with the status in a line of its own.
  std::string call(const std::string& who, const std::string& rest) {
    return ok(who + " -w '\\n%{http_code}' " + rest);
  }
  /// A new key and request, and its certificate by cr in JSON as NAME.crt.
  void issue(const std::string& name, const std::string& uuid) {
    ok("req " + name + " '/O=localhost/OU=Signing/CN=" + uuid +
       "'; printf '{\"CSR\":\"%s\"}' \"$(openssl req -in " + name +
       ".csr -outform DER | openssl base64 -A)\" > " + name +
       ".json; as bootstrap -f -H 'Content-Type: application/json' -d @" + name + ".json $LITEBOOT/cr > " +
       name + ".answer; /usr/bin/python3 -c \"import json,base64; print(base64.b64decode(json.load(open('" +
       name + ".answer'))['Cert']).hex())\" | xxd -r -p | openssl x509 -inform DER -out " + name + ".crt");
  }
  std::string serial(const std::string& name) {
    return ok("/usr/bin/python3 -c \"print(int('$(openssl x509 -in " + name +
              ".crt -noout -serial | cut -d= -f2)', 16))\"");
  }
  static std::string device(const std::string& name) {
    return "c --cert " + name + ".crt --key " + name + ".key";
  }
};

TEST_F(LitebootTest, CertifiesByJson) {
  issue("a", kUuid);
  EXPECT_THAT(read_text(folder_ / "a.answer"),
              MatchesRegex("\\{\"Status\":0,\"Cert\":\"[A-Za-z0-9+/=]+\"\\}"));
  EXPECT_EQ(ok("openssl verify -CAfile $CA/root.cert.pem -untrusted $CA/issuers/vendor.cert.pem a.crt"),
            "a.crt: OK");
  EXPECT_THAT(ok("openssl x509 -in a.crt -noout -subject"), HasSubstr(std::string("CN = ") + kUuid));
  EXPECT_EQ(authority_.sql("SELECT who FROM event WHERE what = 'issued'"), "bootstrap-register-1");
}

TEST_F(LitebootTest, CertifiesByCborWithKeysInOrder) {
  ok(std::string("req a '/O=localhost/CN=") + kUuid +
     "/OU=Signing'; openssl req -in a.csr -outform DER -out a.der; /usr/bin/python3 -c \"import cbor2; "
     "open('a.cbor','wb').write(cbor2.dumps([open('a.der','rb').read()]))\"");
  EXPECT_EQ(ok("as bootstrap -o a.rsp -w '%{http_code} %{content_type}' -H 'Content-Type: application/cbor' "
               "--data-binary "
               "@a.cbor $LITEBOOT/cr"),
            "200 application/cbor");
  const std::string answer = read_text(folder_ / "a.rsp");
  // A map of two, definite; 1: 0, 2: a byte string with a length of two octets. nanocbor reads it in this
  // order.
  EXPECT_EQ(hex(as_bytes(answer.substr(0, 5))), "a201000259");
  EXPECT_LT(answer.size(), 1024U);
  EXPECT_EQ(ok("/usr/bin/python3 -c \"import cbor2; m = cbor2.load(open('a.rsp','rb')); "
               "print(list(m.keys()), m[1]); "
               "open('a.crt.der','wb').write(m[2])\"; openssl x509 -in a.crt.der -inform DER -noout -pubkey "
               "| cmp - "
               "<(openssl pkey -in a.key -pubout)"),
            "[1, 2] 0");
}

TEST_F(LitebootTest, CertifiesByAFormAndWithoutAnOu) {
  // lite_bootstrap_server panics on a request without OU.
  ok(std::string("req a /CN=") + kUuid);
  ok("as bootstrap -f -F csrfile=@a.csr --output a.crt $LITEBOOT/p10cr");
  EXPECT_EQ(ok("openssl x509 -in a.crt -noout -pubkey"), ok("openssl pkey -in a.key -pubout"));
  EXPECT_THAT(call("as bootstrap", "-F other=@a.csr $LITEBOOT/p10cr"), HasSubstr("Missing csrfile"));
  EXPECT_THAT(call("as bootstrap", "-F csrfile=@a.key $LITEBOOT/p10cr"),
              HasSubstr("BEGIN CERTIFICATE REQUEST"));
}

TEST_F(LitebootTest, TellsOfDevicesAndCertificates) {
  EXPECT_EQ(call("as bootstrap", std::string("$LITEBOOT/ds/") + kUuid),
            "{\"Status\":0,\"Serials\":null}\n200");
  issue("a", kUuid);
  const std::string number = serial("a");
  EXPECT_EQ(call("as bootstrap", std::string("$LITEBOOT/ds/") + kUuid),
            "{\"Status\":1,\"Serials\":[" + number + "]}\n200");
  EXPECT_EQ(call("as bootstrap", "$LITEBOOT/cs/" + number), "{\"status\":\"1\"}\n200");
  ok("as bootstrap $LITEBOOT/cc/" + number +
     " | /usr/bin/python3 -c \"import json,sys; print(json.load(sys.stdin)['Cert'], end='')\" > copy.crt; "
     "cmp a.crt copy.crt");
  EXPECT_EQ(call("as bootstrap", "$LITEBOOT/ccs"), "{\"Hubname\":\"hub.example\",\"Port\":8883}\n200");
  const std::string cbor = "as bootstrap -H 'Content-Type: application/cbor' $LITEBOOT/";
  const std::string decode =
      " | /usr/bin/python3 -c \"import cbor2,sys; print(cbor2.load(sys.stdin.buffer))\"";
  EXPECT_EQ(ok(cbor + "ds/" + kUuid + decode), "{1: 1, 2: [" + number + "]}");
  EXPECT_EQ(ok(cbor + "ds/" + kOtherUuid + decode), "{1: 0, 2: None}");
  EXPECT_EQ(ok(cbor + "cs/" + number + decode), "{1: 1}");
  EXPECT_THAT(ok(cbor + "cc/" + number + decode), HasSubstr("{1: 0, 2: '-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(ok(cbor + "ccs" + decode), "{1: 'hub.example', 2: 8883}");
}

TEST_F(LitebootTest, UpdatesTheKeyWithTheDevicesOwnCertificate) {
  issue("old", kUuid);
  ok(std::string("req new /CN=") + kUuid +
     "; printf '{\"CSR\":\"%s\"}' \"$(openssl req -in new.csr -outform DER | openssl base64 -A)\" > "
     "new.json");
  const std::string kur = " -H 'Content-Type: application/json' -d @new.json $LITEBOOT/kur";
  EXPECT_THAT(call("as bootstrap", kur), HasSubstr("403"));
  const std::string first = call(device("old"), kur);
  EXPECT_THAT(first, HasSubstr("\"Status\":0"));
  EXPECT_EQ(call(device("old"), kur), first) << "the power was cut before it was stored";
  EXPECT_EQ(call("as bootstrap", "$LITEBOOT/cs/" + serial("old")), "{\"status\":\"0\"}\n200");
  issue("other", kOtherUuid);
  EXPECT_THAT(call(device("other"), kur), HasSubstr("another device"));
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state <> 3"), "2");
}

TEST_F(LitebootTest, RevokesTheDevicesOwnCertificate) {
  issue("a", kUuid);
  issue("b", kOtherUuid);
  const std::string by_serial =
      " -H 'Content-Type: application/json' -d '{\"Serial\":\"" + serial("a") + "\"}' $LITEBOOT/krr";
  EXPECT_THAT(call("as bootstrap", by_serial), HasSubstr("403"));
  EXPECT_THAT(call(device("b"), by_serial), HasSubstr("of its own"));
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 3"), "0");
  EXPECT_EQ(call(device("a"), "-X POST $LITEBOOT/krr"), "{\"Status\":0}\n200");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 3 AND reason = 5"), "1");
  EXPECT_EQ(call("as bootstrap", "$LITEBOOT/cs/" + serial("a")), "{\"status\":\"0\"}\n200");
  ok("/usr/bin/python3 -c \"import cbor2; open('krr','wb').write(cbor2.dumps([" + serial("b") + ", 1]))\"");
  EXPECT_EQ(
      ok(device("b") + " -H 'Content-Type: application/cbor' --data-binary @krr $LITEBOOT/krr | xxd -p"),
      "a10100");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 3 AND reason = 1"), "1");
}

TEST_F(LitebootTest, RefusesWhatItsModelTakes) {
  ok(std::string("req a /OU=Signing/CN=") + kUuid +
     "; openssl req -in a.csr -outform DER -out a.der; /usr/bin/python3 - <<'E'\nimport base64, json\n"
     "d = bytearray(open('a.der','rb').read()); d[-3] ^= 1\n"
     "json.dump({'CSR': base64.b64encode(d).decode()}, open('bad.json','w'))\n"
     "json.dump({'CSR': base64.b64encode(d).decode() * 100}, open('large.json','w'))\nE");
  const std::string before = authority_.dump();
  const auto cr = [&](const std::string& options) { return call("as bootstrap", options + " $LITEBOOT/cr"); };
  EXPECT_THAT(cr("-H 'Content-Type: application/json' -d @bad.json"),
              AllOf(HasSubstr("\"error\":\"proof of possession"), HasSubstr("\n400")));
  for (const char* body : {"", "{", "null", "[]", "{}", "{\"CSR\":1}", "{\"CSR\":\"!\"}", "{\"CSR\":\"\"}",
                           "@large.json", "[[[[[[[["}) {
    EXPECT_THAT(cr(std::string("-H 'Content-Type: application/json' -d '") + body + "'"), HasSubstr("\n400"))
        << body;
    EXPECT_THAT(cr(std::string("-o /dev/null -H 'Content-Type: application/cbor' -d '") + body + "'"),
                HasSubstr("\n400"));
  }
  EXPECT_THAT(cr("-H 'Content-Type: text/plain' -d x"), HasSubstr("Content-Type must be"));
  EXPECT_THAT(cr("-H 'Content-Type: application/json' -H 'Origin: https://evil.example' -d @bad.json"),
              HasSubstr("\n403"));
  EXPECT_THAT(call("as bootstrap", "-H 'Origin: https://evil.example' -F csrfile=@a.csr $LITEBOOT/p10cr"),
              HasSubstr("\n403"));
  EXPECT_THAT(call("as relying-party", "-F csrfile=@a.csr $LITEBOOT/p10cr"), HasSubstr("\n403"));
  EXPECT_THAT(call("c", "-F csrfile=@a.csr $LITEBOOT/p10cr"), HasSubstr("\n403"));
  for (const char* path :
       {"ds/1", "ds/", "ds/' OR 1=1", "cs/1", "cs/-1", "cs/x",
        "cs/999999999999999999999999999999999999999999", "cc/340282366920938463463374607431768211455"}) {
    EXPECT_THAT(
        call("as bootstrap", "--globoff \"$LITEBOOT/" + std::string(path).substr(0, 3) + "$(printf %s \"" +
                                 std::string(path).substr(3) + "\" | sed 's/ /%20/g')\""),
        HasSubstr("\n400"))
        << path;
  }
  EXPECT_EQ(authority_.dump(), before);
  EXPECT_THAT(call("as bootstrap", "$URL/v1/issuers"), HasSubstr("403"))
      << "a bootstrap certificate is for this alone";
  EXPECT_THAT(call("as bootstrap", "$URL/v1/devices"), HasSubstr("403"));
}

TEST_F(LitebootTest, FourConnectionsAtOnceLoseNothing) {
  // lite_bootstrap_server fails with "database is locked".
  ok("for i in $(seq 40); do req $i \"/OU=Signing/CN=$(cat /proc/sys/kernel/random/uuid)\"; done");
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([this, k] {
      ok("for i in $(seq " + std::to_string(1 + 10 * k) + " " + std::to_string(10 + 10 * k) +
         "); do as bootstrap -f -F csrfile=@$i.csr -o $i.crt $LITEBOOT/p10cr || exit 1; done");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "40");
  EXPECT_EQ(ok("openssl verify -CAfile $CA/root.cert.pem -untrusted $CA/issuers/vendor.cert.pem *.crt | grep "
               "-c OK"),
            "40");
}

TEST_F(LitebootTest, SpeaksTls12ForOldDevicesAndTheRestDoesNot) {
  EXPECT_THAT(call("as bootstrap", "--tls-max 1.2 $LITEBOOT/ccs"), HasSubstr("hub.example"));
  EXPECT_NE(sh("as bootstrap --tls-max 1.1 $LITEBOOT/ccs").status, 0);
  EXPECT_NE(sh("as bootstrap --tls-max 1.2 $URL/v1/health").status, 0);
}

}  // namespace
}  // namespace pedigree::testing
