// SPDX-License-Identifier: Apache-2.0
// lite_bootstrap_server's API as its README shows it, by curl; and what that server got wrong.
#include "server/app/offline.h"
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kUuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc634";
constexpr const char* kOtherUuid = "66d38f73-3f6f-4a59-86bc-d315a1ccc634";

/// Writes FOLDER/0.pem, 0.json and 0.cbor, 1.pem...: the bodies of COUNT requests, each of a key of its own,
/// for a random UUID; "without-ou": nothing else is in the subject; "corrupted": a bit of the signature is
/// not what was signed. Arguments: FOLDER COUNT WORD...
constexpr const char* kMakeRequests = R"py(
import base64, cbor2, json, sys, uuid
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
for i in range(int(sys.argv[2])):
    at = sys.argv[1] + '/' + str(i)
    names = [x509.NameAttribute(NameOID.COMMON_NAME, str(uuid.uuid4()))]
    if 'without-ou' not in sys.argv:
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'localhost'),
                 x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, 'Signing')] + names
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    der = bytearray(request.public_bytes(serialization.Encoding.DER))
    if 'corrupted' in sys.argv: der[-3] ^= 1
    text = base64.encodebytes(der).decode()
    open(at + '.pem', 'w').write('-----BEGIN CERTIFICATE REQUEST-----\n' + text + '-----END CERTIFICATE REQUEST-----\n')
    json.dump({'CSR': base64.b64encode(der).decode()}, open(at + '.json', 'w'))
    open(at + '.cbor', 'wb').write(cbor2.dumps([bytes(der)]))
)py";

/// Says "N certificates, N keys, N subjects" of the answers FOLDER/ANSWER..., each of which has to certify
/// the key and the commonName, and no OU where there was none, of the request beside it. Arguments: FOLDER
/// ANSWER..., where 3.json.answer answers to 3.json.
constexpr const char* kReadAnswers = R"py(
import base64, cbor2, json, sys
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.hazmat.primitives import serialization
seen = []
for name in sys.argv[2:]:
    body = open(sys.argv[1] + '/' + name, 'rb').read()
    number, form, _ = name.split('.')
    if form == 'json': body = base64.b64decode(json.loads(body)['Cert'])
    if form == 'cbor': body = cbor2.loads(body)[2]
    read = x509.load_pem_x509_certificate if form == 'pem' else x509.load_der_x509_certificate
    certificate = read(body)
    request = x509.load_pem_x509_csr(open(sys.argv[1] + '/' + number + '.pem', 'rb').read())
    spki = [one.public_key().public_bytes(serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo) for one in (certificate, request)]
    assert spki[0] == spki[1], name
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME):
        values = [[x.value for x in one.subject.get_attributes_for_oid(oid)] for one in (certificate, request)]
        assert values[0] == values[1] or oid != NameOID.COMMON_NAME and not values[0], name
    seen.append((certificate.serial_number, spki[0], certificate.subject.rfc4514_string()))
print(*(str(len(set(x))) + ' ' + what for x, what in zip(zip(*seen), ('certificates', 'keys', 'subjects'))), sep=', ')
)py";

/// A body of each form, and how curl sends it, without the number of the request.
struct Form {
  const char* name;
  const char* before;  ///< the number follows
  const char* after;
};
constexpr Form kForms[] = {
    {"json", "-H 'Content-Type: application/json' --data-binary @", ".json $LITEBOOT/cr"},
    {"cbor", "-H 'Content-Type: application/cbor' --data-binary @", ".cbor $LITEBOOT/cr"},
    {"pem", "-F csrfile=@", ".pem $LITEBOOT/p10cr"},
};

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
  /// The bodies of `count` requests, with the words of kMakeRequests.
  void make_requests(int count, const std::string& words) {
    const CommandResult made =
        run({"bash", "-c",
             "/usr/bin/python3 - '" + folder_.path().string() + "' " + std::to_string(count) + " " + words +
                 " <<'E'" + kMakeRequests + "E"});
    if (made.status != 0) throw std::runtime_error(made.output);
  }
  /// What kReadAnswers says of answers.
  std::string read_answers(const std::string& names) {
    return ok("/usr/bin/python3 - . " + names + " <<'E'" + kReadAnswers + "E");
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

TEST_F(LitebootTest, CertifiesByAForm) {
  ok(std::string("req a '/O=localhost/OU=Signing/CN=") + kUuid + "'");
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

TEST_F(LitebootTest, RefusesWhatIsNoRequestOrNotFromAStation) {
  ok(std::string("req a /OU=Signing/CN=") + kUuid +
     "; openssl req -in a.csr -outform DER -out a.der; /usr/bin/python3 - <<'E'\nimport base64, json\n"
     "d = base64.b64encode(open('a.der','rb').read()).decode()\n"
     "json.dump({'CSR': d}, open('a.json','w'))\n"
     "json.dump({'CSR': d * 100}, open('large.json','w'))\nE");
  const std::string before = authority_.dump();
  const auto cr = [&](const std::string& options) { return call("as bootstrap", options + " $LITEBOOT/cr"); };
  for (const char* body : {"", "{", "null", "[]", "{}", "{\"CSR\":1}", "{\"CSR\":\"!\"}", "{\"CSR\":\"\"}",
                           "@large.json", "[[[[[[[["}) {
    EXPECT_THAT(cr(std::string("-H 'Content-Type: application/json' -d '") + body + "'"), HasSubstr("\n400"))
        << body;
    EXPECT_THAT(cr(std::string("-o /dev/null -H 'Content-Type: application/cbor' -d '") + body + "'"),
                HasSubstr("\n400"));
  }
  EXPECT_THAT(cr("-H 'Content-Type: text/plain' -d x"), HasSubstr("Content-Type must be"));
  EXPECT_THAT(cr("-H 'Content-Type: application/json' -H 'Origin: https://evil.example' -d @a.json"),
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

// What lite_bootstrap_server does wrong, each in a test of its own.

TEST_F(LitebootTest, ACorruptedSignatureIsRefusedWhereLiteBootstrapServerIssues) {
  make_requests(1, "corrupted");
  const std::string before = authority_.dump();
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name);
    const std::string answer = call("as bootstrap", form.before + std::string("0") + form.after);
    EXPECT_THAT(answer, AllOf(HasSubstr("proof of possession"), HasSubstr("\n400")));
  }
  EXPECT_EQ(authority_.dump(), before) << "nothing was issued, and nothing noted";
}

TEST_F(LitebootTest, ARequestWithoutAnOuIsCertifiedWhereLiteBootstrapServerPanics) {
  make_requests(3, "without-ou");
  std::string answers;
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    const Form& form = kForms[i];
    ok("as bootstrap -f -o " + number + "." + form.name + ".answer " + form.before + number + form.after);
    answers += number + "." + form.name + ".answer ";
  }
  EXPECT_EQ(read_answers(answers), "3 certificates, 3 keys, 3 subjects");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "3");
  ok("req none /");
  EXPECT_THAT(call("as bootstrap", "-F csrfile=@none.csr $LITEBOOT/p10cr"), HasSubstr("\n400"))
      << "and one that names no device is refused";
}

TEST_F(LitebootTest, FourConnectionsAtOnceAreAllAnsweredWhereLiteBootstrapServersDatabaseIsLocked) {
  constexpr int kRequests = 120;  // 40 of each form
  make_requests(kRequests, "");
  // One curl with four connections: it makes another one only while all that it has wait for an answer.
  std::string line = "as bootstrap --parallel --parallel-immediate --parallel-max 4";
  std::string answers;
  for (int i = 0; i < kRequests; ++i) {
    const Form& form = kForms[i % 3];
    const std::string number = std::to_string(i);
    const std::string answer = number + "." + form.name + ".answer";
    if (i > 0) {
      line +=
          " --next -sS --max-time 120 --noproxy '*' --cacert $CA/tls/ca.cert.pem"
          " --cert $CA/tls/bootstrap.cert.pem --key $CA/tls/bootstrap.key.pem";
    }
    line +=
        " -w '%{http_code} %{num_connects}\\n' -o " + answer + " " + form.before + number + form.after + " ";
    answers += answer + " ";
  }
  // What it says of its progress is not silenced in this mode.
  std::istringstream lines(ok(line + "2> progress || { cat progress; false; }"));
  int answered = 0;
  int connections = 0;
  for (int status = 0, made = 0; lines >> status >> made; connections += made) answered += status == 200;
  EXPECT_EQ(answered, kRequests);
  EXPECT_GE(connections, 4);
  EXPECT_EQ(read_answers(answers), "120 certificates, 120 keys, 120 subjects");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "120");
}

TEST_F(LitebootTest, SpeaksTls12ForOldDevicesAndTheRestDoesNot) {
  EXPECT_THAT(call("as bootstrap", "--tls-max 1.2 $LITEBOOT/ccs"), HasSubstr("hub.example"));
  EXPECT_NE(sh("as bootstrap --tls-max 1.1 $LITEBOOT/ccs").status, 0);
  EXPECT_NE(sh("as bootstrap --tls-max 1.2 $URL/v1/health").status, 0);
}

}  // namespace
}  // namespace pedigree::testing
