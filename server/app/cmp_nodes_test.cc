// SPDX-License-Identifier: Apache-2.0
// CMP where an authority is more than one process on one disk: its registry in PostgreSQL, several servers on
// it behind a load balancer, and its intermediates' keys in a token.
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "server/app/audit.h"
#include "server/app/token.h"
#include "testing/authority/cmp_client.h"
#include "testing/authority/unit.h"
#include "testing/postgres/postgres_server.h"
#include "testing/support/round_robin.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr unsigned kCp = 3;
constexpr unsigned kPkiConf = 19;

/// All that a device asks for, from its first certificate to its last.
class Life : public CmpTest {
 protected:
  using CmpTest::CmpTest;

  void expect_life(const std::string& uuid) {
    for (const char* key : {"one", "two", "id"}) make_key(key);
    EXPECT_THAT(
        cmp("station", "ir -newkey one.key -subject /CN=" + uuid + " -certout one.crt", "/initialization"),
        HasSubstr("exit 0"));
    EXPECT_EQ(ok("openssl verify -x509_strict -CAfile $CA/root.cert.pem -untrusted "
                 "$CA/issuers/vendor.cert.pem one.crt"),
              "one.crt: OK");
    EXPECT_THAT(cmp("one", "kur -newkey two.key -certout two.crt", "/keyupdate"), HasSubstr("exit 0"));
    EXPECT_THAT(cmp("one", "genm"), HasSubstr("certRevoked"));
    EXPECT_THAT(cmp("two", "cr -newkey id.key -certout id.crt -subject /CN=" + uuid, "/p/idevid.acme"),
                HasSubstr("exit 0"));
    EXPECT_THAT(cmp("two", "rr -oldcert two.crt -revreason 4", "/revocation"), HasSubstr("exit 0"));
    EXPECT_THAT(cmp("operator", "rr -oldcert id.crt -revreason 1"), HasSubstr("exit 0"));
  }
  void expect_whole_log() {
    const auto report =
        app::verify_log(authority_.layout(), app::read_log_key(authority_.layout()).value(), {}, {});
    ASSERT_TRUE(report);
    EXPECT_THAT(report->findings, ::testing::IsEmpty());
  }
};

class CmpOnPostgres : public Life {
 protected:
  CmpOnPostgres() : CmpOnPostgres(PostgresServer::shared().create_database()) {}
  explicit CmpOnPostgres(const std::string& url) : Life(url), database_(url) {}

  [[nodiscard]] std::string sql(const std::string& text) const {
    return PostgresServer::shared().sql(database_, text);
  }
  /// A second server of the same registry.
  [[nodiscard]] std::unique_ptr<app::App> second() const {
    app::ServeOptions options;
    options.directory = authority_.path();
    options.threads = 2;
    auto served = app::App::start(options, app::SecretText(kPassphrase));
    if (!served) throw std::runtime_error("cannot serve: " + served.error().detail);
    return *std::move(served);
  }
  [[nodiscard]] Octets newest_hash() const {
    const Octets der = unhex(sql("SELECT encode(der, 'hex') FROM certificate ORDER BY number DESC LIMIT 1"));
    const Sha256 digest = host_crypto().sha256(der).value();
    return {digest.begin(), digest.end()};
  }
  /// Posts NAME.msg to this server.
  void post_to(const app::App& server, const std::string& name) {
    EXPECT_EQ(ok("URL=" + server.url() + "; c -o " + name +
                 ".rsp -w '%{http_code}' -H 'Content-Type: application/pkixcmp' --data-binary @" + name +
                 ".msg $URL/.well-known/cmp"),
              "200");
  }

  std::string database_;
};

TEST_F(CmpOnPostgres, ADevicesLife) {
  expect_life(kUuid);
  EXPECT_EQ(sql("SELECT profile, state, reason FROM certificate ORDER BY number"),
            "tls-client|3|4\ntls-client|3|4\nidevid|3|1");
  EXPECT_EQ(sql("SELECT count(*) FROM unconfirmed"), "0") << "all was confirmed";
  expect_whole_log();
}

TEST_F(CmpOnPostgres, AConfirmationMayReachAnotherServer) {
  const auto other = second();
  int count = 0;
  // Asks the first server.
  const auto ask = [&] {
    const std::string name = "n" + std::to_string(++count);
    ok("req " + name + " /CN=56d38f73-3f6f-4a59-86bc-d315a1ccc6" + std::to_string(10 + count));
    write_request(name, "station", "p10cr -csr " + name + ".csr");
    EXPECT_EQ(post(name), "200");
    EXPECT_EQ(body(name), kCp);
    return name;
  };
  const auto confirm = [&](const std::string& request, const Confirmation& said) {
    write_confirmation("conf", request, said);
    post_to(*other, "conf");
    return body("conf");
  };
  const auto states = [&] { return sql("SELECT state || reason::text FROM certificate ORDER BY number"); };
  std::string name = ask();
  EXPECT_NE(confirm(name, {newest_hash(), false, "operator"}), kPkiConf);
  EXPECT_THAT(failure("conf"), StartsWith("1 ")) << "the message shows the station's certificate";
  EXPECT_EQ(confirm(name, {newest_hash()}), kPkiConf);
  EXPECT_NE(confirm(name, {newest_hash()}), kPkiConf);
  EXPECT_THAT(failure("conf"), HasSubstr("no such CMP transaction")) << "it has ended";
  name = ask();
  EXPECT_NE(confirm(name, {Octets(32, 7)}), kPkiConf);
  EXPECT_THAT(failure("conf"), AllOf(StartsWith("4 "), HasSubstr("certHash")));
  EXPECT_NE(confirm(name, {newest_hash()}), kPkiConf) << "that ended it";
  EXPECT_EQ(states(), "10\n10") << "nothing of this takes it away";
  name = ask();
  EXPECT_EQ(confirm(name, {}), kPkiConf) << "no CertStatus rejects it";
  EXPECT_EQ(states(), "10\n10\n34");
  EXPECT_THAT(sql("SELECT why FROM event WHERE what = 'revoked'"), HasSubstr("certConf"));
  // What was there before stays, whoever hears the rejection.
  write_request("again", "station", "p10cr -csr n1.csr");
  EXPECT_EQ(post("again"), "200");
  EXPECT_EQ(confirm("again", {}), kPkiConf);
  EXPECT_EQ(states(), "10\n10\n34");
  // Another signer's certConf of the same transactionID, and one that comes too late.
  name = ask();
  (void)sql("UPDATE unconfirmed SET signer = decode(repeat('ab', 32), 'hex')");
  EXPECT_NE(confirm(name, {newest_hash()}), kPkiConf);
  name = ask();
  (void)sql("UPDATE unconfirmed SET expires_at = 1000");
  EXPECT_NE(confirm(name, {}), kPkiConf);
  EXPECT_EQ(states(), "10\n10\n34\n10\n10");
}

TEST_F(CmpOnPostgres, OpensslGoesFromServerToServerBehindALoadBalancer) {
  const auto other = second();
  const RoundRobin balancer({authority_.port(), other->port()});
  make_key("old");
  make_key("new");
  const std::string server = "https://127.0.0.1:" + std::to_string(balancer.port());
  const auto through = [&](const std::string& who, const std::string& arguments) {
    // Each message on a connection of its own.
    return cmp_at(server, who, "-keep_alive 0 -cmd " + arguments);
  };
  for (int round = 0; round < 3; ++round) {
    const std::string uuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc60" + std::to_string(round);
    EXPECT_THAT(through("station", "ir -newkey old.key -certout old.crt -subject /CN=" + uuid),
                HasSubstr("exit 0"));
    EXPECT_THAT(through("old", "kur -newkey new.key -certout new.crt"), HasSubstr("exit 0"));
    EXPECT_THAT(through("new", "rr -oldcert new.crt -revreason 4"), HasSubstr("exit 0"));
    make_key("old");
    make_key("new");
  }
  // A client that takes no certificate: whichever server hears it, that one is superseded.
  for (int round = 3; round < 5; ++round) {
    const std::string uuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc60" + std::to_string(round);
    EXPECT_THAT(through("station",
                        "ir -newkey old.key -certout old.crt -out_trusted $CA/tls/ca.cert.pem "
                        "-subject /CN=" +
                            uuid),
                HasSubstr("exit 1"));
    make_key("old");
  }
  EXPECT_EQ(sql("SELECT count(*) FROM certificate WHERE state = 3 AND reason = 4"), "8");
  EXPECT_EQ(sql("SELECT count(*) FROM unconfirmed"), "0");
  EXPECT_GE(balancer.taken(1), 4U);
  expect_whole_log();
}

/// SoftHSM reads its settings once in a process: one token for all.
std::string token() {
  static const TempDir folder;
  static const std::string uri = app::make_trial_token({folder / "token", "acme hsm"}).value();
  return uri;
}

class CmpWithToken : public Life {
 protected:
  CmpWithToken() : Life({}, token()) {}
  [[nodiscard]] static std::filesystem::path tokens() {
    const std::string config = std::getenv("SOFTHSM2_CONF");
    return std::filesystem::path(config).parent_path() / "tokens";
  }
};

TEST_F(CmpWithToken, ADevicesLifeAndATokenThatIsPulledOutAndComesBack) {
  expect_life(kUuid);
  expect_whole_log();
  EXPECT_FALSE(std::filesystem::exists(authority_.layout().issuer_key("vendor")));
  make_key("next");
  const std::string ir = std::string("ir -newkey next.key -certout next.crt -subject /CN=") + kOtherUuid;
  const std::string before = certificates();
  const std::filesystem::path away = tokens().parent_path() / "away";
  std::filesystem::rename(tokens(), away);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(cmp("station", ir), AllOf(HasSubstr("exit 1"), HasSubstr("systemUnavail"),
                                          HasSubstr("the token with the key of intermediate")));
  }
  EXPECT_EQ(certificates(), before);
  EXPECT_THAT(cmp("station", "genm -infotype caCerts"), HasSubstr("exit 0"))
      << "what needs no signature of the intermediate goes on";
  std::filesystem::rename(away, tokens());
  std::string said;
  for (int i = 0; i < 600 && !said.ends_with("exit 0"); ++i) said = cmp("station", ir);
  EXPECT_THAT(said, HasSubstr("exit 0"));
  EXPECT_EQ(ok("openssl verify -CAfile $CA/root.cert.pem -untrusted $CA/issuers/vendor.cert.pem next.crt"),
            "next.crt: OK");
}

}  // namespace
}  // namespace pedigree::testing
