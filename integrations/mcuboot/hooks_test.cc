// SPDX-License-Identifier: Apache-2.0
// The hooks as MCUboot calls them, on a flash in memory and the PSA crypto of the host.
#include <gtest/gtest.h>
#include <psa/crypto.h>

#include "bootutil/boot_hooks.h"
#include "bootutil/sign_key.h"
#include "flash_map_backend/flash_map_backend.h"
#include "integrations/mcuboot/pedigree_mcuboot.h"
#include "testing/images/pki.h"
#include "testing/images/revocations.h"

namespace {

/// Two images with two slots each, and what the board knows.
struct Board {
  flash_area slots[4]{};
  bool opens = true;
  bool knows_root = true;
  pedigree::Sha256 root{};
  pedigree::testing::Octets revocations;
};
Board board;

}  // namespace

extern "C" {
fih_ret FIH_SUCCESS = 10;
fih_ret FIH_FAILURE = 11;
fih_ret FIH_BOOT_HOOK_REGULAR = 12;

int flash_area_id_from_multi_image_slot(int image_index, int slot) {
  return 2 * image_index + slot;
}
int flash_area_open(uint8_t id, const flash_area** area) {
  *area = &board.slots[id];
  return board.opens ? 0 : -1;
}
int flash_area_read(const flash_area* area, uint32_t offset, void* out, uint32_t length) {
  EXPECT_LE(std::uint64_t{offset} + length, area->size) << "read beyond the slot";
  std::copy_n(area->octets + offset, length, static_cast<uint8_t*>(out));
  return 0;
}
void flash_area_close(const flash_area* /*area*/) {}

int pedigree_get_firmware_trust(struct pedigree_firmware_trust* trust) {
  if (!board.knows_root) return -1;
  trust->root_spki_sha256 = board.root.data();
  trust->revocations = board.revocations.empty() ? nullptr : board.revocations.data();
  trust->revocations_size = board.revocations.size();
  return 0;
}
}

namespace pedigree::testing {
namespace {

using crypto::KeyType;

class Hooks : public ::testing::Test {
 protected:
  Hooks() {
    EXPECT_EQ(psa_crypto_init(), PSA_SUCCESS);
    board = {};
    const auto root = x509::Certificate::parse(pki_.root()).value();
    board.root = pki_.crypto().sha256(root.spki().whole).value();
  }
  /// With the root in its chain, because the device knows that by its hash alone, and its key written out.
  Octets image(KeyType type, const OemSpec& oem = {}, bool whole_key = true) {
    signer_.emplace(pki_.make_signer(type, oem));
    signing::SignOptions options = options_of(*signer_);
    options.chain.push_back(pki_.root());
    options.whole_public_key = whole_key;
    return sign(pki_, *signer_, options, code());
  }
  /// What the hook says of an image in this slot.
  fih_ret check(const Octets& octets, int index = 0, int slot = 0) {
    flash_ = octets;
    flash_.resize(octets.size() + 5000, 0xff);
    board.slots[2 * index + slot] = {flash_.data(), static_cast<std::uint32_t>(flash_.size())};
    return boot_image_check_hook(index, slot);
  }
  /// What MCUboot would compare PUBKEY's hash with; empty: nothing.
  static Octets certified(std::uint8_t index = 0, std::size_t room = 64) {
    Octets hash(room);
    std::size_t size = room;
    if (boot_retrieve_public_key_hash(index, hash.data(), &size) != 0) return {};
    hash.resize(size);
    return hash;
  }

  ImagePki pki_;
  std::optional<TestSigner> signer_;
  Octets flash_;
};

TEST_F(Hooks, ACertifiedImageIsLeftToMcubootWithItsKey) {
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::rsa2048}) {
    const Octets good = image(type);
    EXPECT_EQ(check(good), FIH_BOOT_HOOK_REGULAR) << crypto::name(type);
    const Octets hash = certified();
    // As MCUboot hashes the PUBKEY that it finds.
    const ImageParts parts = ImageParts::of(good);
    Octets expected(type == KeyType::p384 ? 48 : 32);
    for (const auto& part : parts.tlvs) {
      if (part.type != 0x02) continue;
      const Bytes key = part.value;
      (void)pki_.crypto().digest(image::image_hash(type), {&key, 1}, expected);
    }
    EXPECT_EQ(hash, expected) << crypto::name(type);
  }
}

TEST_F(Hooks, TheKeyIsForOneCheckOfOneImage) {
  const Octets good = image(KeyType::p256);
  EXPECT_TRUE(certified().empty()) << "before any check";
  EXPECT_EQ(check(good, 1, 1), FIH_BOOT_HOOK_REGULAR);
  EXPECT_TRUE(certified(0).empty()) << "of another image";
  EXPECT_FALSE(certified(1).empty());
  EXPECT_TRUE(certified(1).empty()) << "once";
  EXPECT_EQ(check(good), FIH_BOOT_HOOK_REGULAR);
  EXPECT_TRUE(certified(0, 16).empty()) << "no room";
  EXPECT_EQ(check(good), FIH_BOOT_HOOK_REGULAR);
  Octets bad = good;
  bad[0] ^= 1;
  EXPECT_EQ(check(bad, 0, 1), FIH_FAILURE);
  EXPECT_TRUE(certified().empty()) << "a later image that is refused takes it away";
}

TEST_F(Hooks, WhatTheChainDoesNotAllowIsRefused) {
  EXPECT_EQ(check(image(KeyType::p256, {.code_signing = false})), FIH_FAILURE);
  EXPECT_EQ(check(image(KeyType::p256, {.states_limits = false})), FIH_FAILURE);
  const Octets good = image(KeyType::p256);
  for (std::uint8_t& octet : board.root) octet ^= 1;
  EXPECT_EQ(check(good), FIH_FAILURE) << "another root";
  for (std::uint8_t& octet : board.root) octet ^= 1;
  EXPECT_EQ(check(good), FIH_BOOT_HOOK_REGULAR);
  board.knows_root = false;
  EXPECT_EQ(check(good), FIH_FAILURE) << "a board without a root starts nothing";
  board.knows_root = true;
  board.opens = false;
  EXPECT_EQ(check(good), FIH_FAILURE);
  board.opens = true;
  EXPECT_EQ(boot_image_check_hook(2, 0), FIH_FAILURE) << "there are two images";
  EXPECT_EQ(boot_image_check_hook(-1, 0), FIH_FAILURE);
  EXPECT_TRUE(certified().empty());
  EXPECT_TRUE(certified(2).empty());
}

TEST_F(Hooks, TheKeyMustBeWrittenOutAndTheSigners) {
  EXPECT_EQ(check(image(KeyType::p256, {}, false)), FIH_FAILURE)
      << "KEYHASH: MCUBOOT_HW_KEY has no use for it";
  ImageParts parts = ImageParts::of(image(KeyType::p256));
  // A second key before the signature: MCUboot would verify by the last.
  const ImageParts other = ImageParts::of(image(KeyType::p256));
  parts.tlvs.insert(parts.tlvs.begin() + 2, other.tlvs[1]);
  EXPECT_EQ(check(parts.assemble()), FIH_FAILURE);
  parts.tlvs.erase(parts.tlvs.begin() + 1);
  EXPECT_EQ(check(parts.assemble()), FIH_FAILURE) << "another's key alone";
}

TEST_F(Hooks, ARevokedSignerIsRefusedAndSoIsEveryImageUnderAListThatIsNone) {
  const Octets good = image(KeyType::p256);
  const TestSigner lists = make_list_signer(pki_);
  board.revocations = make_list(pki_, lists, 1, {});
  EXPECT_EQ(check(good), FIH_BOOT_HOOK_REGULAR);
  board.revocations = make_list(pki_, lists, 2, {key_hash(pki_, signer_->chain[0])});
  EXPECT_EQ(check(good), FIH_FAILURE);
  board.revocations = make_list(pki_, lists, 3, {key_hash(pki_, signer_->chain[1])});
  EXPECT_EQ(check(good), FIH_FAILURE) << "the OEM";
  board.revocations = {1, 2, 3};
  EXPECT_EQ(check(good), FIH_FAILURE);
}

TEST_F(Hooks, NothingIsReadBeyondTheSlot) {
  const Octets good = image(KeyType::p256);
  for (std::size_t size = 0; size < good.size(); size += 7) {
    flash_.assign(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    board.slots[0] = {flash_.data(), static_cast<std::uint32_t>(size)};
    EXPECT_EQ(boot_image_check_hook(0, 0), FIH_FAILURE) << size;
  }
}

}  // namespace
}  // namespace pedigree::testing
