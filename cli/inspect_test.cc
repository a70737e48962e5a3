// SPDX-License-Identifier: Apache-2.0
// Through the real program, over objects that the openssl program made, and over rubbish in the library.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "cli/inspect.h"
#include "core/cbor/cbor.h"
#include "core/smp/console.h"
#include "core/smp/smp.h"
#include "testing/support/support.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using testing::CommandResult;

constexpr std::int64_t kNow = 1795500000;  // 2026-11-24

class Inspect : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TempDir();
    const std::string script = R"(set -e
cd "$0"
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -new -x509 -key ca.key -subj '/O=Example/CN=Test CA' -days 3650 -out ca.pem -addext keyUsage=critical,keyCertSign,cRLSign
openssl ecparam -name secp384r1 -genkey -noout -out leaf.key
openssl req -new -key leaf.key -subj '/CN=leaf' -out leaf.csr -addext subjectAltName=DNS:leaf.example
printf 'extendedKeyUsage=clientAuth\n1.2.3.4=critical,ASN1:NULL\n' > leaf.ext
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x77 -days 30 -extfile leaf.ext -out leaf.pem
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ncrlnumber=number\n' > crl.cnf
printf 'R\t301231235959Z\t261101000000Z,keyCompromise\t77\tunknown\t/CN=leaf\n' > index.txt
echo 01 > number
openssl ca -config crl.cnf -gencrl -keyfile ca.key -cert ca.pem -crldays 10 -out list.crl
cat leaf.pem ca.pem > chain.pem
cat chain.pem leaf.csr > bundle.pem
openssl x509 -in leaf.pem -outform der -out leaf.der
openssl pkey -in leaf.key -pubout -out leaf.pub
openssl pkcs8 -topk8 -in leaf.key -passout pass:secret -out leaf.enc
openssl pkcs8 -topk8 -nocrypt -in leaf.key -out leaf.p8
)";
    const CommandResult made = testing::run({"bash", "-c", script, folder_->path().string()});
    ASSERT_EQ(made.status, 0) << made.output;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string file(std::string_view name) { return (*folder_ / name).string(); }
  static CommandResult inspect_file(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {std::getenv("PEDIGREE_PROGRAM"), "inspect"});
    return testing::run(arguments);
  }
  /// The facts of one file, as --json prints them.
  static json::object facts(std::string_view name) {
    const CommandResult result = inspect_file({"--json", file(name)});
    EXPECT_EQ(result.status, kExitOk) << result.output;
    return json::parse(result.output).as_object();
  }
  static testing::TempDir* folder_;
};
testing::TempDir* Inspect::folder_ = nullptr;

TEST_F(Inspect, TellsEveryFormByItsContent) {
  EXPECT_EQ(facts("leaf.pem").at("kind"), "certificate");
  EXPECT_EQ(facts("leaf.der").at("kind"), "certificate");
  EXPECT_EQ(facts("leaf.csr").at("kind"), "certification request");
  EXPECT_EQ(facts("list.crl").at("kind"), "certificate revocation list");
  EXPECT_EQ(facts("chain.pem").at("kind"), "chain");
  EXPECT_EQ(facts("bundle.pem").at("kind"), "bundle");
  EXPECT_EQ(facts("leaf.pub").at("kind"), "public key");
  for (const char* name : {"leaf.key", "leaf.p8", "leaf.enc"}) {
    const json::object key = facts(name);
    EXPECT_TRUE(key.at("kind").as_string().starts_with("private key") || key.contains("encryption")) << name;
  }
}

TEST_F(Inspect, ACertificatesFactsAreThoseOfOpenssl) {
  const json::object leaf = facts("leaf.pem");
  EXPECT_EQ(leaf.at("subject"), "CN=leaf");
  EXPECT_EQ(leaf.at("issuer"), "O=Example, CN=Test CA");
  EXPECT_EQ(leaf.at("serial"), "77");
  EXPECT_EQ(leaf.at("key"), "P-384");
  EXPECT_EQ(leaf.at("version"), 3);
  const CommandResult hash = testing::run(
      {"bash", "-c", "openssl x509 -in \"$0\" -outform der | sha256sum | cut -c1-64", file("leaf.pem")});
  EXPECT_EQ(std::string(leaf.at("sha256").as_string()) + "\n", hash.output);
  ASSERT_EQ(leaf.at("extensions").as_array().size(), 4U) << json::serialize(leaf);
  ASSERT_EQ(leaf.at("warnings").as_array().size(), 1U);
  EXPECT_NE(leaf.at("warnings").as_array()[0].as_string().find("1.2.3.4"), json::string::npos);
  EXPECT_EQ(facts("ca.pem").at("self_signed"), true);
}

TEST_F(Inspect, ASecretNeverShows) {
  const CommandResult scalar = testing::run(
      {"bash", "-c",
       "openssl pkey -in \"$0\" -text -noout | sed -n '/^priv:/,/^pub:/{/^ /p}' | tr -d ' :\\n' | tail -c 96",
       file("leaf.key")});
  ASSERT_EQ(scalar.output.size(), 96U) << scalar.output;
  for (const char* name : {"leaf.key", "leaf.p8"}) {
    const CommandResult shown = inspect_file({file(name)});
    EXPECT_EQ(shown.status, kExitOk);
    EXPECT_EQ(shown.output.find(scalar.output), std::string::npos);
    EXPECT_NE(shown.output.find("P-384"), std::string::npos) << shown.output;
  }
}

TEST_F(Inspect, ReadsStdinAndDrawsATreeWithoutColourInAPipe) {
  const CommandResult result = testing::run(
      {"bash", "-c", "\"$0\" inspect - < \"$1\"", std::getenv("PEDIGREE_PROGRAM"), file("chain.pem")});
  EXPECT_EQ(result.status, kExitOk);
  EXPECT_NE(result.output.find("chain of 2 certificates"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("└─ 1: Test CA"), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find('\x1b'), std::string::npos);
}

TEST_F(Inspect, ABadFileIsRefusedWithReasonAndOffset) {
  testing::Octets der = testing::read_file(file("leaf.der"));
  const auto refuse = [&](testing::Octets content, std::string_view reason) {
    const auto report = inspect(content, kNow);
    ASSERT_FALSE(report) << reason;
    EXPECT_NE(report.error().reason.find(reason), std::string::npos) << report.error().reason;
    EXPECT_TRUE(report.error().offset);
  };
  refuse({}, "empty");
  refuse({0x30, 0x80, 0x00, 0x00}, "indefinite");
  refuse({0xff, 0xff, 0xff}, "none that this program knows");
  refuse({der.begin(), der.end() - 1}, "ends before");
  const CommandResult missing = inspect_file({file("nothing.pem")});
  EXPECT_EQ(missing.status, kExitUnreadable);
}

TEST_F(Inspect, ShowsSmpPacketsFromConsoleAndRaw) {
  std::array<std::uint8_t, 256> buffer{};
  Writer packet(buffer);
  const std::array<std::uint8_t, 1> empty_map{0xa0};
  smp::write_packet(
      {.operation = smp::Operation::read, .group = smp::kPedigreeGroup, .sequence = 9, .command = 0},
      empty_map, packet);
  const auto raw = inspect(*packet.finish(), kNow);
  ASSERT_TRUE(raw);
  const json::value raw_facts = to_json(*raw);
  const json::object& first = raw_facts.at("packets").as_array().at(0).as_object();
  EXPECT_EQ(first.at("command"), "info");
  EXPECT_EQ(first.at("group"), smp::kPedigreeGroup);
  EXPECT_EQ(first.at("payload"), "{}");

  std::array<std::uint8_t, 512> line{};
  Writer console(line);
  console.bytes(as_bytes("boot log\n"));
  smp::write_frame(*packet.finish(), console);
  const auto framed = inspect(*console.finish(), kNow);
  ASSERT_TRUE(framed) << framed.error().reason;
  EXPECT_EQ(to_json(*framed).at("packets"), raw_facts.at("packets"));
}

TEST_F(Inspect, TextFromAFileCannotSteerTheTerminal) {
  const CommandResult made = testing::run(
      {"bash", "-c",
       "cd \"$0\" && openssl req -new -x509 -key ca.key -subj \"/CN=$(printf 'a\\033[2Jb')\" -out evil.pem",
       folder_->path().string()});
  ASSERT_EQ(made.status, 0) << made.output;
  const CommandResult shown = inspect_file({file("evil.pem")});
  EXPECT_EQ(shown.status, kExitOk);
  EXPECT_EQ(shown.output.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace pedigree::cli
