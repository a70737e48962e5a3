// SPDX-License-Identifier: Apache-2.0
// Through the real program; the chains and lists are made by the openssl program.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "cli/files.h"
#include "core/cbor/cbor.h"
#include "testing/support/support.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;

class VerifyChain : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TempDir();
    const std::string script = R"(set -e
cd "$0"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ncrlnumber=number\n' > crl.cnf
: > index.txt
echo 01 > number
ca='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
printf "$ca" > ca.ext
printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\n' > leaf.ext
key root; openssl req -new -x509 -key root.key -subj '/CN=Test Root' -days 3650 -out root.pem -addext keyUsage=critical,keyCertSign,cRLSign
key ca; openssl req -new -key ca.key -subj '/CN=Test CA' -out ca.csr
openssl x509 -req -in ca.csr -CA root.pem -CAkey root.key -set_serial 2 -days 1000 -extfile ca.ext -out ca.pem
key leaf; openssl req -new -key leaf.key -subj '/CN=leaf' -out leaf.csr
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x77 -days 30 -extfile leaf.ext -out leaf.pem
openssl ca -config crl.cnf -gencrl -keyfile ca.key -cert ca.pem -crldays 10 -out empty.crl
printf 'R\t301231235959Z\t261101000000Z,keyCompromise\t77\tunknown\t/CN=leaf\n' > index.txt
openssl ca -config crl.cnf -gencrl -keyfile ca.key -cert ca.pem -crldays 10 -out revoked.crl
openssl ca -config crl.cnf -gencrl -keyfile leaf.key -cert leaf.pem -crldays 10 -out other.crl || test -s other.crl
cat leaf.pem ca.pem > chain.pem
cat leaf.pem ca.pem root.pem > full.pem
for f in leaf ca root; do openssl x509 -in $f.pem -outform der -out $f.der; done
openssl pkey -in root.key -pubout -outform der | openssl sha256 -r | cut -c1-64 > root.hash
)";
    const CommandResult made = testing::run({"bash", "-c", script, folder_->path().string()});
    ASSERT_EQ(made.status, 0) << made.output;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string file(std::string_view name) { return (*folder_ / name).string(); }
  static CommandResult verify(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {std::getenv("PEDIGREE_PROGRAM"), "verify", "chain"});
    return testing::run(arguments);
  }
  static testing::TempDir* folder_;
};
testing::TempDir* VerifyChain::folder_ = nullptr;

TEST_F(VerifyChain, TrustsAGoodChainInEveryForm) {
  const CommandResult pem = verify({file("chain.pem"), "--root", file("root.pem")});
  EXPECT_EQ(pem.status, kExitOk) << pem.output;
  EXPECT_NE(pem.output.find("trusted  the chain is trusted"), std::string::npos) << pem.output;
  EXPECT_NE(pem.output.find("  Test Root    trusted root "), std::string::npos) << pem.output;
  EXPECT_NE(pem.output.find("  └─ Test CA   P-256, until "), std::string::npos) << pem.output;
  EXPECT_NE(pem.output.find("     └─ leaf   P-256, until "), std::string::npos) << pem.output;
  EXPECT_EQ(pem.output.find('\x1b'), std::string::npos);
  EXPECT_EQ(verify({file("leaf.der"), file("ca.der"), "--root", file("root.der")}).status, kExitOk);
  EXPECT_EQ(
      verify({file("full.pem"), "--root-spki", testing::read_text(file("root.hash")).substr(0, 64)}).status,
      kExitOk);

  Octets buffer(8192);
  Writer out(buffer);
  cbor::Encoder encoder(out);
  encoder.array(2);
  encoder.bstr(testing::read_file(file("leaf.der")));
  encoder.bstr(testing::read_file(file("ca.der")));
  testing::write_file(file("chain.cbor"), out.written());
  EXPECT_EQ(verify({file("chain.cbor"), "--root", file("root.pem")}).status, kExitOk);
}

TEST_F(VerifyChain, SaysWhichCertificateAndWhyNot) {
  const CommandResult wrong_root = verify({file("chain.pem"), "--root", file("leaf.pem")});
  EXPECT_EQ(wrong_root.status, kExitNotTrusted) << wrong_root.output;
  const CommandResult expired =
      verify({file("chain.pem"), "--root", file("root.pem"), "--time", "2200-01-01"});
  EXPECT_EQ(expired.status, kExitNotTrusted);
  EXPECT_NE(expired.output.find("not trusted"), std::string::npos) << expired.output;
  EXPECT_NE(expired.output.find("expired"), std::string::npos) << expired.output;
  EXPECT_EQ(verify({file("chain.pem"), "--root", file("root.pem"), "--no-time"}).status, kExitOk);
  EXPECT_EQ(verify({file("chain.pem"), "--root", file("root.pem"), "--purpose", "client-auth"}).status,
            kExitOk);
  EXPECT_EQ(verify({file("chain.pem"), "--root", file("root.pem"), "--purpose", "1.3.6.1.5.5.7.3.3"}).status,
            kExitNotTrusted);
  EXPECT_EQ(verify({file("leaf.pem"), "--root", file("root.pem")}).status, kExitNotTrusted);
  EXPECT_EQ(verify({file("ca.pem"), "--root", file("root.pem")}).status, kExitNotTrusted);
  EXPECT_EQ(verify({file("ca.pem"), "--root", file("root.pem"), "--allow-ca"}).status, kExitOk);
}

TEST_F(VerifyChain, ListsOfTheIssuerDecideRevocation) {
  const std::vector<std::string> base{file("chain.pem"), "--root", file("root.pem"), "--json"};
  const auto with_crl = [&base](const std::string& crl, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = base;
    arguments.insert(arguments.end(), {"--crl", crl});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return verify(arguments);
  };
  const CommandResult clear = with_crl(file("empty.crl"));
  EXPECT_EQ(clear.status, kExitOk) << clear.output;
  EXPECT_EQ(boost::json::parse(clear.output).at("certificates").at(0).at("revocation").as_string(),
            "not revoked");
  const CommandResult revoked = with_crl(file("revoked.crl"));
  EXPECT_EQ(revoked.status, kExitNotTrusted) << revoked.output;
  const boost::json::value answer = boost::json::parse(revoked.output);
  EXPECT_EQ(answer.at("code").as_string(), "revoked");
  EXPECT_EQ(answer.at("certificate").as_int64(), 1);
  EXPECT_EQ(answer.at("verdict").as_string(),
            "certificate 1 of 2 (leaf) is revoked since 2026-11-01T00:00:00Z (keyCompromise)");
  const CommandResult stale =
      with_crl(file("empty.crl"), {"--time", fmt::format("@{}", std::time(nullptr) + 20 * 86400)});
  EXPECT_EQ(stale.status, kExitNotTrusted) << stale.output;
  EXPECT_NE(stale.output.find("out of date"), std::string::npos) << stale.output;
}

TEST_F(VerifyChain, JsonHoldsTheSameFacts) {
  const CommandResult result = verify({"--json", file("chain.pem"), "--root", file("root.pem")});
  const boost::json::value answer = boost::json::parse(result.output);
  EXPECT_TRUE(answer.at("trusted").as_bool());
  EXPECT_TRUE(answer.at("code").is_null());
  EXPECT_EQ(answer.at("certificates").as_array().size(), 2U);
  EXPECT_EQ(answer.at("certificates").at(0).at("serial").as_string(), "77");
  EXPECT_EQ(answer.at("certificates").at(1).at("subject").as_string(), "CN=Test CA");
}

TEST_F(VerifyChain, TellsUsageFromUnreadable) {
  EXPECT_EQ(verify({file("chain.pem")}).status, kExitUsage);
  EXPECT_EQ(verify({file("chain.pem"), "--root-spki", "abcd"}).status, kExitUsage);
  EXPECT_EQ(verify({file("chain.pem"), "--root", file("root.pem"), "--time", "noon"}).status, kExitUsage);
  EXPECT_EQ(verify({file("chain.pem"), "--rot", file("root.pem")}).status, kExitUsage);
  EXPECT_EQ(verify({file("none.pem"), "--root", file("root.pem")}).status, kExitUnreadable);
  EXPECT_EQ(verify({file("leaf.key"), "--root", file("root.pem")}).status, kExitUnreadable);
  EXPECT_EQ(verify({file("chain.pem"), "--root", file("leaf.key")}).status, kExitUnreadable);
}

}  // namespace
}  // namespace pedigree::cli
