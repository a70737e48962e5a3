// SPDX-License-Identifier: Apache-2.0
// Spoilt images before core and before an independent reading of the format (read_image.py): none is accepted
// by one and refused by the other. Some are spoilt octet by octet; others are put together anew and signed by
// a real signer, so that no hash or signature refuses them before the rules do. 6,000 images; 10^6 with
// PEDIGREE_LONG=1.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "testing/images/pki.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;
using image::TlvType;

constexpr std::size_t kBatch = 2000;

/// A good image and who signed it.
struct Base {
  const TestSigner* signer;
  Octets image;
};

class Mutator {
 public:
  Mutator() {
    for (const KeyType type :
         {KeyType::p256, KeyType::ed25519, KeyType::p384, KeyType::rsa2048, KeyType::rsa3072}) {
      signers_.push_back(pki_.make_signer(type));
    }
    OemSpec limited{.name = "OEM B", .vendors = {image::Uuid{7}}, .classes = {image::Uuid{8}}};
    limited.minimum = image::Version{1, 0, 0, 0};
    limited.maximum = image::Version{1, 9, 0, 0};
    signers_.push_back(pki_.make_signer(KeyType::p256, limited));
    for (const TestSigner& signer : signers_) add_bases(signer);
  }

  [[nodiscard]] const ImagePki& pki() const noexcept { return pki_; }

  Octets next() {
    const std::size_t kind = below(10);
    if (kind < 6) return spoil(bases_[below(bases_.size())].image);
    // RSA signs too slowly to be in every image.
    const Base* base = nullptr;
    do {
      base = &bases_[below(bases_.size())];
    } while (crypto::belong_together(base->signer->key.type(), crypto::Scheme::rsa_pss));
    return rebuild(*base);
  }

 private:
  std::size_t below(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  std::uint8_t octet() { return static_cast<std::uint8_t>(random_()); }

  void add_bases(const TestSigner& signer) {
    signing::SignOptions options = options_of(signer);
    options.vendor = image::Uuid{7};
    options.class_id = image::Uuid{8};
    const auto add = [&] { bases_.push_back({&signer, sign(pki_, signer, options, code(60))}); };
    add();
    options.security_counter = 9;
    options.boot_record = "NSPE";
    options.dependencies = {{1, {1, 0, 0, 0}}};
    options.whole_public_key = true;
    image::VerifyFault fault;
    options.parents = {
        signing::take_parent(pki_.crypto(), image::MemorySource(bases_[0].image), pki_.trust(), fault)
            .value()};
    add();
    if (signer.key.type() != KeyType::ed25519) return;
    options.sha512 = true;
    add();
    options.sha512 = false;
    options.pure = true;
    add();
  }

  /// A few changes of octets anywhere.
  Octets spoil(Octets image) {
    for (std::size_t changes = 1 + below(3); changes > 0 && !image.empty(); --changes) {
      const std::size_t at = below(image.size());
      const auto where = image.begin() + static_cast<std::ptrdiff_t>(at);
      switch (below(8)) {
        case 0:
          *where = octet();
          break;
        case 1:
          image.resize(at);
          break;
        case 2:
          image.insert(where, 1 + below(8), octet());
          break;
        case 3:
          image.erase(where, where + static_cast<std::ptrdiff_t>(
                                         1 + below(std::min<std::size_t>(8, image.size() - at))));
          break;
        case 4:
          image.insert(image.end(), 1 + below(40), octet());  // after the image: of no effect
          break;
        case 5:
          image[below(std::min<std::size_t>(image.size(), 32))] = octet();
          break;
        default:
          *where ^= static_cast<std::uint8_t>(1U << below(8));
          break;
      }
    }
    return image;
  }

  ImageParts::Part part_of_another() {
    const ImageParts other = ImageParts::of(bases_[below(bases_.size())].image);
    const auto& parts = below(2) == 0 ? other.protected_tlvs : other.tlvs;
    return parts[below(parts.size())];
  }

  void change(std::vector<ImageParts::Part>& parts) {
    const auto index = [&] { return below(parts.size() + 1); };
    const std::size_t at = index();
    const auto where = parts.begin() + static_cast<std::ptrdiff_t>(at);
    constexpr std::uint16_t kTypes[] = {0x01, 0x02, 0x10, 0x11, 0x12, 0x20, 0x22,   0x24,   0x25,
                                        0x30, 0x40, 0x50, 0x74, 0x75, 0xa0, 0x50a0, 0x50a1, 0x50a2};
    switch (below(7)) {
      case 0:
        if (at < parts.size()) parts.erase(where);
        break;
      case 1:
        if (at < parts.size()) parts.insert(where, ImageParts::Part(*where));
        break;
      case 2:
        if (at < parts.size()) std::swap(parts[at], parts[below(parts.size())]);
        break;
      case 3:
        parts.insert(where, {kTypes[below(std::size(kTypes))], Octets(below(20), octet())});
        break;
      case 4:
        parts.insert(where, part_of_another());
        break;
      case 5:
        if (at < parts.size()) parts[at] = part_of_another();
        break;
      default:
        if (at < parts.size()) parts[at].value = spoil(parts[at].value);
        break;
    }
  }

  void change_header(Octets& header) {
    // Load address, flags or version; the sizes are what the parts are.
    constexpr std::size_t kFields[] = {4, 16, 17, 20, 21, 22, 24};
    header[kFields[below(std::size(kFields))]] = octet();
  }

  /// Other TLVs, and then the right hash, key and signature for what became of them.
  Octets rebuild(const Base& base) {
    ImageParts parts = ImageParts::of(base.image);
    if (below(4) == 0) change_header(parts.header);
    // The statement is about the octets before it, which change.
    if (below(2) == 0 && !parts.protected_tlvs.empty()) parts.protected_tlvs.pop_back();
    for (std::size_t changes = below(3); changes > 0; --changes) change(parts.protected_tlvs);
    resign(parts, *base.signer);
    if (below(3) == 0) change(parts.tlvs);
    return parts.assemble();
  }

  void resign(ImageParts& parts, const TestSigner& signer) {
    const Octets unsigned_image = parts.assemble();
    std::size_t after = 4;
    for (const auto& part : parts.tlvs) after += 4 + part.value.size();
    const Bytes hashed = Bytes(unsigned_image).first(unsigned_image.size() - after);
    for (ImageParts::Part& part : parts.tlvs) {
      const auto type = static_cast<TlvType>(part.type);
      const crypto::Hash hash = type == TlvType::sha256   ? crypto::Hash::sha256
                                : type == TlvType::sha384 ? crypto::Hash::sha384
                                                          : crypto::Hash::sha512;
      if (type == TlvType::sha256 || type == TlvType::sha384 || type == TlvType::sha512) {
        digest_.resize(crypto::digest_size(hash));
        (void)pki_.crypto().digest(hash, {&hashed, 1}, digest_);
        part.value = digest_;
        hash_ = hash;
      }
      if (type == TlvType::ecdsa || type == TlvType::ed25519) part.value = signature(signer, parts, hashed);
    }
  }

  Octets signature(const TestSigner& signer, const ImageParts& parts, Bytes hashed) {
    std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
    const auto key = signer.key.view();
    if (key.type == KeyType::ed25519) {
      const bool pure = std::ranges::any_of(parts.tlvs, [](const auto& part) { return part.type == 0x25; });
      const auto made =
          pki_.crypto().sign(key, crypto::default_algorithm(key.type), pure ? hashed : digest_, buffer);
      return {made->begin(), made->end()};
    }
    const auto raw = pki_.crypto().sign_digest(key, {crypto::Scheme::ecdsa, hash_}, digest_, buffer);
    Octets der(128);
    Writer out(der);
    der::Builder builder(out);
    der::ecdsa_from_raw(*raw, builder);
    der.resize(out.size());
    return der;
  }

  std::mt19937_64 random_{20261127};
  ImagePki pki_;
  std::vector<TestSigner> signers_;
  std::vector<Base> bases_;
  Octets digest_;
  crypto::Hash hash_{};
};

/// What read_image.py says of each: '1' or '0'; with -v a line each.
std::string ask_other(const TempDir& folder, const std::vector<Octets>& images, bool verbose = false) {
  std::string input;
  for (const Octets& image : images) {
    for (unsigned shift = 0; shift < 32; shift += 8) input += static_cast<char>(image.size() >> shift);
    input.append(image.begin(), image.end());
  }
  std::vector<std::string> command{
      "/usr/bin/python3", "-W", "ignore", "testing/images/read_image.py", (folder / "root.der").string(),
      "1800000000"};
  if (verbose) command.emplace_back("-v");
  const CommandResult result = run(command, input);
  EXPECT_EQ(result.status, 0) << result.output;
  return result.output;
}

TEST(Mutation, NothingIsAcceptedThatAnIndependentReadingRefuses) {
  signing::SignOptions options;
  Mutator mutator;
  const TempDir folder;
  write_file(folder / "root.der", Bytes(mutator.pki().root()));
  const std::size_t count = std::getenv("PEDIGREE_LONG") != nullptr ? 1'000'000 : 6'000;
  std::size_t accepted = 0;
  for (std::size_t done = 0; done < count; done += kBatch) {
    std::vector<Octets> images;
    std::string ours;
    while (images.size() < kBatch) {
      images.push_back(mutator.next());
      ours += verdict(mutator.pki(), images.back()).empty() ? '1' : '0';
    }
    const std::string theirs = ask_other(folder, images);
    ASSERT_EQ(theirs.size(), ours.size()) << theirs.substr(0, 2000);
    for (std::size_t i = 0; i < images.size(); ++i) {
      accepted += ours[i] == '1' ? 1 : 0;
      if (ours[i] == theirs[i]) continue;
      ADD_FAILURE() << fmt::format("image {}: core says \"{}\", the other {}\n{}", done + i,
                                   verdict(mutator.pki(), images[i]), ask_other(folder, {images[i]}, true),
                                   hex(images[i]));
      return;
    }
    if ((done + kBatch) % 50'000 == 0) fmt::print(stderr, "{} of {}\n", done + kBatch, count);
  }
  fmt::print("{} images, {} accepted by both\n", count, accepted);
  // Neither always yes nor always no.
  EXPECT_GT(accepted, count / 50);
  EXPECT_LT(accepted, count / 2);
}

// The other reading itself: it takes good images, and knows why it refuses.
TEST(Mutation, TheIndependentReadingTakesGoodImagesOfEveryKind) {
  const ImagePki pki;
  const TempDir folder;
  write_file(folder / "root.der", Bytes(pki.root()));
  std::vector<Octets> images;
  for (const KeyType type :
       {KeyType::p256, KeyType::p384, KeyType::ed25519, KeyType::rsa2048, KeyType::rsa3072}) {
    const TestSigner signer = pki.make_signer(type);
    signing::SignOptions options = options_of(signer);
    images.push_back(sign(pki, signer, options, code()));
    image::VerifyFault fault;
    options.parents = {
        signing::take_parent(pki.crypto(), image::MemorySource(images.back()), pki.trust(), fault).value()};
    options.whole_public_key = true;
    images.push_back(sign(pki, signer, options, code()));
  }
  EXPECT_EQ(ask_other(folder, images), std::string(10, '1')) << ask_other(folder, images, true);
  images.resize(1);
  images[0][200] ^= 1;
  EXPECT_EQ(ask_other(folder, images, true), "refused: digest\n");
}

}  // namespace
}  // namespace pedigree::testing
