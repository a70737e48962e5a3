// SPDX-License-Identifier: Apache-2.0
// CRLs as openssl and curl use them: whole, in parts, and delta CRLs.
#include <fmt/format.h>

#include <thread>

#include "server/app/audit.h"
#include "server/app/crl_lots.h"
#include "server/app/offline.h"
#include "server/http/crl_lists.h"
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CrlTest : public ProtocolTest {
 protected:
  CrlTest() { serve({}); }

  void serve(std::vector<std::pair<std::string, std::string>> more) {
    more.emplace_back("crl_url", "\"http://crl.example/v1/crl\"");
    serve_with(authority_, more);
  }
  /// A device with a certificate, which is in NAME.pem.
  void issue(const std::string& name, std::uint64_t number) {
    const Answer issued = enrol(*authority_.client("station"), Unit(number), "tls-client");
    ASSERT_EQ(issued.status, 200U) << issued.body;
    write_file(folder_ / (name + ".pem"), to_pem("CERTIFICATE", chain_of(issued)[0]));
    serials_[name] = std::string(issued.json().at("serial").as_string());
  }
  void revoke(const std::string& name) {
    const Answer done =
        authority_.client("operator")
            ->post("/v1/revoke",
                   {{"serial", serials_.at(name)}, {"reason", "keyCompromise"}, {"why", "a test"}});
    ASSERT_EQ(done.status, 200U) << done.body;
  }
  /// The URL of the part that a certificate names, as openssl prints it.
  std::string part_of(const std::string& name) {
    const std::string shown = ok("openssl x509 -in " + name + ".pem -noout -ext crlDistributionPoints");
    const std::size_t at = shown.find("URI:");
    EXPECT_NE(at, std::string::npos) << shown;
    return at == std::string::npos ? "" : shown.substr(at + 4);
  }
  /// Fetches /v1/crl/PATH as OUT.pem.
  void fetch(const std::string& path, const std::string& out) {
    ok("c -f -o " + out + ".der $URL/v1/crl/" + path + " && openssl crl -inform DER -in " + out +
       ".der -out " + out + ".pem -CAfile $CA/issuers/vendor.cert.pem -verify 2>&1");
  }
  /// Writes the CRL of the root, which the server does not make, as root.pem.
  void make_root_crl() {
    const app::SecretText passphrase{std::string(kPassphrase)};
    const auto crl = app::make_root_crl(authority_.layout(), {}, 7, passphrase, std::time(nullptr));
    ASSERT_TRUE(crl) << crl.error().detail;
    write_file(folder_ / "root.pem", to_pem("X509 CRL", *crl));
  }
  /// What openssl says of a certificate with these lists.
  std::string verify(const std::string& name, const std::string& options) {
    std::string line = "openssl verify -x509_strict " + options + " -CAfile $CA/root.cert.pem -untrusted " +
                       "$CA/issuers/vendor.cert.pem " + name + ".pem 2>&1";
    return sh(line).output;
  }

  std::map<std::string, std::string> serials_;
};

TEST_F(CrlTest, OpensslChecksAWholeChainByAPart) {
  issue("a", 1);
  EXPECT_EQ(part_of("a"), "http://crl.example/v1/crl/vendor/00000000");
  authority_.restart();
  issue("b", 2);
  EXPECT_EQ(part_of("b"), "http://crl.example/v1/crl/vendor/00000008") << "a process has parts of its own";
  make_root_crl();
  fetch("vendor/00000000", "part");
  const std::string all = "-crl_check_all -CRLfile part.pem -CRLfile root.pem";
  EXPECT_THAT(verify("a", all), HasSubstr("a.pem: OK"));
  EXPECT_THAT(verify("b", all), HasSubstr("different CRL scope")) << "another part clears nothing";
  revoke("a");
  fetch("vendor/00000000", "part");
  EXPECT_THAT(verify("a", all), HasSubstr("certificate revoked"));
  fetch("vendor/00000008", "part");
  EXPECT_THAT(verify("b", all), HasSubstr("b.pem: OK"));
  fetch("vendor", "whole");
  const std::string whole = "-crl_check_all -CRLfile whole.pem -CRLfile root.pem";
  EXPECT_THAT(verify("a", whole), HasSubstr("certificate revoked"));
  EXPECT_THAT(verify("b", whole), HasSubstr("b.pem: OK"));
}

TEST_F(CrlTest, ADeltaSaysWhatIsNewer) {
  serve({{"crl_delta_hours", "2"}, {"crl_partitions", "false"}});
  issue("a", 1);
  issue("b", 2);
  EXPECT_EQ(part_of("a"), "http://crl.example/v1/crl/vendor") << "the whole";
  fetch("vendor", "whole");
  EXPECT_THAT(ok("openssl crl -in whole.pem -noout -text"),
              AllOf(HasSubstr("X509v3 Freshest CRL"), HasSubstr("http://crl.example/v1/crl/vendor/delta")));
  ok("sleep 1");  // a delta CRL of the same second says nothing new
  revoke("a");
  fetch("vendor/delta", "delta");
  EXPECT_THAT(ok("openssl crl -in delta.pem -noout -text"),
              HasSubstr("X509v3 Delta CRL Indicator: critical"));
  const std::string both = "-crl_check -use_deltas -CRLfile whole.pem -CRLfile delta.pem";
  EXPECT_THAT(verify("a", "-crl_check -CRLfile whole.pem"), HasSubstr("a.pem: OK")) << "it is too old";
  EXPECT_THAT(verify("a", both), HasSubstr("certificate revoked"));
  EXPECT_THAT(verify("b", both), HasSubstr("b.pem: OK"));
}

TEST_F(CrlTest, WhatIsNotThereIsSaid) {
  for (const char* path :
       {"vendor/00000008", "vendor/ffffffff", "vendor/0", "vendor/0000000A", "vendor/", "vendor/delta",
        "vendor/delta/", "nobody", "nobody/00000000", "vendor/00000000/a"}) {
    EXPECT_EQ(ok(std::string("c -o answer -w '%{http_code}' $URL/v1/crl/") + path), "404") << path;
  }
  EXPECT_EQ(ok("c -o answer -w '%{http_code}' $URL/v1/crl/vendor/00000007"), "200")
      << "taken, and still empty";
}

TEST_F(CrlTest, WhoHasTheListIsToldSo) {
  issue("a", 1);
  const std::string first = ok("c -D - -o list.der $URL/v1/crl/vendor/00000000");
  EXPECT_THAT(first, AllOf(HasSubstr("200 OK"), HasSubstr("ETag: W/\""), HasSubstr("Last-Modified: "),
                           HasSubstr("max-age="), Not(HasSubstr("no-store"))));
  ok("c -f -o again.der $URL/v1/crl/vendor/00000000; cmp list.der again.der");
  const std::string ask =
      "c -o answer -w '%{http_code} %{size_download}' -H \"If-None-Match: $(c -D - -o x "
      "$URL/v1/crl/vendor/00000000 | sed -n 's/^ETag: //p' | tr -d '\\r')\" ";
  EXPECT_EQ(ok(ask + "$URL/v1/crl/vendor/00000000"), "304 0");
  EXPECT_EQ(ok("c -I -o /dev/null -w '%{http_code} %{size_download}' $URL/v1/crl/vendor/00000000").substr(4),
            "0");
  const std::string tag =
      "TAG=$(c -D - -o x $URL/v1/crl/vendor/00000000 | sed -n 's/^ETag: //p' | tr -d '\\r'); ";
  write_file(folder_ / "tag", ok(tag + "printf %s \"$TAG\""));
  revoke("a");
  EXPECT_THAT(
      ok("c -o answer -w '%{http_code}' -H \"If-None-Match: $(cat tag)\" $URL/v1/crl/vendor/00000000"), "200")
      << "it has changed";
}

TEST_F(CrlTest, APartStaysWhereItsCertificatesSay) {
  issue("a", 1);
  serve_with(authority_, {{"crl_url", "\"http://elsewhere.example\""}, {"crl_critical", "true"}});
  issue("b", 2);
  EXPECT_EQ(part_of("b"), "http://elsewhere.example/vendor/00000008");
  fetch("vendor/00000000", "part");
  EXPECT_THAT(ok("openssl crl -in part.pem -noout -text"),
              AllOf(HasSubstr("http://crl.example/v1/crl/vendor/00000000"), HasSubstr("Point: critical")));
  EXPECT_THAT(verify("a", "-crl_check -CRLfile part.pem"), HasSubstr("a.pem: OK"));
}

TEST_F(CrlTest, AListIsGivenOutWhileTheDatabaseIsAway) {
  issue("a", 1);
  fetch("vendor/00000000", "part");
  revoke("a");
  EXPECT_EQ(authority_.sql("ALTER TABLE certificate RENAME TO hidden"), "");
  ok("c -f -o kept.der $URL/v1/crl/vendor/00000000; cmp kept.der part.der");
  EXPECT_EQ(ok("c -o answer -w '%{http_code}' $URL/v1/crl/vendor"), "503") << "of what was never made";
  EXPECT_EQ(authority_.sql("ALTER TABLE hidden RENAME TO certificate"), "");
  fetch("vendor/00000000", "part");
  EXPECT_THAT(verify("a", "-crl_check -CRLfile part.pem"), HasSubstr("certificate revoked"));
}

TEST_F(CrlTest, AuditVerifyFindsARowOfAnotherPart) {
  issue("a", 1);
  authority_.stop();
  EXPECT_EQ(authority_.sql("UPDATE certificate SET crl_partition = 5"), "");
  const auto key = app::read_log_key(authority_.layout());
  ASSERT_TRUE(key);
  const auto report = app::verify_log(authority_.layout(), *key, {}, {});
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_THAT(report->findings,
              ::testing::Contains(
                  HasSubstr("names part 00000000 of its issuer's CRL, and its row says part 00000005")));
}

TEST_F(CrlTest, LotsGoOnWithoutAGap) {
  authority_.stop();
  const auto local = app::LocalAuthority::open(authority_.path());
  ASSERT_TRUE(local);
  app::CrlLots lots((*local)->store());
  const authority::Engine& engine = (*local)->engine();
  ASSERT_TRUE(lots.start(engine));
  const authority::Issuer& vendor = *engine.find_issuer("vendor");
  std::map<std::uint32_t, unsigned> given;
  const unsigned wanted = 3 * app::CrlLots::kLot * authority::kCrlPartitionSize;
  for (unsigned i = 0; i < wanted; ++i) {
    const auto part = lots.next(vendor);
    if (part) {
      ++given[*part];
    } else {
      std::this_thread::yield();  // the next lot is not there yet
    }
  }
  ASSERT_FALSE(given.empty());
  unsigned complete = 0;
  for (const auto& [part, count] : given) {
    EXPECT_LE(count, authority::kCrlPartitionSize);
    if (count == authority::kCrlPartitionSize) ++complete;
  }
  EXPECT_GE(complete, given.size() - 1) << "every part is used up before the next one";
  EXPECT_GT(given.size(), app::CrlLots::kLot) << "more than the first lot";
  // Another process begins after all that this one has.
  app::CrlLots others((*local)->store());
  ASSERT_TRUE(others.start(engine));
  EXPECT_GT(others.next(vendor), given.rbegin()->first);
}

TEST(CrlName, IsReadStrictly) {
  EXPECT_EQ(http::parse_crl_name("a"), (http::CrlName{"a", {}, false}));
  EXPECT_EQ(http::parse_crl_name("a/delta"), (http::CrlName{"a", {}, true}));
  EXPECT_EQ(http::parse_crl_name("a/0000001f"), (http::CrlName{"a", 31, false}));
  for (const char* bad :
       {"", "/", "/delta", "a/", "a/1f", "a/0000001F", "a/0000001g", "a/000000001f", "a/b", "a/delta/"}) {
    EXPECT_FALSE(http::parse_crl_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace pedigree::testing
