// SPDX-License-Identifier: Apache-2.0
// Further clients, and what is known of a revoked intermediate outside of this authority: CRLs of those above
// it, read by openssl.
#include "server/app/offline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

const app::SecretText& passphrase() {
  static const app::SecretText text{std::string(kPassphrase)};
  return text;
}

class Offline : public ::testing::Test {
 protected:
  void revoke_issuer(const std::string& name) {
    const Answer answer =
        authority_.client("operator")
            ->post("/v1/issuers/" + name + "/revoke", {{"reason", "cACompromise"}, {"why", "a test"}});
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }
  std::string state_of(const std::string& name) {
    const auto json = authority_.client("operator")->get("/v1/issuers").json();
    for (const auto& issuer : json.at("issuers").as_array()) {
      if (issuer.at("name").as_string() == name) return std::string(issuer.at("state").as_string());
    }
    return {};
  }
  /// Serial number of an intermediate, in openssl's upper-case hex.
  std::string serial_of(const std::string& name) {
    std::string text = run({"openssl", "x509", "-noout", "-serial", "-in",
                            authority_.layout().issuer_certificate(name).string()})
                           .output;
    text.erase(0, text.find('=') + 1);
    text.pop_back();
    return text;
  }
  std::string crl_text(const std::string& pem, const std::filesystem::path& issuer) {
    write_file(authority_.scratch("crl.pem"), std::string_view(pem));
    return run({"openssl", "crl", "-in", authority_.scratch("crl.pem").string(), "-noout", "-text", "-CAfile",
                issuer.string()})
        .output;
  }

  ServedAuthority authority_;
};

TEST_F(Offline, ANewClientHasItsRoleAndNoOther) {
  app::NewClient wish;
  wish.role = authority::TlsRole::relying_party;
  wish.name = "gate 7";
  wish.certificate = authority_.scratch("gate.cert.pem");
  wish.key = authority_.scratch("gate.key.pem");
  const der::UnixTime now = std::time(nullptr);
  const app::SecretText wrong{std::string("not it")};
  EXPECT_EQ(app::make_client(authority_.layout(), wish, wrong, now).error().code,
            ErrorCode::wrong_passphrase);
  ASSERT_TRUE(app::make_client(authority_.layout(), wish, passphrase(), now));
  EXPECT_EQ(app::make_client(authority_.layout(), wish, passphrase(), now).error().code,
            ErrorCode::io_failure)
      << "nothing is overwritten";
  Client gate(authority_.port(), {authority_.identity("").ca, wish.certificate, wish.key});
  EXPECT_EQ(gate.post("/v1/verify/nonce", {}).status, 200U);
  EXPECT_EQ(gate.post("/v1/enrol", {}).status, 403U);
  EXPECT_EQ(gate.get("/v1/devices").status, 403U);
  wish.name.clear();
  EXPECT_EQ(app::make_client(authority_.layout(), wish, passphrase(), now).error().code,
            ErrorCode::bad_configuration);
}

TEST_F(Offline, TheRootsCrlListsItsRevokedIntermediates) {
  const der::UnixTime now = std::time(nullptr);
  const auto root = authority_.layout().root_certificate();
  const auto none = app::make_root_crl(authority_.layout(), {}, 7, passphrase(), now);
  ASSERT_TRUE(none) << none.error().detail;
  EXPECT_THAT(crl_text(to_pem("X509 CRL", *none), root), HasSubstr("No Revoked Certificates"));

  const Answer issued = enrol(*authority_.client("station"), Unit(1));
  EXPECT_EQ(state_of("vendor"), "active");
  revoke_issuer("vendor");
  EXPECT_EQ(state_of("vendor"), "revoked");
  const auto local = app::LocalAuthority::open(authority_.path());
  ASSERT_TRUE(local);
  const auto revoked = (*local)->store().revoked({"root"});
  ASSERT_TRUE(revoked);
  ASSERT_EQ(revoked->size(), 1U);
  const x509::RevokedEntry entry{revoked->front().serial.octets(), revoked->front().when,
                                 revoked->front().reason};
  const auto crl = app::make_root_crl(authority_.layout(), {&entry, 1}, 7, passphrase(), now + 1);
  ASSERT_TRUE(crl) << crl.error().detail;
  const std::string text = crl_text(to_pem("X509 CRL", *crl), root);
  EXPECT_THAT(text, HasSubstr("verify OK"));
  EXPECT_THAT(text, HasSubstr(serial_of("vendor")));
  EXPECT_THAT(text, HasSubstr("CA Compromise"));

  const auto chain = chain_of(issued);
  write_file(authority_.scratch("leaf.pem"), to_pem("CERTIFICATE", chain[0]));
  write_file(authority_.scratch("chain.pem"), to_pem("CERTIFICATE", chain[1]));
  const std::string vendor_crl = authority_.client("")->get("/v1/crl/vendor").body;
  write_file(authority_.scratch("all.pem"),
             std::string_view(to_pem("X509 CRL", *crl) + to_pem("X509 CRL", as_bytes(vendor_crl))));
  const CommandResult verified =
      run({"openssl", "verify", "-crl_check_all", "-CRLfile", authority_.scratch("all.pem").string(),
           "-CAfile", root.string(), "-untrusted", authority_.scratch("chain.pem").string(),
           authority_.scratch("leaf.pem").string()});
  EXPECT_THAT(verified.output, HasSubstr("certificate revoked"));
  EXPECT_THAT(verified.output, HasSubstr("at 1 depth"));
}

TEST_F(Offline, AnIntermediatesCrlListsThoseBelowIt) {
  const auto vendor_crl = [&] {
    const std::string der = authority_.client("")->get("/v1/crl/vendor").body;
    return crl_text(to_pem("X509 CRL", as_bytes(der)), authority_.layout().issuer_certificate("vendor"));
  };
  EXPECT_THAT(vendor_crl(), HasSubstr("No Revoked Certificates"));
  revoke_issuer("acme");
  EXPECT_THAT(vendor_crl(), HasSubstr(serial_of("acme")));
  EXPECT_EQ(enrol(*authority_.client("station"), Unit(1)).status, 200U) << "the one above it goes on";
}

TEST_F(Offline, OrdersAboutIntermediatesAreChecked) {
  const auto operator_client = authority_.client("operator");
  const auto post = [&](const std::string& name, const boost::json::object& body) {
    return operator_client->post("/v1/issuers/" + name + "/revoke", body).status;
  };
  EXPECT_EQ(post("nobody", {{"reason", "cACompromise"}, {"why", "a test"}}), 404U);
  EXPECT_EQ(post("acme", {{"reason", "certificateHold"}, {"why", "a test"}}), 400U);
  EXPECT_EQ(post("acme", {{"reason", "cACompromise"}}), 400U);
  EXPECT_EQ(state_of("acme"), "active");
  revoke_issuer("acme");
  const Answer again =
      operator_client->post("/v1/issuers/acme/revoke", {{"reason", "superseded"}, {"why", "b"}});
  EXPECT_EQ(again.json().at("reason").as_string(), "cACompromise") << "the first date and reason stay";
}

}  // namespace
}  // namespace pedigree::testing
