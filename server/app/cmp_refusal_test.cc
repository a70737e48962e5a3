// SPDX-License-Identifier: Apache-2.0
// CMP messages that must be refused: who signed them, for whom, in what form.
#include <atomic>
#include <thread>

#include "server/app/enrol_token.h"
#include "testing/authority/cmp_client.h"
#include "testing/authority/exposition.h"
#include "testing/authority/unit.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::StartsWith;

using CmpRefusalTest = CmpTest;

// PKIFailureInfo.
constexpr const char* kBadMessageCheck = "1 ";
constexpr const char* kBadRequest = "2 ";
constexpr const char* kBadTime = "3 ";
constexpr const char* kSignerNotTrusted = "20 ";
constexpr const char* kTransactionIdInUse = "21 ";
constexpr const char* kNotAuthorized = "23 ";

TEST_F(CmpRefusalTest, TheSignerIsWhoseKeySigned) {
  enrol("victim", kUuid);
  enrol("other", kOtherUuid);
  // Another device of this registry, in its own name and in the victim's.
  EXPECT_THAT(cmp("other", "rr -oldcert victim.crt"), AllOf(HasSubstr("exit 1"), HasSubstr("notAuthorized")));
  write_request("by_other", "other", "rr -oldcert victim.crt");
  show_first("by_other", "victim.crt");
  EXPECT_EQ(post("by_other"), "200");
  EXPECT_THAT(failure("by_other"), StartsWith(kBadMessageCheck));
  // A certificate of its own making with the victim's name in it, so that the message names the victim.
  make_key("fake");
  ok("openssl pkey -in fake.key -pubout -out fake.pub; openssl x509 -in victim.crt -force_pubkey fake.pub "
     "-key "
     "fake.key -out fake.crt");
  EXPECT_EQ(ok("openssl x509 -in fake.crt -noout -subject"),
            ok("openssl x509 -in victim.crt -noout -subject"));
  for (const std::string request : {"rr -oldcert victim.crt", "kur -oldcert victim.crt -newkey fake.key"}) {
    SCOPED_TRACE(request);
    write_request("fake", "fake", request);
    EXPECT_EQ(post("fake"), "200");
    EXPECT_NE(failure("fake"), "none");
    show_first("fake", "fake.crt");
    EXPECT_EQ(post("fake"), "200");
    EXPECT_THAT(failure("fake"), StartsWith(kSignerNotTrusted));
    show_first("fake", "victim.crt");
    EXPECT_EQ(post("fake"), "200");
    EXPECT_THAT(failure("fake"), StartsWith(kBadMessageCheck));
    show_first("fake", (authority_.path() / "tls/station.cert.pem").string());
    EXPECT_EQ(post("fake"), "200");
    EXPECT_THAT(failure("fake"), StartsWith(kBadMessageCheck));
  }
  EXPECT_EQ(authority_.sql("SELECT state FROM certificate"), "1\n1");
}

TEST_F(CmpRefusalTest, ASpoiltOctetAnywhereIsRefused) {
  enrol("a", kUuid);
  write_request("good", "a", "rr -oldcert a.crt");
  const Octets good = message("good.msg");
  // Up to extraCerts, which no signature covers; its first certificate follows from it all the same.
  for (std::size_t at = 0; at < good.size(); at += 41) {
    SCOPED_TRACE(at);
    Octets bad = good;
    bad[at] ^= 0x20;
    write_file(folder_ / "bad.msg", Bytes(bad));
    const std::string status = post("bad");
    EXPECT_TRUE(status == "400" || (status == "200" && failure("bad") != "none")) << status;
  }
  EXPECT_EQ(authority_.sql("SELECT state FROM certificate"), "1");
  EXPECT_EQ(post("good"), "200");
  EXPECT_EQ(failure("good"), "none");
  EXPECT_EQ(authority_.sql("SELECT state FROM certificate"), "3") << "the message itself is a good one";
}

TEST_F(CmpRefusalTest, MacsUnprotectedMessagesAndUnprovenKeysAreRefused) {
  std::string token;
  {
    const auto local = app::LocalAuthority::open(authority_.path());
    app::EnrolTokenOptions options;
    options.who = "a test";
    options.now = std::time(nullptr);
    token = app::make_enrol_token(**local, options)->text();
  }
  ok(std::string("req a /CN=") + kUuid);
  const std::string asks = "p10cr -csr a.csr -certout a.crt ";
  // A client that shares a secret takes no signed answer unless it is told to.
  for (const std::string& secret : {std::string("wrong"), token}) {
    EXPECT_THAT(cmp("", asks + "-ref 1 -unprotected_errors -secret pass:" + secret),
                AllOf(HasSubstr("exit 1"), HasSubstr("wrongIntegrity"), HasSubstr("MAC")));
  }
  EXPECT_THAT(cmp("station", asks + "-unprotected_requests"),
              AllOf(HasSubstr("exit 1"), HasSubstr("badMessageCheck"), HasSubstr("must be signed")));
  make_key("b");
  for (const char* proof : {"-1", "0"}) {
    SCOPED_TRACE(proof);
    EXPECT_THAT(cmp("station",
                    std::string("ir -newkey b.key -certout b.crt -subject /CN=") + kUuid + " -popo " + proof),
                AllOf(HasSubstr("exit 1"), HasSubstr("badPOP")));
  }
  EXPECT_EQ(certificates(), "0");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM enrol_token WHERE serial IS NULL"), "1");
}

TEST_F(CmpRefusalTest, ASignerMustBeKnownValidAndNotTakenOut) {
  enrol("a", kUuid);
  const auto asks = [&](const std::string& who) {
    write_request(who, who, "rr -oldcert a.crt");
    EXPECT_EQ(post(who), "200");
    return failure(who);
  };
  ok("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout foreign.key -out "
     "foreign.crt "
     "-subj /OU=operator/CN=me 2>/dev/null; req astray /OU=operator/CN=me; openssl x509 -req -in astray.csr "
     "-CA "
     "$CA/issuers/vendor.cert.pem -CAkey $CA/issuers/vendor.key.pem -passin 'pass:" +
     std::string(kPassphrase) + "' -days 1 -out astray.crt 2>/dev/null");
  EXPECT_THAT(asks("foreign"), StartsWith(kBadMessageCheck))
      << "the client shows no certificate of that kind";
  show_first("foreign", "foreign.crt");
  EXPECT_EQ(post("foreign"), "200");
  EXPECT_THAT(failure("foreign"), StartsWith(kSignerNotTrusted));
  EXPECT_THAT(asks("astray"), StartsWith(kSignerNotTrusted))
      << "a role is not read from a device's certificate";
  EXPECT_THAT(asks("relying-party"), StartsWith(kNotAuthorized));
  EXPECT_THAT(asks("station"), StartsWith("none")) << "a station is refused by the answer itself";
  EXPECT_THAT(cmp("station", "rr -oldcert a.crt"), HasSubstr("notAuthorized"));
  // An operator's that has expired, and the same while it was valid.
  ok("req late /OU=operator/CN=late; openssl x509 -req -in late.csr -CA $CA/tls/ca.cert.pem -CAkey "
     "$CA/tls/ca.key.pem -passin 'pass:" +
     std::string(kPassphrase) +
     "' -days -1 -out late.crt 2>/dev/null; cp late.key early.key; openssl x509 -req -in late.csr -CA "
     "$CA/tls/ca.cert.pem -CAkey $CA/tls/ca.key.pem -passin 'pass:" +
     std::string(kPassphrase) + "' -days 1 -out early.crt 2>/dev/null");
  EXPECT_THAT(asks("late"), StartsWith(kSignerNotTrusted));
  EXPECT_THAT(cmp("early", "genm"), HasSubstr("exit 0"));
  // The device's own.
  const auto set_state = [&](const char* state) {
    EXPECT_EQ(authority_.client("operator")
                  ->post("/v1/devices/" + authority_.sql("SELECT lower(hex(id)) FROM device") + "/state",
                         {{"state", state}, {"why", "a test"}})
                  .status,
              200U);
  };
  set_state("suspended");
  EXPECT_EQ(asks("a"), "23 the signer's device is suspended");
  set_state("active");
  const std::string ends = authority_.sql("SELECT not_after FROM certificate");
  (void)authority_.sql("UPDATE certificate SET not_after = 1000");
  EXPECT_EQ(asks("a"), "20 the signer's certificate is expired or not yet valid");
  (void)authority_.sql("UPDATE certificate SET not_after = " + ends);
  EXPECT_EQ(authority_.sql("SELECT state FROM certificate"), "1");
  EXPECT_THAT(asks("a"), StartsWith("none"));
  EXPECT_EQ(authority_.sql("SELECT state FROM certificate"), "3") << "and then it is as good as any";
}

TEST_F(CmpRefusalTest, AMessageTimeIsOfNowOrNotThere) {
  constexpr unsigned kPkiConf = 19;
  // Far enough from the limit for a test that waits for its turn.
  constexpr der::UnixTime kFar = 400;
  constexpr der::UnixTime kNear = 100;
  ok(std::string("req a /CN=") + kUuid);
  write_request("a", "station", "p10cr -csr a.csr");
  const auto said = [&](const std::string& name, std::optional<der::UnixTime> off) {
    date(name, off ? std::optional(std::time(nullptr) + *off) : std::nullopt);
    EXPECT_EQ(post(name), "200");
    return failure(name);
  };
  for (const der::UnixTime off : {-kFar, kFar, der::UnixTime{-1'000'000'000}, der::UnixTime{7'000'000'000}}) {
    SCOPED_TRACE(off);
    EXPECT_THAT(said("a", off),
                AllOf(StartsWith(kBadTime), HasSubstr("too far off from the server's clock")));
  }
  EXPECT_EQ(certificates(), "0");
  date("a", std::time(nullptr) - kFar);
  show_first("a", (authority_.path() / "tls/operator.cert.pem").string());
  EXPECT_EQ(post("a"), "200");
  EXPECT_THAT(failure("a"), StartsWith(kBadMessageCheck)) << "a time that nobody signed is not looked at";
  EXPECT_EQ(said("a", -kNear), "none");
  EXPECT_EQ(certificates(), "1");
  // So it is with what ends a transaction, which waits on.
  const Octets der = unhex(authority_.sql("SELECT hex(der) FROM certificate"));
  const Sha256 hash = host_crypto().sha256(der).value();
  write_confirmation("conf", "a", {.hash = Octets(hash.begin(), hash.end())});
  EXPECT_THAT(said("conf", -kFar), StartsWith(kBadTime));
  EXPECT_EQ(said("conf", std::nullopt), "none");
  EXPECT_EQ(body("conf"), kPkiConf);
  for (const std::optional<der::UnixTime> off : {std::optional<der::UnixTime>(kNear), {}}) {
    write_request("again", "station", "p10cr -csr a.csr");
    EXPECT_EQ(said("again", off), "none");
  }
  serve_with(authority_, {{"cmp_clock_seconds", "86400"}});
  write_request("slow", "station", "p10cr -csr a.csr");
  EXPECT_EQ(said("slow", -kFar), "none") << "another tolerance";
}

TEST_F(CmpRefusalTest, NobodyGetsMoreThanHeMayHave) {
  enrol("a", kUuid);
  enrol("b", kOtherUuid);
  make_key("new");
  const std::string own = std::string(" -newkey new.key -certout new.crt -subject /CN=") + kUuid;
  const std::string other = std::string(" -newkey new.key -certout new.crt -subject /CN=") + kOtherUuid;
  EXPECT_THAT(cmp("a", "cr" + other, "/p/idevid"), AllOf(HasSubstr("exit 1"), HasSubstr("notAuthorized")));
  EXPECT_THAT(cmp("a", "kur" + other), AllOf(HasSubstr("exit 1"), HasSubstr("notAuthorized")));
  EXPECT_THAT(cmp("a", "kur -oldcert b.crt" + own), AllOf(HasSubstr("exit 1"), HasSubstr("badCertId")));
  EXPECT_THAT(cmp("a", "kur" + own, "/p/idevid"), AllOf(HasSubstr("exit 1"), HasSubstr("renews no other")));
  EXPECT_THAT(cmp("a", "cr" + own), AllOf(HasSubstr("exit 1"), HasSubstr("duplicateCertReq")))
      << "not without replacing";
  EXPECT_THAT(cmp("station", "kur -oldcert a.crt" + own), AllOf(HasSubstr("exit 1"), HasSubstr("badCertId")));
  EXPECT_THAT(cmp("station", "kur" + own), AllOf(HasSubstr("exit 1"), HasSubstr("notAuthorized")));
  EXPECT_THAT(cmp("operator", "cr" + own, "/p/idevid"),
              AllOf(HasSubstr("exit 1"), HasSubstr("notAuthorized")));
  EXPECT_THAT(cmp("a", "kur" + own, "/certification"), HasSubstr("of the operation that the path names"));
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 1"), "2");
  write_file(authority_.layout().policy(),
             std::string_view("[[station]]\nname = \"station 1\"\nprofiles = [\"idevid\"]\nper_day = 1\n"));
  serve_with(authority_, {{"cmp", "true"}});
  ok("req c /CN=76d38f73-3f6f-4a59-86bc-d315a1ccc634; req d /CN=86d38f73-3f6f-4a59-86bc-d315a1ccc634");
  EXPECT_THAT(cmp("station", "p10cr -csr c.csr -certout c.crt"),
              AllOf(HasSubstr("notAuthorized"), HasSubstr("the policy does not let")));
  EXPECT_THAT(cmp("station", "p10cr -csr c.csr -certout c.crt", "/p/idevid"), HasSubstr("exit 0"));
  EXPECT_THAT(cmp("station", "p10cr -csr d.csr -certout d.crt", "/p/idevid"),
              AllOf(HasSubstr("notAuthorized"), HasSubstr("has had the 1 certificates of its day")));
  EXPECT_EQ(certificates(), "3");
}

TEST_F(CmpRefusalTest, AReloadEndsNothing) {
  ok(std::string("req a /CN=") + kUuid);
  const std::string request = "p10cr -csr a.csr -certout a.crt";
  write_request("first", "station", request);
  EXPECT_EQ(post("first"), "200");
  ASSERT_TRUE(authority_.reload());
  const Octets issued = unhex(authority_.sql("SELECT hex(der) FROM certificate"));
  const Sha256 hash = host_crypto().sha256(issued).value();
  write_confirmation("second", "first", {.hash = Octets(hash.begin(), hash.end())});
  EXPECT_EQ(post("second"), "200");
  EXPECT_EQ(body("second"), 19U) << "the registry knows what waits";
  std::atomic<bool> stop = false;
  std::atomic<int> taken = 0;
  std::thread reloads([&] {
    while (!stop) taken += authority_.reload() ? 1 : 1000;
  });
  do {
    EXPECT_THAT(cmp("station", request + " -implicit_confirm -repeat 20"), HasSubstr("exit 0"));
  } while (taken < 2 && !HasFailure());
  stop = true;
  reloads.join();
  EXPECT_THAT(taken.load(), AllOf(Gt(1), Lt(1000)));
  EXPECT_EQ(certificates(), "1");
}

TEST_F(CmpRefusalTest, ATransactionIsOne) {
  ok(std::string("req a /CN=") + kUuid);
  write_request("one", "station", "p10cr -csr a.csr");
  EXPECT_EQ(post("one"), "200");
  EXPECT_EQ(failure("one"), "none");
  EXPECT_EQ(post("one"), "200");
  EXPECT_THAT(failure("one"), StartsWith(kTransactionIdInUse)) << "it waits for its certConf";
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout a.crt -reqout first.msg,second.msg"),
              HasSubstr("exit 0"));
  EXPECT_EQ(post("second"), "200");
  EXPECT_THAT(failure("second"), AllOf(StartsWith(kBadRequest), HasSubstr("no such CMP transaction")));
  EXPECT_EQ(post("first"), "200") << "what was confirmed has ended, and gives what there is";
  EXPECT_EQ(failure("first"), "none");
  // Two wait by now; one signer has 64 places.
  const std::string flood = cmp("station", "p10cr -csr a.csr -certout a.crt -disable_confirm -repeat 70");
  EXPECT_THAT(flood, AllOf(HasSubstr("systemUnavail"), HasSubstr("too many transactions")));
  const std::string text = authority_.curl("operator", "/metrics").output;
  const Metrics counted = parse_exposition(text.substr(0, text.rfind('\n')));
  const auto answers = [&](const std::string& labels) {
    const auto found = counted.find("pedigree_cmp_answers_total{" + labels + "}");
    return found == counted.end() ? 0 : found->second;
  };
  EXPECT_EQ(answers(R"(body="error",status="rejection",failure="systemUnavail")"), 1);
  EXPECT_EQ(answers(R"(body="error",status="rejection",failure="transactionIdInUse")"), 1);
  EXPECT_EQ(answers(R"(body="error",status="rejection",failure="badRequest")"), 1);
  EXPECT_EQ(answers(R"(body="pkiconf",status="accepted",failure="none")"), 1);
  EXPECT_EQ(answers(R"(body="cp",status="accepted",failure="none")"), 65);
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout a.crt"), HasSubstr("systemUnavail"));
  EXPECT_THAT(cmp("station", "p10cr -csr a.csr -certout a.crt -implicit_confirm"), HasSubstr("exit 0"))
      << "which takes no place";
  EXPECT_THAT(cmp("operator", "rr -oldcert a.crt"), HasSubstr("exit 0")) << "nor does this";
  EXPECT_EQ(certificates(), "1");
}

TEST_F(CmpRefusalTest, AConfirmationIsOfWhatWasIssuedByWhomItWasIssuedTo) {
  constexpr unsigned kCp = 3;
  constexpr unsigned kPkiConf = 19;
  int count = 0;
  const auto ask = [&] {
    const std::string name = "n" + std::to_string(++count);
    ok("req " + name + " /CN=56d38f73-3f6f-4a59-86bc-d315a1ccc6" + std::to_string(10 + count));
    write_request(name, "station", "p10cr -csr " + name + ".csr");
    EXPECT_EQ(post(name), "200");
    EXPECT_EQ(body(name), kCp);
    return name;
  };
  const auto hash = [&] {
    const Octets der = unhex(authority_.sql("SELECT hex(der) FROM certificate ORDER BY number DESC LIMIT 1"));
    const Sha256 digest = host_crypto().sha256(der).value();
    return Octets(digest.begin(), digest.end());
  };
  const auto confirm = [&](const std::string& request, const Confirmation& said) {
    write_confirmation("conf", request, said);
    EXPECT_EQ(post("conf"), "200");
    return body("conf");
  };
  std::string name = ask();
  EXPECT_NE(confirm(name, {hash(), false, "operator"}), kPkiConf);
  EXPECT_THAT(failure("conf"), StartsWith(kBadMessageCheck)) << "another's key, which leaves it as it is";
  EXPECT_EQ(confirm(name, {hash()}), kPkiConf);
  EXPECT_NE(confirm(name, {hash()}), kPkiConf) << "it has ended";
  name = ask();
  EXPECT_NE(confirm(name, {hash(), true}), kPkiConf) << "another nonce";
  name = ask();
  EXPECT_NE(confirm(name, {Octets(32, 7)}), kPkiConf) << "another hash";
  EXPECT_NE(confirm(name, {hash()}), kPkiConf) << "that ended it";
  EXPECT_EQ(authority_.sql("SELECT DISTINCT state FROM certificate"), "1") << "nothing of this takes it away";
  name = ask();
  EXPECT_EQ(confirm(name, {}), kPkiConf) << "no CertStatus rejects it";
  EXPECT_EQ(authority_.sql("SELECT state || reason FROM certificate ORDER BY number"), "10\n10\n10\n34");
}

TEST_F(CmpRefusalTest, HostileBodiesPathsAndMethods) {
  ok(std::string("req a /CN=") + kUuid);
  write_request("a", "station", "p10cr -csr a.csr");
  const std::string before = authority_.dump();
  const Octets whole = message("a.msg");
  for (std::size_t size = 0; size < whole.size(); size += 83) {
    write_file(folder_ / "cut.msg", Bytes(whole).first(size));
    EXPECT_EQ(post("cut"), "400") << size;
  }
  Octets longer = whole;
  longer.push_back(0);
  write_file(folder_ / "long.msg", Bytes(longer));
  EXPECT_EQ(post("long"), "400");
  write_file(folder_ / "rubbish.msg", std::string_view("this is no message"));
  EXPECT_EQ(post("rubbish"), "400");
  ok("head -c 40000 /dev/zero > large.msg; head -c 2000000 /dev/zero > huge.msg");
  EXPECT_EQ(post("large"), "413");
  EXPECT_EQ(post("huge"), "413");
  const auto status = [&](const std::string& options) {
    return ok("as station -o /dev/null -w '%{http_code}' " + options);
  };
  const std::string body = "--data-binary @a.msg -H 'Content-Type: application/pkixcmp' ";
  const std::string url = "$URL/.well-known/cmp";
  EXPECT_EQ(status("--data-binary @a.msg -H 'Content-Type: application/json' " + url), "415");
  EXPECT_EQ(status("--data-binary @a.msg -H 'Content-Type: text/plain' " + url), "415");
  EXPECT_EQ(status(body + "-H 'Origin: https://example.com' " + url), "403");
  EXPECT_EQ(status("-H 'Content-Type: application/pkixcmp' " + url), "405");
  for (const char* path : {"/p/nothing", "/p/", "/p/tls-client.nothing", "/p/idevid/nothing", "/nothing", "x",
                           "/p/a..b", "/../v1", "/p/idevid/initialization/"}) {
    EXPECT_EQ(status("--path-as-is " + body + url + path), "404") << path;
  }
  EXPECT_EQ(authority_.dump(), before);
  EXPECT_EQ(post("a", "/"), "200") << "it serves on";
  EXPECT_EQ(failure("a"), "none");
  EXPECT_EQ(certificates(), "1");
  serve_with(authority_, {{"cmp", "false"}});
  EXPECT_EQ(post("a"), "404") << "off";
}

}  // namespace
}  // namespace pedigree::testing
