// SPDX-License-Identifier: Apache-2.0
// Intermediates by request: made here or by openssl, signed where the root is, and imported.
#include "server/app/intermediates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "authority/intermediate.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

const app::SecretText& passphrase() {
  static const app::SecretText text{std::string(kPassphrase)};
  return text;
}

class Intermediates : public ::testing::Test {
 protected:
  void SetUp() override { authority_.stop(); }
  /// Signs with a CA of the directory: "root", or an intermediate.
  app::Answer<app::Der> sign(Bytes request, const std::string& by = "root", std::uint32_t path_len = 0,
                             const authority::Profile* profile = nullptr, std::uint32_t days = 3650) {
    const auto layout = authority_.layout();
    const auto issuer =
        app::read_certificate(by == "root" ? layout.root_certificate() : layout.issuer_certificate(by));
    const auto key = app::open_key(by == "root" ? layout.root_key() : layout.issuer_key(by), passphrase());
    if (!issuer || !key) throw std::runtime_error("no issuer");
    return app::sign_intermediate(
        {request, *issuer, key->view(), "Site B Devices CA", path_len, days, profile, std::time(nullptr)});
  }
  app::Der request(const std::string& name) {
    const auto made = app::request_issuer(authority_.layout(), {name, "Site B"}, passphrase());
    if (!made) throw std::runtime_error(made.error().detail);
    return *made;
  }
  app::Answer<void> import(const std::string& name, Bytes certificate, const std::string& parent = "root",
                           std::vector<std::string> profiles = {}) {
    return app::import_issuer(authority_.layout(),
                              {name, parent, {}, std::move(profiles), std::time(nullptr)}, certificate,
                              passphrase());
  }
  std::string openssl(const std::string& line) {
    return run({"bash", "-c", "cd " + authority_.scratch(".").string() + " && openssl " + line}).output;
  }

  ServedAuthority authority_;
};

TEST_F(Intermediates, OneOfARequestIssues) {
  const auto csr = request("site-b");
  write_file(authority_.scratch("b.csr"), to_pem("CERTIFICATE REQUEST", csr));
  EXPECT_THAT(openssl("req -in b.csr -noout -verify -subject"), HasSubstr("CN = Site B"));
  EXPECT_EQ(request("site-b").size() / 8, csr.size() / 8) << "the key is kept";
  const auto made = sign(csr);
  ASSERT_TRUE(made) << made.error().detail;
  ASSERT_TRUE(import("site-b", *made, "root", {"iak"}));
  const std::string config = read_text(authority_.layout().config());
  ASSERT_TRUE(import("site-b", *made, "root", {"iak"})) << "again";
  EXPECT_EQ(read_text(authority_.layout().config()), config);
  authority_.restart();
  const Unit unit(1);
  const auto station = authority_.client("station");
  auto body = enrol_body(unit, nonce_for(*station, unit));
  body["issuer"] = "site-b";
  const Answer answer = station->post("/v1/enrol", body);
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const auto chain = chain_of(answer);
  ASSERT_EQ(chain.size(), 2U);
  write_file(authority_.scratch("leaf.pem"), to_pem("CERTIFICATE", chain[0]));
  write_file(authority_.scratch("b.pem"), to_pem("CERTIFICATE", chain[1]));
  EXPECT_THAT(openssl("verify -x509_strict -CAfile ca/root.cert.pem -untrusted b.pem leaf.pem"),
              HasSubstr("leaf.pem: OK"));
  EXPECT_THAT(openssl("x509 -in b.pem -noout -text"), HasSubstr("CA:TRUE, pathlen:0"));
}

TEST_F(Intermediates, ARequestDecidesNothingButItsKey) {
  openssl(
      "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout k.pem -out k.csr -subj '/CN=evil' "
      "-addext basicConstraints=critical,CA:TRUE,pathlen:9 -addext keyUsage=digitalSignature");
  const auto csr = pem_ders(read_text(authority_.scratch("k.csr")), "CERTIFICATE REQUEST").front();
  const auto made = sign(csr);
  ASSERT_TRUE(made) << made.error().detail;
  write_file(authority_.scratch("made.pem"), to_pem("CERTIFICATE", *made));
  const std::string text = openssl("x509 -in made.pem -noout -text");
  EXPECT_THAT(text, HasSubstr("CN = Site B Devices CA"));
  EXPECT_THAT(text, HasSubstr("CA:TRUE, pathlen:0"));
  EXPECT_THAT(text, HasSubstr("Certificate Sign, CRL Sign"));
  auto forged = csr;
  forged.back() ^= 1U;
  EXPECT_FALSE(sign(forged)) << "no proof of possession";
}

TEST_F(Intermediates, LimitsOfIssuerAndProfileHold) {
  const auto csr = request("site-b");
  // vendor's pathLen is 1, acme's below it 0.
  EXPECT_TRUE(sign(csr, "vendor", 0));
  EXPECT_EQ(sign(csr, "vendor", 1).error().code, ErrorCode::path_too_long);
  EXPECT_EQ(sign(csr, "acme", 0).error().code, ErrorCode::path_too_long);
  authority::Profile limited = authority::blank_profile("limited");
  limited.kind = authority::ProfileKind::intermediate;
  limited.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  limited.path_len = 0;
  limited.permitted_dns = {"site-b.example"};
  limited.days = 30;
  limited.keys = {crypto::KeyType::p384};
  EXPECT_EQ(sign(csr, "root", 0, &limited).error().code, ErrorCode::wrong_key_type);
  limited.keys = {crypto::KeyType::p256};
  const auto made = sign(csr, "root", 0, &limited);
  ASSERT_TRUE(made) << made.error().detail;
  write_file(authority_.scratch("made.pem"), to_pem("CERTIFICATE", *made));
  EXPECT_THAT(openssl("x509 -in made.pem -noout -text"), HasSubstr("DNS:site-b.example"));
  const auto certificate = x509::Certificate::parse(*made);
  EXPECT_LE(certificate->not_after() - certificate->not_before(), 30 * 86400);
  // Longer than the root's own life is cut to that.
  const auto longest = sign(csr, "root", 0, nullptr, 36500);
  const auto root = app::read_certificate(authority_.layout().root_certificate());
  EXPECT_EQ(x509::Certificate::parse(*longest)->not_after(), x509::Certificate::parse(*root)->not_after());
}

TEST_F(Intermediates, NothingElseIsImported) {
  const auto csr = request("site-b");
  const auto made = sign(csr);
  ASSERT_TRUE(made);
  const std::string config = read_text(authority_.layout().config());
  EXPECT_EQ(import("acme", *made).error().code, ErrorCode::key_mismatch) << "another's key";
  EXPECT_EQ(import("site-c", *made).error().code, ErrorCode::io_failure) << "there is no key";
  EXPECT_EQ(import("root", *made).error().code, ErrorCode::bad_configuration);
  EXPECT_EQ(import("site-b", *made, "nobody").error().code, ErrorCode::bad_configuration);
  EXPECT_EQ(import("site-b", *made, "root", {"no-such-profile"}).error().code, ErrorCode::bad_configuration);
  EXPECT_FALSE(import("site-b", *made, "vendor")) << "it was signed by another";
  // A root of the same name is not the root.
  AuthorityFolder stranger;
  const auto other = app::read_certificate(stranger.layout().root_certificate());
  const auto key = app::open_key(stranger.layout().root_key(), passphrase());
  const auto foreign =
      app::sign_intermediate({csr, *other, key->view(), "Site B", 0, 3650, nullptr, std::time(nullptr)});
  ASSERT_TRUE(foreign);
  EXPECT_FALSE(import("site-b", *foreign));
  EXPECT_EQ(read_text(authority_.layout().config()), config);
  EXPECT_FALSE(std::filesystem::exists(authority_.layout().issuer_certificate("site-b")));
  EXPECT_TRUE(import("site-b", *made));
  EXPECT_FALSE(app::request_issuer(authority_.layout(), {"site-b", "Site B"}, passphrase()))
      << "a configured one is not requested again";
}

TEST_F(Intermediates, ADirectoryBelowARootOfElsewhereHasNoRootKey) {
  app::InitOptions options;
  options.directory = authority_.scratch("b");
  options.root_name = "unused";
  options.root_certificate = authority_.layout().root_certificate();
  options.now = std::time(nullptr);
  const app::Layout layout{options.directory};
  ASSERT_TRUE(app::init_directory(options, passphrase()));
  EXPECT_FALSE(std::filesystem::exists(layout.root_key()));
  EXPECT_EQ(read_text(layout.root_certificate()), read_text(authority_.layout().root_certificate()));
  const auto csr = app::request_issuer(layout, {"b", "B"}, passphrase());
  ASSERT_TRUE(csr) << csr.error().detail;
  const auto made = sign(*csr);
  ASSERT_TRUE(made);
  ASSERT_TRUE(app::import_issuer(layout, {"b", "root", {}, {}, std::time(nullptr)}, *made, passphrase()));
  app::ServeOptions serving;
  serving.directory = options.directory;
  const auto app = app::App::start(serving, passphrase());
  ASSERT_TRUE(app) << app.error().detail;
  Client station((*app)->port(), {layout.tls_certificate("ca"), layout.tls_certificate("station"),
                                  layout.tls_key("station")});
  EXPECT_EQ(enrol(station, Unit(7)).status, 200U);

  options.directory = authority_.scratch("c");
  for (const char* none : {"vendor", "acme"}) {
    options.root_certificate = authority_.layout().issuer_certificate(none);
    EXPECT_EQ(app::init_directory(options, passphrase()).error().code, ErrorCode::bad_configuration);
    EXPECT_FALSE(std::filesystem::exists(options.directory));
  }
  options.root_certificate = authority_.layout().root_certificate();
  options.issuers = {{"x", "X", "root"}};
  EXPECT_EQ(app::init_directory(options, passphrase()).error().code, ErrorCode::bad_configuration);
}

}  // namespace
}  // namespace pedigree::testing
