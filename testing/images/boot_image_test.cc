// SPDX-License-Identifier: Apache-2.0
// The boot stage's reading of images beside core's: what it accepts core accepts, for the same digest, signer
// and counter, and what is outside its profile it refuses.
#include "core/firmware_image/boot_image.h"

#include <gtest/gtest.h>

#include <random>

#include "core/x509/oids.h"
#include "testing/images/revocations.h"

namespace pedigree::testing {
namespace {

using image::TlvType;

constexpr std::uint8_t kOtherPurpose[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};  // clientAuth
const Bytes kCodeSigning[] = {x509::oid::kCodeSigning};
const Bytes kOther[] = {kOtherPurpose};
const Bytes kBoth[] = {x509::oid::kCodeSigning, kOtherPurpose};

/// Root, OEM and signer as certificates that can be changed one by one.
class BootImageTest : public ::testing::Test {
 protected:
  BootImageTest() {
    root_.subject = root_.issuer = "Root";
    root_.key = root_.issuer_key = keys_[2].view();
    root_.extensions.basic_constraints = {true, std::nullopt};
    root_.extensions.key_usage = x509::kKeyCertSign;
    oem_.subject = "OEM";
    oem_.issuer = "Root";
    oem_.key = keys_[1].view();
    oem_.issuer_key = keys_[2].view();
    oem_.extensions.basic_constraints = {true, 0};
    oem_.extensions.key_usage = x509::kKeyCertSign | x509::kCrlSign;
    oem_.extensions.ext_key_usage = kCodeSigning;
    oem_.extensions.extra = limits_;
    leaf_.subject = "Signer";
    leaf_.issuer = "OEM";
    leaf_.key = keys_[0].view();
    leaf_.issuer_key = keys_[1].view();
    leaf_.extensions.key_usage = x509::kDigitalSignature;
    leaf_.extensions.ext_key_usage = kCodeSigning;
  }

  static Octets limits_of(std::vector<image::Uuid> vendors, std::optional<image::Version> minimum,
                          std::optional<image::Version> maximum, bool critical = false) {
    Octets value(512);
    Writer out(value);
    der::Builder builder(out);
    image::write_limits(vendors, {}, minimum, maximum, builder);
    value.resize(out.size());
    return extension(image::kFirmwareLimitsOid, critical, value);
  }
  [[nodiscard]] std::vector<Octets> chain() const {
    return {make_certificate(crypto_, leaf_), make_certificate(crypto_, oem_),
            make_certificate(crypto_, root_)};
  }
  [[nodiscard]] Sha256 root_hash() const { return *crypto_.sha256(spki_of(crypto_, keys_[2].view())); }

  /// ECDSA-Sig-Value.
  [[nodiscard]] Octets signature(const crypto::OpenSslKey& key, Bytes message) const {
    std::array<std::uint8_t, 64> raw{};
    EXPECT_TRUE(crypto_.sign(key.view(), {crypto::Scheme::ecdsa, crypto::Hash::sha256}, message, raw));
    Octets out(80);
    Writer writer(out);
    der::Builder builder(writer);
    der::ecdsa_from_raw(raw, builder);
    out.resize(writer.size());
    return out;
  }
  /// An image whose TLVs are as wanted, with hash and signature that fit them.
  [[nodiscard]] Octets finish(ImageParts parts) const {
    const auto sign_again = [&] {
      const Octets whole = parts.assemble();
      const Bytes hashed =
          Bytes(whole).first(image::read_layout(image::MemorySource(whole)).value().hashed_size);
      const Sha256 digest = *crypto_.sha256(hashed);
      parts.find(TlvType::sha256).value.assign(digest.begin(), digest.end());
      parts.find(TlvType::ecdsa).value = signature(keys_[0], hashed);
    };
    sign_again();
    return parts.assemble();
  }
  [[nodiscard]] Octets image_with(const std::vector<Octets>& certificates,
                                  image::Version version = {1, 2, 3, 4},
                                  std::optional<image::Uuid> vendor = std::nullopt) const {
    const std::vector<Octets> good = {make_certificate(crypto_, good_leaf()),
                                      make_certificate(crypto_, oem_any()), make_certificate(crypto_, root_)};
    signing::SignOptions options;
    options.version = version;
    options.pad_header = true;
    options.name = "base";
    options.chain = good;
    options.security_counter = 9;
    options.vendor = vendor;
    MemorySink sink;
    EXPECT_TRUE(signing::sign_image(crypto_, keys_[0].view(), options, code(300), sink));
    ImageParts parts = ImageParts::of(sink.octets);
    Octets cbor(8192);
    Writer out(cbor);
    cbor::Encoder encoder(out);
    const std::vector<Bytes> views(certificates.begin(), certificates.end());
    cose::write_chain(views, encoder);
    cbor.resize(out.size());
    for (auto& part : parts.protected_tlvs) {
      if (part.type == static_cast<std::uint16_t>(TlvType::chain)) part.value = cbor;
    }
    return finish(parts);
  }
  [[nodiscard]] CertificateSpec good_leaf() const {
    CertificateSpec spec = leaf_;
    spec.key = keys_[0].view();
    return spec;
  }
  [[nodiscard]] CertificateSpec oem_any() const {
    CertificateSpec spec = oem_;
    spec.extensions.extra = limits_;
    return spec;
  }

  /// "" where it is accepted.
  std::string by_core(Bytes octets) {
    x509::TrustAnchor root;
    root.spki_sha256 = root_hash();
    image::VerifyOptions options;
    options.trust.anchors = {&root, 1};
    Octets chain_space(16384);
    Octets statement(16384);
    image::VerifyFault fault;
    const auto verified = image::verify_image(crypto_, image::MemorySource(octets), options,
                                              {chain_space, statement, {}}, fault);
    if (!verified) return std::string(name(verified.error().code));
    core_ = *verified;
    signer_ = key_hash_of(verified->signer.chain.certificates[0]);
    return "";
  }
  std::string by_boot(Bytes octets, const image::RevocationList& revoked = {}) {
    boot_ = {};
    const ErrorCode code = image::verify_boot_image(crypto_, octets, root_hash(), revoked, boot_);
    return code == ErrorCode{} ? "" : std::string(name(code));
  }
  [[nodiscard]] Sha256 key_hash_of(Bytes certificate) const {
    return *crypto_.sha256(x509::Certificate::parse(certificate)->spki().whole);
  }
  /// What the boot stage accepts core accepts, alike. Returns whether it did.
  bool agree(Bytes octets) {
    if (!by_boot(octets).empty()) return false;
    const std::string core = by_core(octets);
    EXPECT_EQ(core == "bad_time" ? "" : core, "") << "the boot stage accepts what core refuses";
    if (!core.empty()) return true;  // validity is not read where there is no clock
    EXPECT_TRUE(equal(boot_.digest, Bytes(core_.digest).first(32)));
    EXPECT_EQ(boot_.signer, signer_);
    EXPECT_EQ(boot_.security_counter, core_.security_counter);
    EXPECT_EQ(boot_.size, core_.layout.end);
    return true;
  }

  crypto::OpenSslCrypto crypto_;
  /// Of signer, OEM and root.
  std::array<crypto::OpenSslKey, 3> keys_{crypto::OpenSslKey::generate(crypto::KeyType::p256).value(),
                                          crypto::OpenSslKey::generate(crypto::KeyType::p256).value(),
                                          crypto::OpenSslKey::generate(crypto::KeyType::p256).value()};
  Octets limits_ = limits_of({}, std::nullopt, std::nullopt);
  CertificateSpec root_, oem_, leaf_;
  image::Verified core_;
  image::BootImage boot_;
  Sha256 signer_{};
};

TEST_F(BootImageTest, AcceptsWhatOurToolMakes) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{700}, std::size_t{70000}}) {
    signing::SignOptions options;
    options.version = {1, 2, 3, 4};
    options.header_size = 1024;
    options.pad_header = true;
    options.name = "base";
    options.chain = chain();
    options.vendor = image::Uuid{1};
    options.class_id = image::Uuid{2};
    options.dependencies = {{1, {1, 0, 0, 0}}};
    options.boot_record = "NSPE";
    if (size > 1) options.security_counter = 77;
    MemorySink base;
    ASSERT_TRUE(signing::sign_image(crypto_, keys_[0].view(), options, code(size), base));
    EXPECT_TRUE(agree(base.octets)) << by_boot(base.octets);
    // A variant of it, with lineage, which the boot stage passes over; and octets behind the image.
    x509::TrustAnchor root;
    root.spki_sha256 = root_hash();
    image::VerifyFault fault;
    const auto parent =
        signing::take_parent(crypto_, image::MemorySource(base.octets), {{&root, 1}, std::nullopt}, fault);
    ASSERT_TRUE(parent);
    options.parents = {*parent};
    MemorySink variant;
    ASSERT_TRUE(signing::sign_image(crypto_, keys_[0].view(), options, code(size + 1), variant));
    variant.octets.insert(variant.octets.end(), 100, 0xff);
    EXPECT_TRUE(agree(variant.octets)) << by_boot(variant.octets);
  }
}

TEST_F(BootImageTest, ChangedOctetsAreRefused) {
  const Octets good = image_with(chain());
  ASSERT_TRUE(agree(good)) << by_boot(good);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Octets changed = good;
    changed[at] ^= static_cast<std::uint8_t>(1U << at % 8);
    EXPECT_NE(by_boot(changed), "") << at;
    EXPECT_NE(by_boot(Bytes(good).first(at)), "") << at;
  }
}

TEST_F(BootImageTest, ChangedCertificatesThatAreSignedAgainAreAcceptedOnlyByBoth) {
  const std::vector<Octets> good = chain();
  std::mt19937 random(1);
  std::size_t accepted = 0;
  std::size_t core_alone = 0;
  for (std::size_t which = 0; which < good.size(); ++which) {
    const auto parsed = x509::Certificate::parse(good[which]);
    const Bytes tbs = parsed->signed_key().object.to_be_signed;
    const crypto::OpenSslKey& issuer = keys_[std::min<std::size_t>(which + 1, 2)];
    for (std::size_t n = 0; n < 4 * tbs.size(); ++n) {
      Octets changed(tbs.begin(), tbs.end());
      changed[n / 4] =
          n % 4 == 0 ? static_cast<std::uint8_t>(changed[n / 4] ^ 1U) : static_cast<std::uint8_t>(random());
      Octets bits = signature(issuer, changed);
      bits.insert(bits.begin(), 0);
      std::vector<Octets> certificates = good;
      certificates[which] =
          sequence({changed, unhex("300a 0608 2a8648ce3d040302"), element(der::kBitString, bits)});
      const Octets image = image_with(certificates);
      const bool boot = agree(image);
      accepted += boot ? 1 : 0;
      core_alone += !boot && by_core(image).empty() ? 1 : 0;
      if (HasFailure()) FAIL() << "certificate " << which << " octet " << n / 4 << ": " << hex(changed);
    }
  }
  EXPECT_GT(accepted, 50U) << "serial numbers and validity";
  EXPECT_LT(core_alone, accepted * 4) << "names in other forms";
}

TEST_F(BootImageTest, ChangedTlvsThatAreSignedAgainAreAcceptedOnlyByBoth) {
  const ImageParts good = ImageParts::of(image_with(chain(), {1, 2, 3, 4}, image::Uuid{1}));
  std::mt19937 random(2);
  std::size_t accepted = 0;
  for (int n = 0; n < 3000; ++n) {
    ImageParts parts = good;
    auto& tlvs = parts.protected_tlvs;
    const std::size_t at = random() % tlvs.size();
    switch (n % 5) {
      case 0:
        tlvs[at].type = static_cast<std::uint16_t>(random() % 2 == 0 ? random() % 0x80 : random());
        break;
      case 1:
        tlvs.push_back(tlvs[at]);
        break;
      case 2:
        tlvs.erase(tlvs.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 3:
        if (!tlvs[at].value.empty()) tlvs[at].value[random() % tlvs[at].value.size()] ^= 1U;
        break;
      default:
        parts.header[random() % parts.header.size()] ^= 1U;
    }
    // Sizes of the header are those of what follows: others cannot be signed for.
    std::copy(good.header.begin() + 8, good.header.begin() + 10, parts.header.begin() + 8);
    std::copy(good.header.begin() + 12, good.header.begin() + 16, parts.header.begin() + 12);
    if (parts.header[0] != good.header[0] ||
        !std::equal(good.header.begin(), good.header.begin() + 4, parts.header.begin()) ||
        (parts.header[17] & 0x0eU) != 0 || (parts.header[16] & 0x0cU) != 0) {
      continue;  // no image at all
    }
    accepted += agree(finish(parts)) ? 1 : 0;
    if (HasFailure()) FAIL() << n;
  }
  EXPECT_GT(accepted, 300U);
}

struct Case {
  const char* what;
  std::function<void(CertificateSpec& leaf, CertificateSpec& oem, CertificateSpec& root)> change;
  std::string boot;
  std::string core;
};

TEST_F(BootImageTest, CertificatesMeanTheSame) {
  const Octets key_id(20, 1);
  const Octets other_id(20, 2);
  const Octets name = element(der::context(2), as_bytes("example.org"));
  const Octets subtree = element(der::context_constructed(0), sequence({name}));
  const Octets odd = extension(unhex("2a030405"), true, unhex("0500"));
  const Octets odd_not_critical = extension(unhex("2a030405"), false, unhex("0500"));
  const Octets twice = [&] {
    Octets both = odd_not_critical;
    both.insert(both.end(), odd_not_critical.begin(), odd_not_critical.end());
    return both;
  }();
  const auto with = [&](const Octets& more) {
    Octets all = limits_;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const Octets odd_and_limits = with(odd);
  const Octets harmless = with(odd_not_critical);
  const Octets doubled = with(twice);
  const Octets limits_twice = with(limits_);
  const Octets old = limits_of({}, std::nullopt, image::Version{1, 2, 3, 3});
  const Octets later = limits_of({}, image::Version{1, 2, 3, 5}, std::nullopt);
  const Octets exact = limits_of({}, image::Version{1, 2, 3, 4}, image::Version{1, 2, 3, 4});
  const Octets vendor = limits_of({image::Uuid{5}, image::Uuid{1}}, std::nullopt, std::nullopt);
  const Octets other_vendor = limits_of({image::Uuid{5}}, std::nullopt, std::nullopt);
  const Octets critical_limits = limits_of({}, std::nullopt, std::nullopt, true);
  const Case cases[] = {
      {"as they should be", [](auto&, auto&, auto&) {}, "", ""},
      {"signer for two purposes", [](auto& l, auto&, auto&) { l.extensions.ext_key_usage = kBoth; },
       "eku_forbids", "eku_forbids"},
      {"signer for any purpose", [](auto& l, auto&, auto&) { l.extensions.ext_key_usage = {}; },
       "eku_forbids", "eku_forbids"},
      {"OEM for another purpose", [](auto&, auto& o, auto&) { o.extensions.ext_key_usage = kOther; },
       "eku_forbids", "eku_forbids"},
      {"root for another purpose", [](auto&, auto&, auto& r) { r.extensions.ext_key_usage = kOther; },
       "eku_forbids", "eku_forbids"},
      {"root for both", [](auto&, auto&, auto& r) { r.extensions.ext_key_usage = kBoth; }, "", ""},
      {"signer is a CA", [](auto& l, auto&, auto&) { l.extensions.basic_constraints = {true, std::nullopt}; },
       "target_is_ca", "target_is_ca"},
      {"OEM is no CA", [](auto&, auto& o, auto&) { o.extensions.basic_constraints = {}; }, "not_a_ca",
       "not_a_ca"},
      {"OEM signs no certificates", [](auto&, auto& o, auto&) { o.extensions.key_usage = x509::kCrlSign; },
       "key_usage_forbids", "key_usage_forbids"},
      {"signer signs nothing", [](auto& l, auto&, auto&) { l.extensions.key_usage = x509::kKeyAgreement; },
       "key_usage_forbids", "key_usage_forbids"},
      {"signer without keyUsage", [](auto& l, auto&, auto&) { l.extensions.key_usage = 0; }, "", ""},
      {"root allows no CA", [](auto&, auto&, auto& r) { r.extensions.basic_constraints = {true, 0}; },
       "path_too_long", "path_too_long"},
      {"root allows one CA", [](auto&, auto&, auto& r) { r.extensions.basic_constraints = {true, 1}; }, "",
       ""},
      {"another issuer", [](auto& l, auto&, auto&) { l.issuer = "Other"; }, "issuer_mismatch",
       "issuer_mismatch"},
      {"issuer in other letters", [](auto& l, auto&, auto&) { l.issuer = "oem"; }, "issuer_mismatch", ""},
      {"key identifiers fit",
       [&](auto& l, auto& o, auto&) {
         o.extensions.subject_key_identifier = key_id;
         l.extensions.authority_key_identifier = key_id;
       },
       "", ""},
      {"key identifiers differ",
       [&](auto& l, auto& o, auto&) {
         o.extensions.subject_key_identifier = key_id;
         l.extensions.authority_key_identifier = other_id;
       },
       "key_identifier_mismatch", "key_identifier_mismatch"},
      {"signer with another name", [&](auto& l, auto&, auto&) { l.extensions.subject_alt_name = name; },
       "bad_tlv", ""},
      {"OEM with constraints", [&](auto&, auto& o, auto&) { o.extensions.name_constraints = subtree; },
       "bad_tlv", ""},
      {"unknown and critical", [&](auto&, auto& o, auto&) { o.extensions.extra = odd_and_limits; },
       "unknown_critical_extension", "unknown_critical_extension"},
      {"unknown", [&](auto&, auto& o, auto&) { o.extensions.extra = harmless; }, "", ""},
      {"unknown, twice", [&](auto&, auto& o, auto&) { o.extensions.extra = doubled; }, "bad_tlv",
       "duplicate_extension"},
      {"limits twice", [&](auto&, auto& o, auto&) { o.extensions.extra = limits_twice; }, "bad_tlv",
       "duplicate_extension"},
      {"no limits", [&](auto&, auto& o, auto&) { o.extensions.extra = {}; }, "product_refused",
       "product_refused"},
      {"critical limits", [&](auto&, auto& o, auto&) { o.extensions.extra = critical_limits; },
       "unknown_critical_extension", "unknown_critical_extension"},
      {"older versions", [&](auto&, auto& o, auto&) { o.extensions.extra = old; }, "version_refused",
       "version_refused"},
      {"later versions", [&](auto&, auto& o, auto&) { o.extensions.extra = later; }, "version_refused",
       "version_refused"},
      {"this version", [&](auto&, auto& o, auto&) { o.extensions.extra = exact; }, "", ""},
      {"this vendor", [&](auto&, auto& o, auto&) { o.extensions.extra = vendor; }, "", ""},
      {"other vendors", [&](auto&, auto& o, auto&) { o.extensions.extra = other_vendor; }, "product_refused",
       "product_refused"},
      {"the root's limits count too", [&](auto&, auto&, auto& r) { r.extensions.extra = other_vendor; },
       "product_refused", "product_refused"},
  };
  for (const Case& one : cases) {
    CertificateSpec leaf = leaf_;
    CertificateSpec oem = oem_;
    CertificateSpec root = root_;
    one.change(leaf, oem, root);
    const Octets image = image_with(
        {make_certificate(crypto_, leaf), make_certificate(crypto_, oem), make_certificate(crypto_, root)},
        {1, 2, 3, 4}, image::Uuid{1});
    EXPECT_EQ(by_boot(image), one.boot) << one.what;
    EXPECT_EQ(by_core(image), one.core) << one.what;
  }
}

TEST_F(BootImageTest, OtherChainsAndKeysAreRefused) {
  const std::vector<Octets> good = chain();
  EXPECT_EQ(by_boot(image_with({good[0], good[1]})), "untrusted_root") << "without the root";
  EXPECT_EQ(by_boot(image_with({good[0], good[2], good[1]})), "untrusted_root");
  EXPECT_EQ(by_boot(image_with({good[0]})), "bad_tlv");
  for (const Octets& certificate : good) {
    const Octets entry = [&] {
      Octets list = unhex("5820");
      const Sha256 key = key_hash_of(certificate);
      list.insert(list.end(), key.begin(), key.end());
      return list;
    }();
    image::RevocationList revoked;
    revoked.entries = entry;
    EXPECT_EQ(by_boot(image_with(good), revoked), "signer_revoked");
  }
  const auto other = crypto::OpenSslKey::generate(crypto::KeyType::p384).value();
  oem_.key = other.view();
  EXPECT_EQ(by_boot(image_with(chain())), "unsupported_algorithm");
}

}  // namespace
}  // namespace pedigree::testing
