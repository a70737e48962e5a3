// SPDX-License-Identifier: Apache-2.0
// `verify token`, `verify data` and `verify policy` through the real program.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "testing/images/revocations.h"
#include "testing/support/process.h"
#include "testing/verifier/fleet.h"
#include "verifier/images.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using testing::CommandResult;
using testing::Fleet;
using testing::kFleetNow;
using testing::Octets;

const std::string kNonce = std::string(64, '4').replace(1, 1, "e");

std::string program() {
  return std::getenv("PEDIGREE_PROGRAM");
}

class VerifyToken : public ::testing::Test {
 protected:
  VerifyToken() : device_(fleet_.device(1)), sensor_(fleet_.data_device(2)) {
    spec_.nonce = testing::unhex(kNonce);
    write("root.pem", testing::to_pem("CERTIFICATE", fleet_.root().certificate));
    write("token.cbor", device_.token(spec_));
    write("oem.crl", Fleet::crl(fleet_.oem(), {}));
    write("vendor.crl", Fleet::crl(fleet_.vendor(), {}));
    write("root.crl", Fleet::crl(fleet_.root(), {}));
  }
  [[nodiscard]] std::string file(std::string_view name) const { return (folder_ / name).string(); }
  void write(std::string_view name, std::string_view content) const {
    testing::write_file(folder_ / name, content);
  }
  void write(std::string_view name, const Octets& content) const {
    testing::write_file(folder_ / name, Bytes(content));
  }
  [[nodiscard]] CommandResult verify(std::vector<std::string> arguments, std::string_view input = {}) const {
    arguments.insert(arguments.begin(), {program(), "verify"});
    arguments.insert(arguments.end(), {"--time", "@" + std::to_string(kFleetNow)});
    return testing::run(arguments, input);
  }
  /// With the root, and CRLs that name nobody.
  [[nodiscard]] CommandResult token(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"token", file("token.cbor"), "--root", file("root.pem")};
    for (const char* name : {"oem.crl", "vendor.crl", "root.crl"}) {
      arguments.insert(arguments.end(), {"--crl", file(name)});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return verify(arguments);
  }

  testing::TempDir folder_;
  Fleet fleet_;
  testing::FleetDevice device_, sensor_;
  testing::TokenSpec spec_;
};

TEST_F(VerifyToken, SaysWhyItIsTrusted) {
  const CommandResult result = token({"--nonce", kNonce});
  EXPECT_EQ(result.status, kExitOk) << result.output;
  EXPECT_TRUE(result.output.starts_with("trusted  0100..5a  lifecycle secured\n")) << result.output;
  for (const char* line :
       {"  ok    signature   ES256 by the certified attestation key\n",
        "  ok    chain       Example Silicon Root CA > Example Silicon Device CA > "
        "Acme Devices CA > 0100..5a\n",
        "  ok    revocation  none is revoked, says the CRL\n", "  ok    freshness   the nonce matches\n",
        "  skip  registry    ", "        firmware    BL 1.0.3, PRoT 2.1.0\n"}) {
    EXPECT_NE(result.output.find(line), std::string::npos) << line << result.output;
  }
  EXPECT_EQ(result.output.find('\x1b'), std::string::npos) << "no colour in a pipe";
  EXPECT_EQ(token({"--nonce", kNonce, "--quiet"}).output, "trusted  0100..5a  lifecycle secured\n");
}

TEST_F(VerifyToken, TellsItAllInJson) {
  const CommandResult result = token({"--nonce", kNonce, "--json"});
  ASSERT_EQ(result.status, kExitOk) << result.output;
  const json::value answer = json::parse(result.output);
  EXPECT_EQ(answer.at("verdict").as_string(), "trusted");
  EXPECT_TRUE(answer.at("reason").is_null());
  EXPECT_EQ(answer.at("device").at("id").as_string(), testing::hex(device_.id()));
  EXPECT_EQ(answer.at("claims").at("nonce").as_string(), kNonce);
  EXPECT_EQ(answer.at("claims").at("software_components").as_array().size(), 2U);
  EXPECT_EQ(answer.at("key").at("spki").as_string(), testing::hex(device_.holder().spki));
  EXPECT_EQ(answer.at("chain").as_array().size(), 3U);
  EXPECT_EQ(answer.at("root").at("title").as_string(), "Example Silicon Root CA");
  EXPECT_EQ(answer.at("checks").as_array().size(), 12U);
}

TEST_F(VerifyToken, RefusesWithTheReason) {
  const std::string other(64, '0');
  const CommandResult wrong = token({"--nonce", other});
  EXPECT_EQ(wrong.status, kExitNotTrusted);
  EXPECT_TRUE(wrong.output.starts_with(
      "rejected  0100..5a  the token answers another nonce; ask the device again with yours\n"))
      << wrong.output;
  EXPECT_EQ(token({}).status, kExitNotTrusted) << "no nonce at all";
  EXPECT_EQ(token({"--no-nonce"}).status, kExitOk);
  write("oem.crl", Fleet::crl(fleet_.oem(), {device_.holder().certificate}));
  const CommandResult revoked = token({"--nonce", kNonce});
  EXPECT_EQ(revoked.status, kExitNotTrusted);
  EXPECT_NE(revoked.output.find("certificate 1 of 3 (0100..5a) is revoked since 2026-11-23T22:59:00Z "
                                "(keyCompromise), says the CRL"),
            std::string::npos)
      << revoked.output;
}

TEST_F(VerifyToken, AWarningIsARefusalIfSoAsked) {
  const std::vector<std::string> plain{"token",          file("token.cbor"), "--root",
                                       file("root.pem"), "--nonce",          kNonce};
  const CommandResult warned = verify(plain);
  EXPECT_EQ(warned.status, kExitOk);
  EXPECT_TRUE(warned.output.starts_with("warning  0100..5a  certificate 1 of 3 (0100..5a): no source tells"))
      << warned.output;
  auto strict = plain;
  strict.push_back("--strict");
  EXPECT_EQ(verify(strict).status, kExitNotTrusted);
}

TEST_F(VerifyToken, TakesPolicyChainAndKeyFromFiles) {
  write("policy.toml", "name = \"acme\"\nroots = [\"root.pem\"]\nunknown_revocation = \"ignore\"\n");
  EXPECT_EQ(testing::run({program(), "verify", "policy", file("policy.toml")}).output,
            "ok  policy acme: 1 root, 0 keys, reference values for 0 implementations\n");
  spec_.with_chain = false;
  write("bare.cbor", device_.token(spec_));
  std::string pem;
  for (const Octets& der : device_.chain()) pem += testing::to_pem("CERTIFICATE", der);
  write("chain.pem", pem);
  write("key.pem", testing::to_pem("PUBLIC KEY", device_.holder().spki));
  const std::vector<std::string> bare{"token", file("bare.cbor"), "--policy", file("policy.toml"), "--nonce",
                                      kNonce};
  const auto with = [&](std::vector<std::string> more) {
    auto arguments = bare;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return verify(arguments).status;
  };
  EXPECT_EQ(with({}), kExitNotTrusted);
  EXPECT_EQ(with({"--chain", file("chain.pem")}), kExitOk);
  EXPECT_EQ(with({"--key", file("key.pem")}), kExitOk);
}

TEST_F(VerifyToken, NamesWhatItCannotUse) {
  write("policy.toml", "name = \"a\"\nrootz = []\n");
  const CommandResult policy = token({"--nonce", kNonce, "--policy", file("policy.toml")});
  EXPECT_EQ(policy.status, kExitUnreadable);
  EXPECT_NE(policy.output.find("policy.toml, line 2, column 1: rootz is not a known key"), std::string::npos)
      << policy.output;
  EXPECT_EQ(token({"--nonce", "xyz"}).status, kExitUsage);
  EXPECT_EQ(token({"--nonce", kNonce, "--registry", file("nowhere")}).status, kExitUnreadable);
  EXPECT_EQ(token({"--nonce", kNonce, "--crl", file("token.cbor")}).status, kExitUnreadable);
  EXPECT_EQ(verify({"token", file("token.cbor"), "--nonce", kNonce}).status, kExitUsage)
      << "nothing is trusted";
}

class VerifyData : public VerifyToken {
 protected:
  [[nodiscard]] std::string packet(std::string_view payload) const {
    const Octets signed_payload = sensor_.sign(as_bytes(payload));
    return std::string(as_text(signed_payload));
  }
  [[nodiscard]] CommandResult stream(std::string_view input, std::vector<std::string> more = {}) const {
    write("lenient.toml", "roots = [\"root.pem\"]\nunknown_revocation = \"ignore\"\n");
    std::vector<std::string> arguments{"data", "--stream", "--policy", file("lenient.toml")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return verify(arguments, input);
  }
};

TEST_F(VerifyData, OneLineForEachPacket) {
  const CommandResult all = stream(packet("21.5") + packet("21.75"));
  EXPECT_EQ(all.status, kExitOk);
  EXPECT_EQ(all.output, "1  trusted  0100..5a  4 bytes\n2  trusted  0100..5a  5 bytes\n");
  std::string forged = packet("21.5");
  forged.back() = static_cast<char>(forged.back() ^ 1);
  const CommandResult one = stream(packet("a") + forged + packet("b"));
  EXPECT_EQ(one.status, kExitNotTrusted);
  EXPECT_NE(one.output.find("2  rejected  0100..5a  4 bytes  not by the key of certificate 1"),
            std::string::npos)
      << one.output;
  EXPECT_NE(one.output.find("3  trusted"), std::string::npos) << "the rest is still verified";
  EXPECT_EQ(stream("").status, kExitOk);
}

TEST_F(VerifyData, JsonLines) {
  const CommandResult result = stream(packet("21.5") + packet("22"), {"--json"});
  ASSERT_EQ(result.status, kExitOk) << result.output;
  const std::size_t end = result.output.find('\n');
  const json::value first = json::parse(result.output.substr(0, end));
  const json::value second = json::parse(result.output.substr(end + 1));
  EXPECT_EQ(first.at("packet").to_number<std::size_t>(), 1U);
  EXPECT_EQ(first.at("payload").as_string(), testing::hex(as_bytes("21.5")));
  EXPECT_EQ(second.at("packet").to_number<std::size_t>(), 2U);
  EXPECT_EQ(second.at("offset").to_number<std::size_t>(), packet("21.5").size());
  EXPECT_EQ(second.at("verdict").as_string(), "trusted");
}

TEST_F(VerifyData, EndsWhereThePacketsEnd) {
  const CommandResult large = stream(packet("ok") + packet(std::string(5000, 'x')), {"--limit", "4096"});
  EXPECT_EQ(large.status, kExitUnreadable);
  EXPECT_TRUE(large.output.starts_with("1  trusted")) << large.output;
  EXPECT_NE(large.output.find("packet 2 cannot be read: the packet is larger than the limit"),
            std::string::npos)
      << large.output;
  const std::string whole = packet("ok");
  EXPECT_EQ(stream(whole + whole.substr(0, 20)).status, kExitUnreadable);
  EXPECT_EQ(stream(std::string("\xff")).status, kExitUnreadable);
}

TEST_F(VerifyData, AnswersBeforeTheNextPacketComes) {
  write("lenient.toml", "roots = [\"root.pem\"]\nunknown_revocation = \"ignore\"\n");
  write("packet", packet("21.5"));
  // The program itself holds the other end of its input open, so an answer cannot wait for the end.
  const std::string script =
      R"(mkfifo "$3"; exec 3<>"$3"; cat "$1" >&3; exec "$0" verify data --stream --policy "$2" --time "$4" <"$3")";
  testing::Process process({"bash", "-c", script, program(), file("packet"), file("lenient.toml"),
                            file("fifo"), "@" + std::to_string(kFleetNow)});
  EXPECT_TRUE(process.wait_until([&] { return process.output().starts_with("1  trusted"); }))
      << process.output() << process.errors();
}

TEST_F(VerifyData, SinglePacketsFromFiles) {
  write("lenient.toml", "roots = [\"root.pem\"]\nunknown_revocation = \"ignore\"\n");
  write("a", packet("21.5"));
  const CommandResult one = verify({"data", file("a"), "--policy", file("lenient.toml")});
  EXPECT_EQ(one.status, kExitOk);
  EXPECT_EQ(one.output, file("a") + "  trusted  0100..5a  4 bytes\n");
  EXPECT_EQ(verify({"data", file("token.cbor"), "--policy", file("lenient.toml")}).status, kExitNotTrusted)
      << "a token is no data";
  EXPECT_EQ(verify({"data", "--policy", file("lenient.toml")}).status, kExitUsage);
}

/// Images under the fleet's root, and tokens that measure them.
class VerifyTokenWithImages : public VerifyToken {
 protected:
  VerifyTokenWithImages()
      : pki_(crypto::OpenSslKey::from_pem(fleet_.root().key.to_pem({}).value(), "").value(),
             fleet_.root().certificate) {}
  /// Signs an image by OEM A, built from one of OEM B, writes it, and the token of a device that runs it.
  void make() {
    const testing::TestSigner base_signer = pki_.make_signer(crypto::KeyType::p256, {.name = "OEM B"});
    const Octets base = testing::sign(pki_, base_signer, testing::options_of(base_signer), testing::code());
    signer_ = pki_.make_signer(crypto::KeyType::p256, {.name = "OEM A"});
    signing::SignOptions options = testing::options_of(*signer_);
    options.name = "variant";
    options.version = {3, 1, 4, 0};
    image::VerifyFault fault;
    options.parents.push_back(
        signing::take_parent(pki_.crypto(), image::MemorySource(base), {anchors(), kFleetNow}, fault)
            .value());
    image_ = testing::sign(pki_, *signer_, options, testing::code(2000));
    write("variant.img", image_);
    const auto known =
        verifier::read_known_image(pki_.crypto(), image_, {anchors(), kFleetNow}, nullptr, "", fault);
    spec_.measured = known.value().digest;
    spec_.signer_id.assign(known->signer_id.begin(), known->signer_id.end());
    spec_.boot_signer_id.assign(32, 0);  // ROM: nobody signed it
    write("token.cbor", device_.token(spec_));
  }
  std::span<const x509::TrustAnchor> anchors() {
    anchor_ = {x509::Certificate::parse(fleet_.root().certificate).value(), {}, {}};
    return {&*anchor_, 1};
  }

  testing::ImagePki pki_;
  std::optional<testing::TestSigner> signer_;
  std::optional<x509::TrustAnchor> anchor_;
  Octets image_;
};

TEST_F(VerifyTokenWithImages, OemAndLineageStandBesideTheToken) {
  make();
  const CommandResult text = token({"--nonce", kNonce, "--image", file("variant.img")});
  EXPECT_EQ(text.status, kExitOk) << text.output;
  EXPECT_NE(text.output.find(
                "PRoT: variant 3.1.4, signed by OEM A signer of OEM A, built from base 1.2.3+4 of OEM B"),
            std::string::npos)
      << text.output;
  EXPECT_EQ(text.output.find("BL:"), std::string::npos) << "it names no signer";
  const CommandResult folder = token({"--nonce", kNonce, "--image", folder_.path().string(), "--json"});
  const json::value report = json::parse(folder.output);
  EXPECT_TRUE(report.at("images").at(0).is_null());
  const json::value& image = report.at("images").at(1);
  EXPECT_EQ(image.at("oem").as_string(), "OEM A");
  EXPECT_EQ(image.at("root").as_string(), "Example Silicon Root CA");
  EXPECT_EQ(image.at("lineage").at(0).at("oem").as_string(), "OEM B");
}

TEST_F(VerifyTokenWithImages, APolicyMayDemandThatTheImageIsKnown) {
  make();
  write("policy.toml", "unknown_image = \"reject\"\nunknown_revocation = \"ignore\"\n");
  const auto verdict = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--nonce", kNonce, "--policy", file("policy.toml")});
    return token(more);
  };
  EXPECT_EQ(verdict({"--image", file("variant.img")}).status, kExitOk);
  const CommandResult unknown = verdict({});
  EXPECT_EQ(unknown.status, kExitNotTrusted);
  EXPECT_NE(unknown.output.find("component 2 (PRoT 2.1.0)"), std::string::npos) << unknown.output;
  // The same code by another signer is another image.
  spec_.signer_id.assign(32, 9);
  write("token.cbor", device_.token(spec_));
  EXPECT_EQ(verdict({"--image", file("variant.img")}).status, kExitNotTrusted);
}

TEST_F(VerifyTokenWithImages, ImagesThatNobodyVouchesForAreNotTaken) {
  make();
  const testing::ImagePki foreign;
  const testing::TestSigner stranger = foreign.make_signer(crypto::KeyType::p256);
  write("foreign.img", testing::sign(foreign, stranger, testing::options_of(stranger), testing::code()));
  const CommandResult named = token({"--nonce", kNonce, "--image", file("foreign.img")});
  EXPECT_EQ(named.status, kExitUnreadable);
  EXPECT_NE(named.output.find("the chain does not end at a trusted root"), std::string::npos) << named.output;
  const CommandResult in_folder = token({"--nonce", kNonce, "--image", folder_.path().string()});
  EXPECT_EQ(in_folder.status, kExitOk) << in_folder.output;
  EXPECT_NE(in_folder.output.find("warning: "), std::string::npos) << in_folder.output;

  const testing::TestSigner lister = testing::make_list_signer(pki_);
  write("list.cose", testing::make_list(pki_, lister, 1, {testing::key_hash(pki_, signer_->chain[0])}));
  const CommandResult revoked =
      token({"--nonce", kNonce, "--image", file("variant.img"), "--signer-revocations", file("list.cose")});
  EXPECT_EQ(revoked.status, kExitUnreadable);
  EXPECT_NE(revoked.output.find("is revoked"), std::string::npos) << revoked.output;
}

}  // namespace
}  // namespace pedigree::cli
