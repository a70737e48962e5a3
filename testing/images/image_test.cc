// SPDX-License-Identifier: Apache-2.0
// Images that we sign are accepted, for the reasons that they should be; and refused for the others.
#include <gtest/gtest.h>

#include "testing/images/pki.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;
using image::TlvType;

constexpr KeyType kSignerTypes[] = {KeyType::p256, KeyType::p384, KeyType::ed25519, KeyType::rsa2048,
                                    KeyType::rsa3072};

const ImagePki& pki() {
  static const ImagePki made;
  return made;
}

const TestSigner& signer_of(KeyType type) {
  static std::map<KeyType, TestSigner> made;
  const auto at = made.find(type);
  return at != made.end() ? at->second : made.emplace(type, pki().make_signer(type)).first->second;
}

image::VerifyOptions by_key(const crypto::PublicKey& key) {
  image::VerifyOptions options;
  options.key = key;
  return options;
}

class ImageOf : public ::testing::TestWithParam<KeyType> {
 protected:
  const TestSigner& signer_ = signer_of(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Keys, ImageOf, ::testing::ValuesIn(kSignerTypes), [](const auto& type) {
  std::string text(crypto::name(type.param));
  std::erase(text, '-');
  return text;
});

TEST_P(ImageOf, VerifiesByChainAndByKey) {
  signing::SignOptions options = options_of(signer_);
  options.security_counter = 7;
  options.boot_record = "NSPE";
  options.dependencies = {{1, {1, 0, 0, 0}}};
  for (const bool whole_key : {false, true}) {
    options.whole_public_key = whole_key;
    const Octets image = sign(pki(), signer_, options, code());
    EXPECT_EQ(verdict(pki(), image), "");
    image::VerifyOptions far;
    far.trust = pki().trust();
    far.check_statement = true;
    EXPECT_EQ(verdict(pki(), image, far, false), "") << "in pieces";
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
    EXPECT_EQ(verdict(pki(), image, by_key(*pki().crypto().public_key(signer_.key.view(), buffer))), "");
  }
}

TEST_P(ImageOf, IsRefusedByAnotherKeyOrRoot) {
  const Octets image = sign(pki(), signer_, options_of(signer_), code());
  const auto other = crypto::OpenSslKey::generate(GetParam()).value();
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  const auto key = pki().crypto().public_key(other.view(), buffer);
  EXPECT_TRUE(verdict(pki(), image, by_key(*key)).starts_with("image_key_mismatch"));
  // Another root of the same name.
  EXPECT_TRUE(verdict(ImagePki(), image).starts_with("invalid_signature"));
  EXPECT_TRUE(verdict(ImagePki(), image).ends_with("in CHAIN"));
}

// One octet changed anywhere in header, code or protected area, and the image is refused.
TEST_P(ImageOf, EveryOctetCounts) {
  const Octets image = sign(pki(), signer_, options_of(signer_), code(100));
  for (std::size_t at = 0; at < image.size(); at += GetParam() == KeyType::p256 ? 1 : 37) {
    Octets changed = image;
    changed[at] ^= 0x10;
    EXPECT_NE(verdict(pki(), changed), "") << at;
  }
}

TEST(Image, Ed25519OverSha512AndOverTheImageItself) {
  const TestSigner& signer = signer_of(KeyType::ed25519);
  signing::SignOptions options = options_of(signer);
  options.sha512 = true;
  EXPECT_EQ(verdict(pki(), sign(pki(), signer, options, code())), "");
  options.sha512 = false;
  options.pure = true;
  Octets image = sign(pki(), signer, options, code());
  EXPECT_EQ(verdict(pki(), image), "");
  image::VerifyOptions far;
  far.trust = pki().trust();
  EXPECT_TRUE(verdict(pki(), image, far, false).starts_with("unsupported_algorithm")) << "not addressable";
  image[500] ^= 1;
  EXPECT_TRUE(verdict(pki(), image).starts_with("invalid_signature"));
}

TEST(Image, TheInputKeepsItsPlaceForTheHeader) {
  const TestSigner& signer = signer_of(KeyType::p256);
  signing::SignOptions options = options_of(signer);
  options.header_size = 0x200;
  options.pad_header = false;
  Octets input(0x200);
  const Octets instructions = code();
  input.insert(input.end(), instructions.begin(), instructions.end());
  const Octets image = sign(pki(), signer, options, input);
  EXPECT_EQ(verdict(pki(), image), "");
  EXPECT_TRUE(equal(Bytes(image).subspan(0x200, instructions.size()), instructions));
  MemorySink sink;
  input[0x1ff] = 1;
  EXPECT_EQ(signing::sign_image(pki().crypto(), signer.key.view(), options, input, sink).error().code,
            ErrorCode::bad_value);
}

TEST(Image, SigningRefusesWhatNobodyWouldAccept) {
  const TestSigner& signer = signer_of(KeyType::p256);
  const auto code_of = [&](const signing::SignOptions& options, const crypto::OpenSslKey& key) {
    MemorySink sink;
    return signing::sign_image(pki().crypto(), key.view(), options, code(), sink).error().code;
  };
  EXPECT_EQ(code_of(options_of(signer), signer_of(KeyType::p384).key), ErrorCode::key_mismatch);
  signing::SignOptions options = options_of(signer);
  options.pure = true;
  EXPECT_EQ(code_of(options, signer.key), ErrorCode::wrong_key_type);
  options = options_of(signer);
  options.name.clear();
  EXPECT_EQ(code_of(options, signer.key), ErrorCode::bad_value);
  OemSpec oem;
  oem.maximum = {1, 0, 0, 0};
  const TestSigner limited = pki().make_signer(KeyType::p256, oem);
  EXPECT_EQ(code_of(options_of(limited), limited.key), ErrorCode::version_refused);
  const auto rsa4096 = crypto::OpenSslKey::generate(KeyType::rsa4096).value();
  EXPECT_EQ(code_of({}, rsa4096), ErrorCode::unsupported_algorithm);
}

/// Signed by a signer of this OEM without its own limits in the way: they are put in afterwards.
std::string verdict_under(const OemSpec& oem, std::optional<image::Uuid> vendor,
                          std::optional<image::Uuid> class_id, bool leaf_code_signing = true) {
  const TestSigner signer = pki().make_signer(KeyType::p256, oem, leaf_code_signing);
  const TestSigner& any = signer_of(KeyType::p256);
  signing::SignOptions options = options_of(any);
  options.vendor = vendor;
  options.class_id = class_id;
  ImageParts parts = ImageParts::of(sign(pki(), any, options, code()));
  for (ImageParts::Part& part : parts.protected_tlvs) {
    if (part.type != static_cast<std::uint16_t>(TlvType::chain)) continue;
    const std::vector<Bytes> chain(signer.chain.begin(), signer.chain.end());
    part.value.assign(4096, 0);
    Writer out(part.value);
    cbor::Encoder encoder(out);
    cose::write_chain(chain, encoder);
    part.value.resize(out.size());
  }
  const std::string text = verdict(pki(), parts.assemble());
  return text.substr(0, text.find(' '));
}

// With another chain the hash no longer holds, which is how a chain that passes shows.
TEST(Image, TheOemsLimitsAreEnforced) {
  const image::Uuid ours{1};
  const image::Uuid theirs{2};
  const std::string passes = "image_digest_mismatch";
  EXPECT_EQ(verdict_under({}, {}, {}), passes);
  EXPECT_EQ(verdict_under({.vendors = {ours}}, ours, {}), passes);
  EXPECT_EQ(verdict_under({.vendors = {theirs, ours}}, ours, {}), passes);
  EXPECT_EQ(verdict_under({.vendors = {theirs}}, ours, {}), "product_refused");
  EXPECT_EQ(verdict_under({.vendors = {ours}}, {}, {}), "product_refused") << "names none";
  EXPECT_EQ(verdict_under({.classes = {ours}}, ours, ours), passes);
  EXPECT_EQ(verdict_under({.classes = {ours}}, ours, theirs), "product_refused");
  EXPECT_EQ(verdict_under({.minimum = {{1, 2, 3, 4}}, .maximum = {{1, 2, 3, 4}}}, {}, {}), passes);
  EXPECT_EQ(verdict_under({.minimum = {{1, 2, 3, 5}}}, {}, {}), "version_refused");
  EXPECT_EQ(verdict_under({.maximum = {{1, 2, 2, 9}}}, {}, {}), "version_refused");
}

TEST(Image, OnlyCodeSigningCertificatesUnderLimitsSign) {
  EXPECT_EQ(verdict_under({.states_limits = false}, {}, {}), "product_refused");
  EXPECT_EQ(verdict_under({.code_signing = false}, {}, {}), "eku_forbids");
  EXPECT_EQ(verdict_under({}, {}, {}, false), "eku_forbids") << "a device key of the same root";
}

// The three that imgtool accepts and MCUboot refuses.
TEST(Regression, RefusesWhatImgtoolAccepts) {
  const TestSigner& signer = signer_of(KeyType::p256);
  const Octets image = sign(pki(), signer, options_of(signer), code());
  ImageParts no_hash = ImageParts::of(image);
  std::erase_if(no_hash.tlvs, [](const auto& part) { return part.type == 0x10; });
  EXPECT_TRUE(verdict(pki(), no_hash.assemble()).starts_with("missing_tlv"));
  EXPECT_TRUE(verdict(pki(), no_hash.assemble()).ends_with("in SHA256"));
  ImageParts bad_key_hash = ImageParts::of(image);
  bad_key_hash.find(TlvType::key_hash).value[5] ^= 1;
  EXPECT_TRUE(verdict(pki(), bad_key_hash.assemble()).starts_with("image_key_mismatch"));
  ImageParts vendor = ImageParts::of(image);
  vendor.tlvs.push_back({0x00a0, {1, 2, 3}});
  EXPECT_TRUE(verdict(pki(), vendor.assemble()).starts_with("bad_tlv"));
  // And imgtool passes over the header's size of the protected area.
  Octets size = image;
  size[10] ^= 1;
  EXPECT_TRUE(verdict(pki(), size).starts_with("bad_image"));
}

TEST(Regression, RefusesMisplacedAndMalformedTlvs) {
  const TestSigner& signer = signer_of(KeyType::p256);
  const Octets image = sign(pki(), signer, options_of(signer), code());
  ASSERT_EQ(ImageParts::of(image).assemble(), image) << "the parts are the image";
  const auto changed = [&](auto change) {
    ImageParts parts = ImageParts::of(image);
    change(parts);
    const std::string text = verdict(pki(), parts.assemble());
    return text.substr(0, text.find(' '));
  };
  EXPECT_EQ(changed([](ImageParts& p) { p.protected_tlvs.push_back({0x50, {1, 0, 0, 0}}); }), "bad_tlv")
      << "after the statement";
  EXPECT_EQ(
      changed([](ImageParts& p) { p.protected_tlvs.insert(p.protected_tlvs.begin(), p.protected_tlvs[0]); }),
      "bad_tlv")
      << "two chains";
  EXPECT_EQ(changed([](ImageParts& p) { p.protected_tlvs.insert(p.protected_tlvs.begin(), {0x50, {1}}); }),
            "bad_tlv");
  EXPECT_EQ(changed([](ImageParts& p) { p.find(TlvType::sha256).value.pop_back(); }), "bad_tlv");
  EXPECT_EQ(changed([](ImageParts& p) { p.find(TlvType::key_hash).value.push_back(0); }), "bad_tlv");
  EXPECT_EQ(changed([](ImageParts& p) { p.find(TlvType::key_hash).value.clear(); }), "image_key_mismatch");
  EXPECT_EQ(changed([](ImageParts& p) { p.find(TlvType::ecdsa).value.push_back(0); }), "invalid_signature");
  EXPECT_EQ(changed([](ImageParts& p) { std::swap(p.tlvs[1], p.tlvs[2]); }), "missing_tlv")
      << "a signature before its key";
  EXPECT_EQ(changed([](ImageParts& p) { p.tlvs.clear(); }), "missing_tlv");
  EXPECT_EQ(changed([](ImageParts& p) { p.tlvs.push_back({0x25, {1}}); }), "bad_tlv") << "pure ECDSA";
  EXPECT_EQ(changed([](ImageParts& p) { p.header[16] |= 4; }), "image_transformed");
  EXPECT_EQ(changed([](ImageParts& p) { p.header[0] ^= 1; }), "bad_image");
}

TEST(Image, TruncatedAnywhereIsRefusedAndOctetsAfterItAreNotLookedAt) {
  const TestSigner& signer = signer_of(KeyType::p256);
  Octets image = sign(pki(), signer, options_of(signer), code(64));
  for (std::size_t size = 0; size < image.size(); size += 3) {
    EXPECT_NE(verdict(pki(), Bytes(image).first(size)), "") << size;
  }
  image.resize(image.size() + 1000, 0xff);
  EXPECT_EQ(verdict(pki(), image), "");
}

TEST(Lineage, GoesThroughGenerations) {
  const TestSigner& silicon = signer_of(KeyType::p384);
  const TestSigner& oem = signer_of(KeyType::ed25519);
  const TestSigner& shop = signer_of(KeyType::rsa2048);
  const auto parent = [&](const Octets& image) {
    image::VerifyFault fault;
    auto taken = signing::take_parent(pki().crypto(), image::MemorySource(image), pki().trust(), fault);
    EXPECT_TRUE(taken);
    return *taken;
  };
  signing::SignOptions options = options_of(silicon);
  const Octets base = sign(pki(), silicon, options, code());
  options.name = "radio";
  const Octets radio = sign(pki(), silicon, options, code(500));
  options = options_of(oem);
  options.name = "variant";
  options.parents = {parent(base), parent(radio)};
  const Octets variant = sign(pki(), oem, options, code(1500));
  options = options_of(shop);
  options.name = "shop";
  options.parents = {parent(variant), parent(base)};
  const Octets grandchild = sign(pki(), shop, options, code(1600));
  EXPECT_EQ(verdict(pki(), variant), "");
  EXPECT_EQ(verdict(pki(), grandchild), "");
  const signing::Parent all = parent(grandchild);
  EXPECT_EQ(all.lineage.size(), 3U) << "variant, base and radio, each once";

  image::VerifyOptions required;
  required.trust = pki().trust();
  const auto leaf = x509::Certificate::parse(silicon.chain[0]).value();
  required.parent_signer = pki().crypto().sha256(leaf.spki().whole).value();
  EXPECT_EQ(verdict(pki(), variant, required), "");
  EXPECT_EQ(verdict(pki(), grandchild, required), "");
  EXPECT_TRUE(verdict(pki(), base, required).starts_with("parent_signer_required"));
  const auto own = x509::Certificate::parse(shop.chain[0]).value();
  required.parent_signer = pki().crypto().sha256(own.spki().whole).value();
  EXPECT_TRUE(verdict(pki(), grandchild, required).starts_with("parent_signer_required"));
}

// A signer may put into its image what it likes, but not another's statement that this one did not make.
TEST(Lineage, ForgedStatementsAreRefused) {
  const TestSigner& signer = signer_of(KeyType::p256);
  const Octets base = sign(pki(), signer_of(KeyType::p384), options_of(signer_of(KeyType::p384)), code());
  image::VerifyFault fault;
  signing::Parent parent =
      signing::take_parent(pki().crypto(), image::MemorySource(base), pki().trust(), fault).value();
  signing::SignOptions options = options_of(signer);
  for (const std::size_t at : {parent.statement.size() - 5, parent.statement.size() / 2, std::size_t{1}}) {
    signing::Parent forged = parent;
    forged.statement[at] ^= 1;
    options.parents = {forged};
    const std::string text = verdict(pki(), sign(pki(), signer, options, code()));
    EXPECT_TRUE(text.ends_with("in LINEAGE")) << text;
  }
}

// A base whose statement is about other octets is not taken.
TEST(Lineage, AParentsStatementMustBeAboutTheParent) {
  const TestSigner& signer = signer_of(KeyType::p256);
  ImageParts one = ImageParts::of(sign(pki(), signer, options_of(signer), code(200)));
  const ImageParts other = ImageParts::of(sign(pki(), signer, options_of(signer), code(201)));
  one.protected_tlvs.back() = other.protected_tlvs.back();
  // Signed anew by the same signer over the other's statement: all but the statement's digest holds.
  Octets image = one.assemble();
  const std::size_t hashed = image.size() - 4 - [&] {
    std::size_t size = 0;
    for (const auto& part : one.tlvs) size += 4 + part.value.size();
    return size;
  }();
  const Sha256 digest = pki().crypto().sha256(Bytes(image).first(hashed)).value();
  std::array<std::uint8_t, 64> raw{};
  const auto signature =
      pki().crypto().sign_digest(signer.key.view(), crypto::default_algorithm(KeyType::p256), digest, raw);
  Octets der(80);
  Writer out(der);
  der::Builder builder(out);
  der::ecdsa_from_raw(*signature, builder);
  der.resize(out.size());
  one.find(TlvType::sha256).value.assign(digest.begin(), digest.end());
  one.find(TlvType::ecdsa).value = der;
  image = one.assemble();
  EXPECT_TRUE(verdict(pki(), image).starts_with("lineage_refused"));
  EXPECT_TRUE(verdict(pki(), image).ends_with("in STATEMENT"));
  image::VerifyFault fault;
  EXPECT_FALSE(signing::take_parent(pki().crypto(), image::MemorySource(image), pki().trust(), fault));
}

}  // namespace
}  // namespace pedigree::testing
