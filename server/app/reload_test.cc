// SPDX-License-Identifier: Apache-2.0
// `pedigree authority serve --check`, and reload while serving: no request is lost, connections stay, new
// ones see what the directory has now, and a directory that is wrong changes nothing and is told of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "testing/authority/load.h"
#include "testing/authority/serve_process.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Reload : public ::testing::Test {
 protected:
  Reload() {
    write_file(folder_.scratch("pass"), std::string_view(kPassphrase));
    std::filesystem::permissions(folder_.scratch("pass"), std::filesystem::perms::owner_read);
  }
  void serve() {
    serve_ = std::make_unique<ServeProcess>(
        folder_, ProcessOptions{}, std::vector<std::string>{},
        std::vector<std::string>{"--passphrase-file", folder_.scratch("pass").string()});
  }
  CommandResult pedigree(std::vector<std::string> arguments) {
    std::vector<std::string> command{std::getenv("PEDIGREE_PROGRAM"), "authority"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), {"--dir", folder_.path().string()});
    return run(command);
  }
  void replace(const std::filesystem::path& file, const std::string& from, const std::string& to) {
    std::string text = read_text(file);
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
    write_file(file, std::string_view(text));
  }
  std::unique_ptr<Client> client(const std::string& who) {
    return std::make_unique<Client>(serve_->port(), folder_.identity(who));
  }
  /// The serial number of the certificate that the server shows to openssl.
  std::string shown() {
    return run({"bash", "-c",
                "openssl s_client -connect 127.0.0.1:" + std::to_string(serve_->port()) +
                    " </dev/null 2>/dev/null | openssl x509 -noout -serial"})
        .output;
  }
  /// Another certificate for the server's key.
  void renew_server_certificate() {
    const std::string tls = folder_.layout().tls().string();
    const CommandResult made =
        run({"bash", "-c",
             "cd '" + tls +
                 "' && openssl x509 -x509toreq -in server.cert.pem -signkey server.key.pem -out s.csr "
                 "2>/dev/null && printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n"
                 "extendedKeyUsage=serverAuth\\nkeyUsage=digitalSignature\\n' > ext && openssl x509 -req "
                 "-in s.csr -CA ca.cert.pem -CAkey ca.key.pem -passin file:'" +
                 folder_.scratch("pass").string() +
                 "' -CAcreateserial -extfile ext -days 9 -out new.pem && mv new.pem server.cert.pem"});
    ASSERT_EQ(made.status, 0) << made.output;
  }

  AuthorityFolder folder_;
  std::unique_ptr<ServeProcess> serve_;
};

TEST_F(Reload, UnderLoadLosesNoRequest) {
  serve();
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> served{0};
  std::atomic<std::size_t> failed{0};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const bool is_kept = i != 0;  // the first makes a connection for each unit
      std::unique_ptr<Client> connection;
      for (std::uint64_t number = 1 + i * 1'000'000; !stop; ++number) {
        try {
          if (!connection || !is_kept) connection = client("station");
          if (enrol(*connection, Unit(number)).status != 200) ++failed;
        } catch (const std::exception&) {
          ++failed;
        }
        ++served;
      }
    });
  }
  const auto wait_for_more = [&](std::size_t more) {
    const std::size_t until = served + more;
    return serve_->process().wait_until([&] { return served >= until; });
  };
  const std::string before = shown();
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(wait_for_more(20));
    renew_server_certificate();
    const CommandResult reloaded = pedigree({"reload"});
    EXPECT_EQ(reloaded.status, 0) << reloaded.output;
  }
  EXPECT_TRUE(wait_for_more(20));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0U) << "of " << served;
  EXPECT_NE(shown(), before) << "new connections see the new certificate";
  EXPECT_EQ(folder_.sql("SELECT count(*) FROM certificate"), std::to_string(served));
}

TEST_F(Reload, PoliciesAndProfilesAreTakenAndConnectionsStay) {
  serve();
  const auto station = client("station");
  ASSERT_EQ(enrol(*station, Unit(1)).status, 200U);
  write_file(folder_.layout().policy(),
             std::string_view("[[station]]\nname = \"*\"\nprofiles = [\"idevid\"]\n"));
  ASSERT_EQ(enrol(*station, Unit(2)).status, 200U) << "not before it is told to";
  ASSERT_EQ(pedigree({"reload"}).status, 0);
  EXPECT_EQ(station->post("/v1/nonce", {{"device", Unit(3).id()}, {"profile", "iak"}}).status, 403U)
      << "the same connection, by the new policy";
  EXPECT_EQ(enrol(*station, Unit(4), "idevid").status, 200U);
}

TEST_F(Reload, WhatIsWrongChangesNothingAndIsSaid) {
  serve();
  const std::string before = shown();
  const std::string config = read_text(folder_.layout().config());
  const std::string key = read_text(folder_.layout().tls_key("server"));
  std::uint64_t units = 0;
  const auto expect_refused = [&](const std::string& why) {
    const CommandResult refused = pedigree({"reload"});
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.output, HasSubstr(why));
    EXPECT_EQ(enrol(*client("station"), Unit(++units)).status, 200U);
    EXPECT_EQ(shown(), before);
  };
  replace(folder_.layout().config(), "nonce_seconds = ", "nonce_second = ");
  expect_refused("nonce_second is not a known setting");
  write_file(folder_.layout().config(), std::string_view(config));
  write_file(folder_.layout().tls_key("server"),
             std::string_view(read_text(folder_.layout().tls_key("station"))));
  expect_refused("certificate, key or CA");
  write_file(folder_.layout().tls_key("server"), std::string_view(key));
  replace(folder_.layout().config(), "\n[metrics]\nlisten = \"\"", "\n[metrics]\nlisten = \"127.0.0.1:1\"");
  expect_refused("metrics.listen has another value: that takes a restart");
  write_file(folder_.layout().config(), std::string_view(config));
  EXPECT_THAT(pedigree({"status"}).output, HasSubstr("the last reload was refused: metrics.listen"));
  EXPECT_EQ(pedigree({"reload"}).status, 0);
  EXPECT_THAT(pedigree({"status"}).output, Not(HasSubstr("refused")));
  serve_->process().kill(SIGTERM);
  EXPECT_EQ(serve_->process().wait(), 0);
  EXPECT_THAT(serve_->process().errors(),
              AllOf(HasSubstr("error reload refused detail=\""), HasSubstr("info reloaded")));
  const CommandResult nobody = pedigree({"reload"});
  EXPECT_NE(nobody.status, 0);
  EXPECT_THAT(nobody.output, HasSubstr("no process of this user serves"));
}

TEST_F(Reload, WithoutAPassphraseFileItSaysThatItCannot) {
  serve_ = std::make_unique<ServeProcess>(folder_);
  const CommandResult refused = pedigree({"reload"});
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.output, HasSubstr("serve with --passphrase-file to reload"));
  EXPECT_EQ(client("station")->get("/v1/issuers").status, 200U);
}

TEST_F(Reload, CheckNamesEveryProblemOfADirectory) {
  const std::string passphrase = folder_.scratch("pass").string();
  const auto check = [&] { return pedigree({"serve", "--check", "--passphrase-file", passphrase}); };
  CommandResult checked = check();
  EXPECT_EQ(checked.status, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("nothing is wrong with it"));
  replace(folder_.layout().config(), "nonce_seconds = ", "nonce_second = ");
  replace(folder_.layout().config(), "crl_days = 7", "crl_days = 0");
  replace(folder_.layout().config(), "\nlevel = \"info\"", "\nlevel = \"loud\"");
  write_file(folder_.layout().tls_key("server"),
             std::string_view(read_text(folder_.layout().tls_key("station"))));
  std::filesystem::permissions(folder_.layout().nonce_key(), std::filesystem::perms(0644));
  write_file(folder_.layout().policy(), std::string_view("[[station]]\nname = \"*\"\nprofile = [\"iak\"]\n"));
  checked = check();
  EXPECT_EQ(checked.status, 7) << checked.output;
  EXPECT_THAT(checked.output, AllOf(HasSubstr("nonce_second is not a known setting"),
                                    HasSubstr("crl_days must be a whole number"), HasSubstr("level must be"),
                                    HasSubstr("server.key.pem"), HasSubstr("nonce.key"),
                                    HasSubstr("policy.toml:3: station.profile is not a known setting")));
  // The database is somebody else's file.
  write_file(folder_.layout().database(), std::string_view("not a database, whatever its name says it is"));
  EXPECT_THAT(check().output, HasSubstr("pedigree.sqlite"));
}

}  // namespace
}  // namespace pedigree::testing
