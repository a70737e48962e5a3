// SPDX-License-Identifier: Apache-2.0
// `pedigree image` and the commands that certify its signers, through the real program and the real openssl.
#include <gmock/gmock.h>

#include <set>

#include "cli/files.h"
#include "cli/image_test_fixture.h"
#include "core/cbor/cbor.h"
#include "core/firmware_image/revocation_list.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/images/pki.h"

namespace pedigree::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Image : public ImageFixture {};

// The keys are made by openssl; the OEM certifies requests for them and sees no private key.
TEST_F(Image, IsSignedByEveryTypeOfKey) {
  const std::pair<const char*, const char*> kinds[] = {{"p256", "EC -pkeyopt ec_paramgen_curve:P-256"},
                                                       {"p384", "EC -pkeyopt ec_paramgen_curve:P-384"},
                                                       {"ed25519", "ED25519"},
                                                       {"rsa2048", "RSA -pkeyopt rsa_keygen_bits:2048"},
                                                       {"rsa3072", "RSA -pkeyopt rsa_keygen_bits:3072"}};
  for (const auto& [name, algorithm] : kinds) {
    const std::string n(name);
    const CommandResult made =
        bash("set -e; umask 077; openssl genpkey -algorithm " + std::string(algorithm) + " -out " + n +
             ".key.pem; " + "openssl pkey -in " + n + ".key.pem -pubout -out " + n + ".pub.pem; " +
             "openssl req -new -key " + n + ".key.pem -subj /CN=ignored -out " + n + ".csr; " +
             "$1 authority firmware-signer --issuer acme.cert.pem --issuer-key acme.key.pem --name '" + n +
             " signer' --out " + n + " --request " + n + ".csr --quiet; " +
             "openssl verify -CAfile root.pem -untrusted acme.cert.pem -purpose any " + n + ".cert.pem");
    ASSERT_EQ(made.status, 0) << made.output;
    const CommandResult done = image({"sign", "@app.bin", "@" + n + ".bin", "--key", "@" + n + ".key.pem",
                                      "--chain", "@" + n + ".chain.pem", "--version", "1.2.3", "--pad-header",
                                      "--vid", "acme.example", "--root", "@root.pem"});
    ASSERT_EQ(done.status, kExitOk) << done.output;
    EXPECT_EQ(verify(n + ".bin").status, kExitOk) << verify(n + ".bin").output;
    const CommandResult by_key = image({"verify", "@" + n + ".bin", "--key", "@" + n + ".pub.pem"});
    EXPECT_EQ(by_key.status, kExitOk) << by_key.output;
    EXPECT_EQ(image({"verify", "@" + n + ".bin", "--key", "@acme.cert.pem"}).status, kExitNotTrusted);
  }
}

TEST_F(Image, SaysWhyItIsTrusted) {
  ASSERT_EQ(sign("acme", "good.bin", "1.2.3", {"-s", "7", "--name", "radio"}).status, kExitOk);
  const CommandResult result = verify("good.bin", {"--minimum-counter", "7"});
  EXPECT_EQ(result.status, kExitOk);
  EXPECT_THAT(result.output, StartsWith("trusted  radio 1.2.3, signed by acme signer (P-256)\n"));
  for (const char* line : {"  ok    chain       Silicon Root > acme OEM > acme signer\n",
                           "; versions 1.0.0 to 1.255.65535\n", "  ok    counter     7, and 7 is wanted\n",
                           "  skip  revocation  no list of revoked signers was given\n"}) {
    EXPECT_THAT(result.output, HasSubstr(line));
  }
  const boost::json::value told = json({"verify", "@good.bin", "--root", "@root.pem"});
  EXPECT_TRUE(told.at("trusted").as_bool());
  EXPECT_EQ(told.at("security_counter").as_int64(), 7);
}

// Each refusal has exit status 3, and names the TLV and its offset, where inspect shows that TLV.
TEST_F(Image, RefusalsNameTlvAndOffset) {
  ASSERT_EQ(sign("acme", "plain.bin", "1.2.3", {"-s", "7"}).status, kExitOk);
  std::map<std::string, std::int64_t> offsets;
  const boost::json::value shown = json({"inspect", "@plain.bin"});
  for (const auto& tlv : shown.at("tlvs").as_array()) {
    offsets[std::string(tlv.at("kind").as_string())] = tlv.at("offset").as_int64();
  }
  ASSERT_TRUE(offsets.contains("STATEMENT"));
  const testing::Octets good = testing::read_file(file("plain.bin"));
  const auto expect = [&](const Words& words, const char* code, const char* tlv) {
    const boost::json::value told = json(words);
    EXPECT_FALSE(told.at("trusted").as_bool());
    EXPECT_EQ(told.at("code").as_string(), code);
    EXPECT_EQ(told.at("tlv").as_string(), tlv);
    EXPECT_EQ(told.at("offset").as_int64(), offsets[tlv]) << code;
    EXPECT_EQ(image(words).status, kExitNotTrusted);
  };
  const auto spoilt = [&](std::size_t at) {
    testing::Octets changed = good;
    changed[at] ^= 1;
    testing::write_file(file("spoilt.bin"), Bytes(changed));
    return Words{"verify", "@spoilt.bin", "--root", "@root.pem"};
  };
  expect(spoilt(100), "image_digest_mismatch", "SHA256");
  expect(spoilt(static_cast<std::size_t>(offsets["KEYHASH"]) + 9), "image_key_mismatch", "KEYHASH");
  expect(spoilt(static_cast<std::size_t>(offsets["ECDSASIG"]) + 20), "invalid_signature", "ECDSASIG");
  expect({"verify", "@plain.bin", "--root", "@root.pem", "--minimum-counter", "8"}, "rolled_back", "SEC_CNT");
  expect({"verify", "@plain.bin", "--root", "@root.pem", "--time", "2015-01-01"}, "not_yet_valid", "CHAIN");
  expect({"verify", "@plain.bin", "--root", "@acme.cert.pem", "--time", "2080-01-01"}, "expired", "CHAIN");
  const CommandResult text = image(spoilt(100));
  EXPECT_THAT(text.output, HasSubstr("  tlv     SHA256\n  offset  0x"));
  EXPECT_THAT(text.output, HasSubstr("  ok    chain       Silicon Root > acme OEM > acme signer\n"));
  EXPECT_THAT(text.output, HasSubstr("  no    hash        "));
}

TEST_F(Image, AFileThatIsNoImageCannotBeRead) {
  testing::write_file(file("short.bin"), std::string_view("short"));
  for (const char* command : {"verify", "tree", "inspect"}) {
    for (const char* name : {"@app.bin", "@short.bin", "@missing"}) {
      Words words{command, name};
      if (std::string_view(command) != "inspect") words.insert(words.end(), {"--root", "@root.pem"});
      EXPECT_EQ(image(words).status, kExitUnreadable) << command << " " << name;
    }
  }
  EXPECT_EQ(image({"diff", "@app.bin", "@app.bin"}).status, kExitUnreadable);
}

TEST_F(Image, AnOemSignsForItsProductsOnly) {
  for (const auto& [version, more] :
       {std::pair<const char*, Words>{"2.0.0", {}}, {"0.9.0", {}}, {"1.5.0", {"--vid", "other.example"}}}) {
    const CommandResult refused = sign("acme", "never.bin", version, more);
    EXPECT_EQ(refused.status, more.empty() ? kExitNotTrusted : kExitUsage) << refused.output;
  }
  const CommandResult product =
      image({"sign", "@app.bin", "@never.bin", "-k", "@acme-signer.key.pem", "--chain",
             "@acme-signer.chain.pem", "-v", "1.5.0", "--pad-header", "--vid", "other.example"});
  EXPECT_EQ(product.status, kExitNotTrusted) << "without --root too";
  EXPECT_THAT(product.output, HasSubstr("does not allow images for this product"));
  EXPECT_FALSE(std::filesystem::exists(file("never.bin"))) << "nothing is left behind";
}

TEST_F(Image, LineageGoesThroughGenerations) {
  ASSERT_EQ(sign("silicon", "base.bin", "1.0.0", {"--name", "base"}).status, kExitOk);
  ASSERT_EQ(sign("silicon", "stack.bin", "2.0.0", {"--name", "stack"}).status, kExitOk);
  const CommandResult variant =
      sign("acme", "variant.bin", "1.2.0",
           {"--name", "variant", "--parent", "@base.bin", "--parent", "@stack.bin"});
  ASSERT_EQ(variant.status, kExitOk) << variant.output;
  ASSERT_EQ(sign("acme", "shop.bin", "1.3.0", {"--name", "shop", "--parent", "@variant.bin"}).status,
            kExitOk);
  const CommandResult tree = image({"tree", "@shop.bin", "--root", "@root.pem"});
  EXPECT_EQ(tree.status, kExitOk);
  const std::string drawn = tree.output;
  std::size_t at = 0;
  for (const char* line :
       {"  Silicon Root", "  └─ acme OEM", "     └─ acme signer", "        └─ shop 1.3.0",
        "           └─ ← variant 1.2.0", "              ├─ ← base 1.0.0",
        "by Silicon Root > silicon OEM > silicon signer", "              └─ ← stack 2.0.0", "trusted"}) {
    at = drawn.find(line, at);
    EXPECT_NE(at, std::string::npos) << line << "\n" << drawn;
    if (at == std::string::npos) break;
  }
  EXPECT_EQ(drawn.find('\x1b'), std::string::npos) << "no colour in a pipe";
  const boost::json::value told = json({"tree", "@shop.bin", "--root", "@root.pem"});
  const auto& parent = told.at("parents").at(0);
  EXPECT_EQ(parent.at("name").as_string(), "variant");
  EXPECT_TRUE(parent.at("trusted").as_bool());
  EXPECT_EQ(parent.at("parents").as_array().size(), 2U);
  EXPECT_EQ(verify("shop.bin", {"--require-parent-signer", "@silicon.cert.pem"}).status, kExitOk);
  EXPECT_EQ(verify("shop.bin", {"--require-parent-signer", "@silicon-signer.cert.pem"}).status, kExitOk);
  EXPECT_EQ(verify("base.bin", {"--require-parent-signer", "@silicon.cert.pem"}).status, kExitNotTrusted);
  // The same under a root that is another's.
  const CommandResult foreign = image({"tree", "@shop.bin", "--root", "@acme.cert.pem"});
  EXPECT_EQ(foreign.status, kExitNotTrusted);
  EXPECT_THAT(foreign.output, HasSubstr("not trusted"));
}

TEST_F(Image, AParentMustBeTrusted) {
  ASSERT_EQ(sign("silicon", "parent.bin", "1.0.0").status, kExitOk);
  testing::Octets changed = testing::read_file(file("parent.bin"));
  changed[100] ^= 1;
  testing::write_file(file("parent.bin"), Bytes(changed));
  const CommandResult refused = sign("acme", "child.bin", "1.2.0", {"--parent", "@parent.bin"});
  EXPECT_EQ(refused.status, kExitNotTrusted);
  EXPECT_THAT(refused.output, HasSubstr("tlv       SHA256"));
  const CommandResult rootless = image({"sign", "@app.bin", "@child.bin", "-k", "@acme-signer.key.pem",
                                        "--chain", "@acme-signer.chain.pem", "-v", "1.2.0", "--pad-header",
                                        "--vid", "acme.example", "--parent", "@parent.bin"});
  EXPECT_EQ(rootless.status, kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(file("child.bin")));
}

TEST_F(Image, DiffTellsTrustFromCode) {
  ASSERT_EQ(sign("acme", "one.bin", "1.2.0", {"--name", "app", "-s", "5"}).status, kExitOk);
  const auto changed = [](const boost::json::value& told) {
    std::set<std::string> names;
    for (const auto& name : told.at("changed").as_array()) names.insert(std::string(name.as_string()));
    return names;
  };
  ASSERT_EQ(bash("cp app.bin app.saved; sed 's/1/2/' app.bin > other.code; cp other.code app.bin").status, 0);
  ASSERT_EQ(sign("acme", "code.bin", "1.2.0", {"--name", "app", "-s", "5"}).status, kExitOk);
  ASSERT_EQ(bash("cp app.saved app.bin").status, 0);
  EXPECT_EQ(changed(json({"diff", "@one.bin", "@code.bin"})), (std::set<std::string>{"code"}));
  EXPECT_THAT(image({"diff", "@one.bin", "@code.bin"}).output,
              StartsWith("nothing changed in terms of trust; what differs: code\n"));
  ASSERT_EQ(
      sign("silicon", "signer.bin", "1.2.0", {"--name", "app", "-s", "4", "--vid", "acme.example"}).status,
      kExitOk);
  EXPECT_EQ(changed(json({"diff", "@one.bin", "@signer.bin"})),
            (std::set<std::string>{"OEM", "limits", "signer", "counter"}));
  EXPECT_THAT(image({"diff", "@one.bin", "@signer.bin"}).output,
              HasSubstr("lower: a device that had the first"));
  EXPECT_TRUE(json({"diff", "@one.bin", "@one.bin"}).at("same").as_bool());
}

TEST_F(Image, ARevokedSignersImageIsRefused) {
  ASSERT_EQ(sign("acme", "revoked.bin", "1.2.0", {"--name", "app"}).status, kExitOk);
  const testing::ImagePki pki;
  const crypto::OpenSslCrypto crypto;
  // A signer of lists below this root.
  const CommandResult made = bash(R"(set -e; umask 077
openssl pkey -in ca/root.key.pem -passin file:passphrase -out root.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out list.key
openssl req -new -key list.key -subj /CN=lists -out list.csr
printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=1.2.840.113556.1.8000.2554.2662.6633.45584.16962.42441.885523.9894.2\n' > list.ext
openssl x509 -req -in list.csr -CA root.pem -CAkey root.key -set_serial 0x77 -days 30 -extfile list.ext -out list.pem
openssl x509 -in list.pem -outform der -out list.der; openssl x509 -in acme-signer.cert.pem -outform der -out acme-signer.der)");
  ASSERT_EQ(made.status, 0) << made.output;
  const auto key = crypto::OpenSslKey::from_pem(testing::read_text(file("list.key")), "").value();
  const testing::Octets der = testing::read_file(file("list.der"));
  const testing::Octets signer = testing::read_file(file("acme-signer.der"));
  const auto write_list = [&](std::span<const Sha256> revoked) {
    testing::Octets payload(4096);
    Writer out(payload);
    image::write_revocations(3, 1800000000, revoked, out);
    testing::Octets buffer(16384);
    const Bytes chain[] = {der};
    const auto list = image::sign_list(crypto, out.written(), chain, key.view(), buffer);
    ASSERT_TRUE(list);
    testing::write_file(file("list"), *list);
  };
  write_list({});
  EXPECT_EQ(verify("revoked.bin", {"--revocations", "@list"}).status, kExitOk)
      << verify("revoked.bin", {"--revocations", "@list"}).output;
  const Sha256 revoked[] = {crypto.sha256(x509::Certificate::parse(signer)->spki().whole).value()};
  write_list(revoked);
  const CommandResult refused = verify("revoked.bin", {"--revocations", "@list"});
  EXPECT_EQ(refused.status, kExitNotTrusted) << refused.output;
  EXPECT_THAT(refused.output,
              HasSubstr("  no    revocation  the image's signer, or a certificate above it, is revoked"));
  EXPECT_EQ(verify("revoked.bin", {"--revocations", "@app.bin"}).status, kExitUnreadable);
}

}  // namespace
}  // namespace pedigree::cli
