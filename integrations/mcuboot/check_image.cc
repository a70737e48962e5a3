// SPDX-License-Identifier: Apache-2.0
// core's verification of a signer behind the C interface of pedigree_mcuboot.h.
#include "core/firmware_image/verify.h"
#include "crypto/psa/psa_crypto.h"
#include "integrations/mcuboot/pedigree_mcuboot.h"

// Octets of the longest CHAIN; the boot loader's RAM holds them while it checks.
#ifndef PEDIGREE_MCUBOOT_CHAIN_SIZE
#define PEDIGREE_MCUBOOT_CHAIN_SIZE 4096
#endif

namespace pedigree {
namespace {

/// A slot of flash.
class SlotSource final : public image::Source {
 public:
  explicit SlotSource(const pedigree_slot& slot) noexcept : slot_(slot) {}
  [[nodiscard]] std::uint32_t size() const noexcept override { return slot_.size; }
  [[nodiscard]] Result<void> read(std::uint32_t offset, MutableBytes out) const noexcept override {
    if (slot_.read(slot_.context, offset, out.data(), static_cast<std::uint32_t>(out.size())) == 0) return {};
    return fail(ErrorCode::io_failure, offset);
  }

 private:
  const pedigree_slot& slot_;
};

/// Where the check works; larger than a boot loader's stack.
struct Memory {
  std::array<std::uint8_t, PEDIGREE_MCUBOOT_CHAIN_SIZE> chain;
  std::array<std::uint8_t, image::kRevocationScratch> list;
};
constinit Memory memory{};

/// Every PUBKEY of the image is this key, and there is one: MCUboot takes the next signature for the key
/// before it.
Result<void> check_public_key(const image::Source& source, const image::Layout& layout, Bytes key) noexcept {
  bool found = false;
  image::TlvReader reader(source, layout);
  while (true) {
    PEDIGREE_ASSIGN(const std::optional<image::Tlv> tlv, reader.next());
    if (!tlv) break;
    if (tlv->type != image::TlvType::public_key) continue;
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> value{};
    PEDIGREE_ASSIGN(const Bytes octets, image::read_value(source, *tlv, value));
    if (!equal(octets, key)) return fail(ErrorCode::image_key_mismatch, tlv->offset);
    found = true;
  }
  if (!found) return fail(ErrorCode::missing_tlv, layout.hashed_size);
  return {};
}

Result<std::size_t> check(const image::Source& source, const pedigree_firmware_trust& trust,
                          MutableBytes key_hash) noexcept {
  const crypto::PsaCrypto crypto;
  x509::TrustAnchor root;
  std::copy_n(trust.root_spki_sha256, root.spki_sha256.size(), root.spki_sha256.begin());
  image::VerifyOptions options;
  options.trust.anchors = {&root, 1};  // a boot loader has no clock
  image::VerifyFault fault;
  image::RevocationList revoked;
  if (trust.revocations != nullptr) {
    PEDIGREE_ASSIGN(revoked, image::verify_list(crypto, {trust.revocations, trust.revocations_size},
                                                options.trust, memory.list, fault.path));
    options.revocations = &revoked;
  }
  PEDIGREE_ASSIGN(const image::Verified verified,
                  image::verify_signer(crypto, source, options, {memory.chain, {}, {}}, fault));
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const Bytes key, image::encode_key(verified.signer.key, buffer));
  PEDIGREE_TRY(check_public_key(source, verified.layout, key));
  PEDIGREE_TRY(crypto.digest(verified.hash, {&key, 1}, key_hash));
  return crypto::digest_size(verified.hash);
}

}  // namespace
}  // namespace pedigree

extern "C" int pedigree_mcuboot_check(const pedigree_slot* slot, const pedigree_firmware_trust* trust,
                                      uint8_t key_hash[PEDIGREE_KEY_HASH_SIZE], size_t* key_hash_size) {
  *key_hash_size = 0;
  const auto checked =
      pedigree::check(pedigree::SlotSource(*slot), *trust, {key_hash, std::size_t{PEDIGREE_KEY_HASH_SIZE}});
  if (!checked) return static_cast<int>(checked.error().code);
  *key_hash_size = *checked;
  return 0;
}
