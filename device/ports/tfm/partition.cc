// SPDX-License-Identifier: Apache-2.0
// The secure partition: the two functions that TF-M calls, and what the service is told of the platform.
// Everything is constinit: TF-M runs no static constructors in a partition.
#include "device/ports/tfm/partition.h"

#include "config_tfm.h"
#include "crypto/psa/psa_crypto.h"
#include "device/ports/tfm/message.h"
#include "device/ports/tfm/token_facts.h"
#include "device/service/service.h"
#include "psa/crypto.h"
#include "psa/initial_attestation.h"
#include "tfm_builtin_key_ids.h"

// An NV seed that everybody has is none.
#ifndef PEDIGREE_ENTROPY
#if CRYPTO_EXT_RNG
#define PEDIGREE_ENTROPY 1
#elif CRYPTO_NV_SEED
#define PEDIGREE_ENTROPY (PEDIGREE_DUMMY_PROVISIONING ? 3 : 2)
#else
#define PEDIGREE_ENTROPY 0
#endif
#endif

namespace pedigree::tfm {
namespace {

// The storage back end's limits, as TF-M's configuration headers have them.
#ifdef PEDIGREE_PROTECTED_STORAGE
constexpr std::uint32_t kMaxAsset = PS_MAX_ASSET_SIZE;
constexpr std::uint32_t kAssets = PS_NUM_ASSETS;
#else
constexpr std::uint32_t kMaxAsset = ITS_MAX_ASSET_SIZE;
constexpr std::uint32_t kAssets = ITS_NUM_ASSETS;
#endif
static_assert(kMaxAsset >= 512, "Pedigree: raise ITS_MAX_ASSET_SIZE (or PS_MAX_ASSET_SIZE) to 512 at least");

/// A partition copies assets through a buffer of its own size; larger parts gain nothing.
constexpr std::uint32_t kPart = std::min<std::uint32_t>(kMaxAsset, 2048);
constexpr std::uint32_t kChainParts = (PEDIGREE_MAX_CHAIN + kPart - 1) / kPart;
static_assert(kChainParts <= device::kMaxParts,
              "Pedigree: lower PEDIGREE_MAX_CHAIN, or raise the asset size");

/// The root's record and key, each slot's record and chain; and a second chain while one is replaced. Keys
/// are assets of the crypto partition, in internal trusted storage.
constexpr std::uint32_t kNeededAssets = 2 + PEDIGREE_SLOTS * (1 + kChainParts) + kChainParts;
static_assert(
    kAssets >= kNeededAssets,
    "Pedigree: raise ITS_NUM_ASSETS (or PS_NUM_ASSETS), or lower PEDIGREE_SLOTS or PEDIGREE_MAX_CHAIN");
static_assert(PEDIGREE_SLOTS >= 1 && PEDIGREE_SLOTS <= enrol::kMaxSlots,
              "Pedigree: PEDIGREE_SLOTS is 1 to 8");
static_assert(PEDIGREE_KEY_BASE + 2 > PSA_KEY_ID_USER_MIN &&
                  PEDIGREE_KEY_BASE + 1 + 2 * PEDIGREE_SLOTS <= PSA_KEY_ID_USER_MAX,
              "Pedigree: PEDIGREE_KEY_BASE is outside of the key ids that PSA Crypto has for its users");

}  // namespace

constinit device::Platform platform{
    .world = "TF-M",
    .hardware_unique_key = TFM_BUILTIN_KEY_ID_HUK,
    .builtin_iak = TFM_BUILTIN_KEY_ID_IAK,
    .iak_signs_requests = PEDIGREE_IAK_SIGNS_REQUESTS != 0,
    .open_until_pinned = PEDIGREE_OPEN_UNTIL_PINNED != 0,
    .slots = PEDIGREE_SLOTS,
    .key_base = PEDIGREE_KEY_BASE,
    .storage_base = 0x5045'0000,  // TF-M keeps the assets of each partition apart
    .part_size = kPart,
};

namespace {

/// Of the contract, what a service calls: the rest would stand in flash for nobody.
class PartitionCrypto final : public crypto::PsaCrypto {
 public:
  using PsaCrypto::digest;
  [[nodiscard]] std::string_view backend() const noexcept override { return {}; }
  [[nodiscard]] Result<void> digest(crypto::Hash, crypto::PieceSource&,
                                    MutableBytes) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes, std::span<const Bytes>) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey&, crypto::SignatureAlgorithm, Bytes,
                                           Bytes) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey&) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey&, crypto::SignatureAlgorithm, Bytes,
                                          MutableBytes) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey&,
                                                     MutableBytes) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
  [[nodiscard]] Result<void> random(MutableBytes) const noexcept override {
    return fail(ErrorCode::unsupported_algorithm);
  }
};

constexpr PartitionCrypto kCrypto;
constinit std::array<std::uint8_t, PEDIGREE_MAX_CHAIN + device::kMaxRootSpki> workspace{};
constinit device::Service service(platform, kCrypto, workspace);
/// What every call is answered until the platform has told who the device is.
constinit ErrorCode not_ready = ErrorCode::attestation_failure;

/// Who the device is, from a token that nobody else sees.
ErrorCode read_platform() noexcept {
  constexpr std::array<std::uint8_t, PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32> kChallenge{};
  std::size_t size = 0;
  const psa_status_t status = psa_initial_attest_get_token(kChallenge.data(), kChallenge.size(),
                                                           workspace.data(), workspace.size(), &size);
  if (status != PSA_SUCCESS || size > workspace.size()) return ErrorCode::attestation_failure;
  const auto facts = read_token_facts(Bytes(workspace).first(size));
  if (!facts) return ErrorCode::attestation_failure;
  platform.device_id = facts->instance_id;
  platform.lifecycle = facts->lifecycle;
  platform.entropy = static_cast<enrol::Entropy>(PEDIGREE_ENTROPY);
  return {};
}

}  // namespace
}  // namespace pedigree::tfm

using namespace pedigree;

// TF-M calls these from outside of what GCC optimises as a whole; Clang has no such attribute, and no need.
#ifdef __clang__
#define PEDIGREE_ENTRY
#else
#define PEDIGREE_ENTRY [[gnu::externally_visible]]
#endif

extern "C" {

PEDIGREE_ENTRY psa_status_t pedigree_partition_init(void) {
  const psa_status_t crypto = psa_crypto_init();
  tfm::not_ready = crypto == PSA_SUCCESS ? tfm::read_platform() : ErrorCode::crypto_failure;
  if (tfm::not_ready == ErrorCode{}) tfm::service.recover();
  // An error here would stop the whole device: each call is answered with it instead.
  return PSA_SUCCESS;
}

PEDIGREE_ENTRY psa_status_t pedigree_service_sfn(const psa_msg_t* message) {
  if (tfm::not_ready != ErrorCode{}) return static_cast<psa_status_t>(tfm::not_ready);
  tfm::PsaMessage adapted(*message);
  return tfm::service.call(adapted);
}

}  // extern "C"
