// SPDX-License-Identifier: Apache-2.0
// An authority whose intermediates' keys are in a token: it issues, the token is pulled out, and comes back.
#include "server/app/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "testing/authority/authority.h"
#include "testing/support/process.h"

namespace pedigree::testing {
namespace {

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

  void serve(const std::string& token, const std::string& issuer) {
    app::InitOptions options;
    options.directory = folder_ / "ca";
    options.root_name = "Example Silicon Root CA";
    options.issuers = {{issuer, "Acme Devices CA", "root"}};
    options.token = token;
    options.now = std::time(nullptr);
    const app::SecretText passphrase{std::string(kPassphrase)};
    const auto made = app::init_directory(options, passphrase);
    ASSERT_TRUE(made) << made.error().detail;
    app::ServeOptions serving;
    serving.directory = folder_ / "ca";
    serving.threads = 2;
    auto app = app::App::start(serving, passphrase);
    ASSERT_TRUE(app) << app.error().detail;
    app_ = *std::move(app);
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
  std::filesystem::rename(*trial_ / "token/tokens", *trial_ / "token/away");
  const auto station = client("station");
  for (int i = 0; i < 3; ++i) expect_away(enrol(*station, Unit(seed++)));
  const Answer health = station->get("/v1/health");
  EXPECT_EQ(health.status, 503U);
  EXPECT_THAT(health.body, HasSubstr("the token is away, or refuses its PIN"));
  EXPECT_EQ(station->get("/v1/health/live").status, 200U);
  EXPECT_EQ(station->get("/v1/issuers").status, 200U) << "what needs no signature goes on";
  const auto files = layout();
  const CommandResult seen =
      run({"curl", "-sS", "--max-time", "60", "--noproxy", "*", "-D", "-", "--cacert",
           files.tls_certificate("ca").string(), "--cert", files.tls_certificate("station").string(), "--key",
           files.tls_key("station").string(), app_->url() + "/v1/crl/pulled"});
  EXPECT_THAT(seen.output, HasSubstr("HTTP/1.1 503"));
  EXPECT_THAT(seen.output, HasSubstr("Retry-After: 5"));
  EXPECT_THAT(seen.output, HasSubstr("is away, or refuses its PIN"));
  std::filesystem::rename(*trial_ / "token/away", *trial_ / "token/tokens");
  EXPECT_TRUE(comes_back(seed));
}

TEST_F(TokenServed, ATokenServedElsewhereMayDieAndStartAgain) {
  if (run({"p11-kit", "--help"}).status == 127 || !std::filesystem::exists(kClientModule)) {
    GTEST_SKIP() << "no p11-kit server here";
  }
  const std::string socket = (folder_ / "socket").string();
  const auto start = [&] {
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
  auto server = start();
  setenv("P11_KIT_SERVER_ADDRESS", ("unix:path=" + socket).c_str(), 1);
  const std::string pin = (*trial_ / "token/pin").string();
  serve("pkcs11:token=acme%20hsm?module-path=" + std::string(kClientModule) + "&pin-source=" + pin, "remote");
  ASSERT_NE(app_, nullptr);
  std::uint64_t seed = 3000;
  ASSERT_EQ(enrol(*client("station"), Unit(seed++)).status, 200U);
  stop(*server);
  for (int i = 0; i < 3; ++i) expect_away(enrol(*client("station"), Unit(seed++)));
  server = start();
  EXPECT_TRUE(comes_back(seed));
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
