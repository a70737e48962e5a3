// SPDX-License-Identifier: Apache-2.0
// An authority whose intermediates' keys are in a token: it issues, the token is pulled out, and comes back.
#include "server/app/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "server/app/check.h"
#include "testing/authority/authority.h"
#include "testing/support/process.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kClientModule = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so";

// SoftHSM reads its settings once in a process: one token for all tests here, and one authority for each.
class TokenServed : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    trial_ = new TempDir();
    const auto made = app::make_trial_token({*trial_ / "token", "acme hsm"});
    ASSERT_TRUE(made) << made.error().detail;
    uri_ = *made;
  }
  static void TearDownTestSuite() {
    delete trial_;
    trial_ = nullptr;
  }

  void make(const std::string& token, const std::string& issuer) {
    app::InitOptions options;
    options.directory = folder_ / "ca";
    options.root_name = "Example Silicon Root CA";
    options.issuers = {{issuer, "Acme Devices CA", "root"}};
    options.token = token;
    options.now = std::time(nullptr);
    const auto made = app::init_directory(options, app::SecretText(kPassphrase));
    ASSERT_TRUE(made) << made.error().detail;
  }
  void start() {
    app::ServeOptions serving;
    serving.directory = folder_ / "ca";
    serving.threads = 2;
    serving.readiness_life = std::chrono::milliseconds(0);
    auto app = app::App::start(serving, app::SecretText(kPassphrase));
    ASSERT_TRUE(app) << app.error().detail;
    app_ = *std::move(app);
  }
  void serve(const std::string& token, const std::string& issuer) {
    ASSERT_NO_FATAL_FAILURE(make(token, issuer));
    start();
  }
  /// Replaces the first of the one by the other in authority.toml.
  void configure(const std::string& from, const std::string& to) const {
    std::string text = read_text(layout().config());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_file(layout().config(), std::string_view(text.replace(at, from.size(), to)));
  }
  static void pull() { std::filesystem::rename(*trial_ / "token/tokens", *trial_ / "token/away"); }
  static void plug_in() { std::filesystem::rename(*trial_ / "token/away", *trial_ / "token/tokens"); }
  /// The answer to curl with a client certificate of that kind, its header first.
  std::string fetch(const std::string& who, const std::string& path, const std::string& more = "") const {
    const auto files = layout();
    const std::string command = "curl -sS --max-time 60 --noproxy '*' -D - --cacert " +
                                files.tls_certificate("ca").string() + " --cert " +
                                files.tls_certificate(who).string() + " --key " +
                                files.tls_key(who).string() + " " + more + " " + app_->url() + path;
    return run({"bash", "-c", command}).output;
  }
  [[nodiscard]] app::Layout layout() const { return {folder_ / "ca"}; }
  [[nodiscard]] std::unique_ptr<Client> client(const std::string& who) const {
    return std::make_unique<Client>(
        app_->port(),
        TlsFiles{layout().tls_certificate("ca"), layout().tls_certificate(who), layout().tls_key(who)});
  }
  /// openssl's verdict about a chain, leaf first.
  std::string verdict(const Answer& answer) {
    std::string above;
    const auto chain = chain_of(answer);
    write_file(folder_ / "leaf.pem", to_pem("CERTIFICATE", chain.front()));
    for (std::size_t i = 1; i < chain.size(); ++i) above += to_pem("CERTIFICATE", chain[i]);
    write_file(folder_ / "above.pem", std::string_view(above));
    return run({"openssl", "verify", "-CAfile", layout().root_certificate().string(), "-untrusted",
                (folder_ / "above.pem").string(), (folder_ / "leaf.pem").string()})
        .output;
  }
  /// Enrols new devices until the authority can sign again.
  bool comes_back(std::uint64_t& seed) {
    for (int i = 0; i < 600; ++i) {
      const Answer answer = enrol(*client("station"), Unit(seed++));
      if (answer.status == 200) return verdict(answer).find(": OK") != std::string::npos;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  static void expect_away(const Answer& answer) {
    EXPECT_EQ(answer.status, 503U) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("the token with the key of intermediate"));
  }

  static TempDir* trial_;
  static std::string uri_;
  TempDir folder_;
  std::unique_ptr<app::App> app_;
};
TempDir* TokenServed::trial_ = nullptr;
std::string TokenServed::uri_;

TEST_F(TokenServed, KeysAreMadeAndUsedInTheToken) {
  serve(uri_, "one");
  EXPECT_FALSE(std::filesystem::exists(layout().issuer_key("one")));
  EXPECT_THAT(read_text(layout().config()), HasSubstr("key = 'pkcs11:token=acme%20hsm;object=one?"));
  const Answer answer = enrol(*client("station"), Unit(1));
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_THAT(verdict(answer), HasSubstr(": OK"));
  EXPECT_EQ(client("station")->get("/v1/crl/one").status, 200U);
  // The name is taken, and no key is ever replaced.
  app::InitOptions again;
  again.directory = folder_ / "other";
  again.root_name = "Root";
  again.issuers = {{"one", "Another CA", "root"}};
  again.token = uri_;
  again.now = std::time(nullptr);
  const auto refused = app::init_directory(again, app::SecretText(kPassphrase));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::duplicate_key);
  EXPECT_FALSE(std::filesystem::exists(again.directory));
}

TEST_F(TokenServed, ManyStationsShareTheSessions) {
  serve(uri_, "many");
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> stations;
    for (std::uint64_t i = 0; i < 12; ++i) {
      stations.emplace_back([&, i] {
        const auto station = client("station");
        for (std::uint64_t j = 0; j < 10; ++j) {
          good += enrol(*station, Unit(1000 + 10 * i + j)).status == 200 ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(good, 120);
}

TEST_F(TokenServed, PulledOutItIsUnavailableAndRecovers) {
  serve(uri_, "pulled");
  std::uint64_t seed = 2000;
  ASSERT_EQ(enrol(*client("station"), Unit(seed++)).status, 200U);
  pull();
  const auto station = client("station");
  for (int i = 0; i < 3; ++i) expect_away(enrol(*station, Unit(seed++)));
  const Answer health = station->get("/v1/health");
  EXPECT_EQ(health.status, 503U);
  EXPECT_THAT(health.body, HasSubstr("the token is away (acme hsm)"));
  EXPECT_EQ(station->get("/v1/health/live").status, 200U);
  EXPECT_EQ(station->get("/v1/issuers").status, 200U) << "what needs no signature goes on";
  EXPECT_THAT(fetch("station", "/v1/crl/pulled"),
              AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("Retry-After: 5"), HasSubstr("is away, or gives")));
  plug_in();
  EXPECT_TRUE(comes_back(seed));
}

TEST_F(TokenServed, AServerStartsWhileItsTokenIsAway) {
  make(uri_, "absent");
  configure("est = false", "est = true");
  configure("ocsp = false", "ocsp = true");
  start();
  std::uint64_t seed = 4000;
  const Answer first = enrol(*client("station"), Unit(seed));
  ASSERT_EQ(first.status, 200U) << first.body;
  const std::string crl = client("station")->get("/v1/crl/absent").body;
  app_.reset();
  pull();
  start();
  // Why, for the log and for who starts it.
  const auto troubles = app_->token_troubles();
  ASSERT_EQ(troubles.size(), 1U);
  EXPECT_EQ(troubles[0].issuer, "absent");
  EXPECT_EQ(troubles[0].token, "acme hsm");
  EXPECT_EQ(troubles[0].reason, "the token is away");
  // What needs the key.
  expect_away(enrol(*client("station"), Unit(seed + 1)));
  const std::string request = (folder_ / "request").string();
  ASSERT_EQ(run({"bash", "-c",
                 "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + request +
                     ".key -subj /CN=56d38f73-3f6f-4a59-86bc-d315a1ccc634 -outform DER -out " + request +
                     " 2>/dev/null && openssl base64 -in " + request + " -out " + request + ".b64"})
                .status,
            0);
  EXPECT_THAT(fetch("station", "/.well-known/est/simpleenroll",
                    "-H 'Content-Type: application/pkcs10' --data-binary @" + request + ".b64"),
              AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("Retry-After")));
  write_file(folder_ / "leaf.pem", to_pem("CERTIFICATE", chain_of(first)[0]));
  const std::string ocsp = "openssl ocsp -issuer " + layout().issuer_certificate("absent").string() +
                           " -cert " + (folder_ / "leaf.pem").string() + " -no_nonce -reqout " + request +
                           ".ocsp 2>&1; ";
  ASSERT_EQ(run({"bash", "-c", ocsp}).status, 0);
  const auto ask_ocsp = [&] {
    (void)fetch("station", "/ocsp",
                "-o " + request + ".answer -H 'Content-Type: application/ocsp-request' --data-binary @" +
                    request + ".ocsp");
    return run({"openssl", "ocsp", "-noverify", "-resp_text", "-respin", request + ".answer"}).output;
  };
  EXPECT_THAT(ask_ocsp(), HasSubstr("trylater (3)"));
  // What does not.
  EXPECT_EQ(client("station")->get("/v1/crl/absent").body, crl) << "it was signed before";
  EXPECT_EQ(client("station")->get("/v1/issuers").status, 200U);
  EXPECT_EQ(client("operator")->get("/v1/devices").status, 200U);
  EXPECT_EQ(client("operator")->get("/v1/audit/checkpoint").status, 200U);
  EXPECT_EQ(client("relying-party")->post("/v1/verify/nonce", {}).status, 200U);
  const std::string serial(first.json().at("serial").as_string());
  EXPECT_EQ(client("operator")
                ->post("/v1/revoke", {{"serial", serial}, {"reason", "superseded"}, {"why", "a test"}})
                .status,
            200U);
  EXPECT_EQ(client("station")->get("/v1/crl/absent").body, crl) << "until its nextUpdate";
  // Whom it concerns.
  EXPECT_THAT(fetch("operator", "/v1/health"),
              AllOf(HasSubstr("HTTP/1.1 503"),
                    HasSubstr(R"({"name":"token acme hsm","state":"failing","reason":"the token is away)")));
  EXPECT_THAT(fetch("operator", "/metrics"), HasSubstr("pedigree_ready{dependency=\"token acme hsm\"} 0"));
  const app::SecretText passphrase(kPassphrase);
  const auto problems = app::check_directory(layout(), &passphrase, std::time(nullptr));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].file, layout().config().string());
  EXPECT_EQ(problems[0].what, "intermediate absent: token acme hsm: the token is away");
  EXPECT_TRUE(app_->reload(passphrase)) << "as at the start";
  EXPECT_EQ(app_->token_troubles().size(), 1U);
  plug_in();
  seed += 10;
  EXPECT_TRUE(comes_back(seed));
  EXPECT_THAT(fetch("operator", "/v1/health"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(fetch("operator", "/metrics"), HasSubstr("pedigree_ready{dependency=\"token acme hsm\"} 1"));
  EXPECT_TRUE(app_->token_troubles().empty());
  EXPECT_TRUE(app::check_directory(layout(), &passphrase, std::time(nullptr)).empty());
  const Answer renewed = client("station")->get("/v1/crl/absent");
  EXPECT_EQ(renewed.status, 200U);
  EXPECT_NE(renewed.body, crl) << "with what was revoked in between";
  EXPECT_THAT(ask_ocsp(), HasSubstr("OCSP Response Status: successful"));
  // Nobody has signed a list of it that anybody could give out.
  app_.reset();
  std::filesystem::remove_all(layout().directory / "serve.crls");
  pull();
  start();
  EXPECT_THAT(fetch("station", "/v1/crl/absent"), AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("Retry-After")));
  app_.reset();
  plug_in();
}

TEST_F(TokenServed, WhatWasSignedAheadOutlivesAReloadWithoutTheToken) {
  make(uri_, "ahead");
  configure("ocsp = false", "ocsp = true");
  configure("http_listen = \"\"", "http_listen = \"127.0.0.1:0\"");
  start();
  const Answer issued = enrol(*client("station"), Unit(6000), "tls-client");
  ASSERT_EQ(issued.status, 200U) << issued.body;
  write_file(folder_ / "leaf.pem", to_pem("CERTIFICATE", chain_of(issued)[0]));
  const auto ask = [&](const std::string& options) {
    std::string url;
    for (const app::ServedProtocol& one : app_->protocols()) {
      if (one.where.starts_with("http://") && one.where.ends_with("/ocsp")) url = one.where;
    }
    const std::string issuer = layout().issuer_certificate("ahead").string();
    return run({"bash", "-c",
                "openssl ocsp -issuer " + issuer + " -cert " + (folder_ / "leaf.pem").string() + " -url " +
                    url + " -CAfile " + layout().root_certificate().string() + " -verify_other " + issuer +
                    " " + options + " 2>&1"})
        .output;
  };
  EXPECT_THAT(ask("-no_nonce"), HasSubstr("leaf.pem: good"));
  pull();
  EXPECT_THAT(ask("-no_nonce"), HasSubstr("leaf.pem: good"));
  ASSERT_TRUE(app_->reload(app::SecretText(kPassphrase)));
  EXPECT_THAT(ask(""), HasSubstr("leaf.pem: good")) << "by the responder's key, which lives on";
  plug_in();
}

TEST_F(TokenServed, WhatIsWrongWithATokenThatWasAwayIsSaidWhenItIsThere) {
  make(uri_, "late");
  const std::string pin = (*trial_ / "token/pin").string();
  const std::string other = (folder_ / "other-pin").string();
  write_file(folder_ / "other-pin", std::string_view("0000\n"));
  std::filesystem::permissions(folder_ / "other-pin", std::filesystem::perms(0600));
  const app::SecretText passphrase(kPassphrase);
  const auto reason = [&] {
    (void)enrol(*client("station"), Unit(5000));
    const auto troubles = app_->token_troubles();
    return troubles.empty() ? std::string() : std::string(troubles[0].reason);
  };
  const auto becomes = [&](const std::string& wanted) {
    for (int i = 0; i < 600 && reason().find(wanted) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return reason().find(wanted) != std::string::npos;
  };
  pull();
  configure(pin, other);
  start();
  EXPECT_EQ(reason(), "the token is away") << "nobody has asked for the PIN yet";
  plug_in();
  EXPECT_TRUE(becomes("refuses the PIN (it was tried once"));
  EXPECT_THAT(fetch("station", "/v1/health"), HasSubstr("refuses the PIN"));
  const auto refused = app_->reload(passphrase);
  ASSERT_FALSE(refused) << "the same PIN is not tried again";
  EXPECT_THAT(refused.error().detail, HasSubstr("refuses the PIN"));
  configure(other, pin);
  ASSERT_TRUE(app_->reload(passphrase)) << "another one is";
  EXPECT_EQ(enrol(*client("station"), Unit(5001)).status, 200U);
  // A key that the token does not have.
  app_.reset();
  pull();
  configure("object=late", "object=nothing");
  start();
  plug_in();
  EXPECT_TRUE(becomes("has no such private key"));
  EXPECT_THAT(fetch("station", "/v1/health"), HasSubstr("has no such private key"));
  configure("object=nothing", "object=late");
  ASSERT_TRUE(app_->reload(passphrase));
  EXPECT_EQ(enrol(*client("station"), Unit(5002)).status, 200U);
}

TEST_F(TokenServed, ATokenServedElsewhereMayDieAndStartAgain) {
  if (run({"p11-kit", "--help"}).status == 127 || !std::filesystem::exists(kClientModule)) {
    GTEST_SKIP() << "no p11-kit server here";
  }
  const std::string socket = (folder_ / "socket").string();
  const auto start_server = [&] {
    std::filesystem::remove(socket);
    auto server = std::make_unique<Process>(std::vector<std::string>{
        "p11-kit", "server", "--foreground", "--provider", "/usr/lib/softhsm/libsofthsm2.so", "--name",
        socket, "pkcs11:token=acme%20hsm"});
    EXPECT_TRUE(server->wait_until([&] { return std::filesystem::exists(socket); }));
    return server;
  };
  const auto stop = [](Process& server) {
    for (const pid_t connection : server.children()) ::kill(connection, SIGKILL);
    server.kill();
    (void)server.wait();
  };
  auto server = start_server();
  setenv("P11_KIT_SERVER_ADDRESS", ("unix:path=" + socket).c_str(), 1);
  const std::string pin = (*trial_ / "token/pin").string();
  serve("pkcs11:token=acme%20hsm?module-path=" + std::string(kClientModule) + "&pin-source=" + pin, "remote");
  ASSERT_NE(app_, nullptr);
  std::uint64_t seed = 3000;
  ASSERT_EQ(enrol(*client("station"), Unit(seed++)).status, 200U);
  stop(*server);
  for (int i = 0; i < 3; ++i) expect_away(enrol(*client("station"), Unit(seed++)));
  server = start_server();
  EXPECT_TRUE(comes_back(seed));
  // And be away when the authority starts.
  app_.reset();
  stop(*server);
  this->start();
  ASSERT_NE(app_, nullptr);
  EXPECT_EQ(app_->token_troubles().size(), 1U);
  for (int i = 0; i < 3; ++i) expect_away(enrol(*client("station"), Unit(seed++)));
  server = start_server();
  EXPECT_TRUE(comes_back(seed));
  EXPECT_TRUE(app_->token_troubles().empty());
  app_.reset();
  stop(*server);
}

TEST_F(TokenServed, WhatIsWrongWithATokenIsSaidAtTheStart) {
  serve(uri_, "wrong");
  app_.reset();
  const std::string config = read_text(layout().config());
  const auto start_with = [&](const std::string& from, const std::string& to) {
    std::string changed = config;
    changed.replace(changed.find(from), from.size(), to);
    write_file(layout().config(), std::string_view(changed));
    app::ServeOptions serving;
    serving.directory = layout().directory;
    auto app = app::App::start(serving, app::SecretText(kPassphrase));
    EXPECT_FALSE(app) << to;
    return app ? std::string() : app.error().detail;
  };
  EXPECT_THAT(start_with("object=wrong", "object=nothing"), HasSubstr("no such private key"));
  EXPECT_THAT(start_with("object=wrong", "object=one"), HasSubstr("is not the key of wrong's certificate"));
  EXPECT_THAT(start_with("libsofthsm2.so", "nothing.so"), HasSubstr("module cannot be loaded"));
  EXPECT_THAT(start_with("key = 'pkcs11:", "key = 'file:"), HasSubstr("key must be a pkcs11: URI"));
  write_file(folder_ / "other-pin", std::string_view("0000\n"));
  std::filesystem::permissions(folder_ / "other-pin", std::filesystem::perms(0600));
  const std::string pin = (*trial_ / "token/pin").string();
  const std::string said = start_with(pin, (folder_ / "other-pin").string());
  EXPECT_THAT(said, HasSubstr("refuses the PIN"));
  EXPECT_THAT(said, Not(HasSubstr("0000")));
  std::filesystem::permissions(folder_ / "other-pin", std::filesystem::perms(0644));
  EXPECT_THAT(start_with(pin, (folder_ / "other-pin").string()), HasSubstr("chmod 600"));
  write_file(layout().config(), std::string_view(config));
  app::ServeOptions serving;
  serving.directory = layout().directory;
  EXPECT_TRUE(app::App::start(serving, app::SecretText(kPassphrase))) << "the token is not locked";
}

}  // namespace
}  // namespace pedigree::testing
