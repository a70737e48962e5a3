// SPDX-License-Identifier: Apache-2.0
// Well-formed calls for what is not permitted.
#include <algorithm>
#include <array>
#include <string_view>

#include "device/ports/mps2/attack/attack.h"
#include "pedigree/update.h"
#include "psa/initial_attestation.h"

namespace pedigree::mps2 {
namespace {

/// What the attestation key is to sign: a digest of the attacker's choice.
constexpr std::array<std::uint8_t, 32> kDigest{0x41, 0x54, 0x54, 0x41, 0x43, 0x4b};

std::int32_t sign_with(std::uintptr_t slot) noexcept {
  std::array<std::uint8_t, PEDIGREE_MAX_SIGNATURE> signature{};
  std::size_t size = 0;
  return pedigree_sign_hash(PEDIGREE_SERVICE_HANDLE, slot, kDigest.data(), kDigest.size(), signature.data(),
                            &size);
}

std::int32_t destroy(std::uintptr_t slot) noexcept {
  return pedigree_destroy(PEDIGREE_SERVICE_HANDLE, slot);
}
std::int32_t abort_slot(std::uintptr_t slot) noexcept {
  return pedigree_abort(PEDIGREE_SERVICE_HANDLE, slot);
}

/// Argument: slot, purpose, origin, replace, an octet each from the lowest.
std::int32_t begin(std::uintptr_t wish) noexcept {
  pedigree_begin_request_t request{};
  request.slot = wish & 0xffU;
  request.purpose = static_cast<std::uint8_t>(wish >> 8U);
  request.type = 1;
  request.origin = static_cast<std::uint8_t>(wish >> 16U);
  request.replace = static_cast<std::uint8_t>(wish >> 24U);
  pedigree_begin_response_t response{};
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> spki{};
  std::size_t size = 0;
  return pedigree_begin(PEDIGREE_SERVICE_HANDLE, &request, nullptr, 0, &response, spki.data(), &size);
}

constexpr std::uintptr_t wish(std::uint32_t slot, unsigned purpose, unsigned origin, bool replace) noexcept {
  return slot | purpose << 8U | origin << 16U | (replace ? 1U << 24U : 0U);
}

std::int32_t read_chain_from(std::uintptr_t offset) noexcept {
  const pedigree_range_request_t request{kAttestationSlot, offset};
  std::array<std::uint8_t, 64> data{};
  std::size_t size = 0;
  std::uint32_t total = 0;
  return pedigree_chain_read(PEDIGREE_SERVICE_HANDLE, &request, data.data(), data.size(), &size, &total);
}

std::int32_t label_of(std::uintptr_t size) noexcept {
  pedigree_begin_request_t request{};
  request.purpose = 3;
  request.type = 1;
  request.origin = 2;
  request.label_size = static_cast<std::uint8_t>(size);
  pedigree_begin_response_t response{};
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> spki{};
  std::size_t spki_size = 0;
  return pedigree_begin(PEDIGREE_SERVICE_HANDLE, &request, nullptr, 0, &response, spki.data(), &spki_size);
}

/// Argument: octets of the challenge; where bit 16 is set it begins as the service's own statements do, and
/// bits 17 on are the slot.
std::int32_t attest_with(std::uintptr_t wish) noexcept {
  pedigree_attest_request_t request{};
  request.challenge_size = wish & 0xffffU;
  request.slot = wish >> 17U;
  if ((wish & 0x10000U) != 0) std::ranges::copy(std::string_view("Pedigree evidence"), request.challenge);
  std::array<std::uint8_t, 64> data{};
  std::size_t size = 0;
  std::uint32_t total = 0;
  return pedigree_attest(PEDIGREE_SERVICE_HANDLE, &request, data.data(), data.size(), &size, &total);
}

/// Asks the platform itself for a statement of the service; what comes must name the non-secure side: 1 where
/// it does not.
std::int32_t attest_as_the_service(std::uintptr_t /*unused*/) noexcept {
  std::array<std::uint8_t, 64> challenge{};
  std::ranges::copy(std::string_view("Pedigree evidence"), challenge.begin());
  static constinit std::array<std::uint8_t, PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE> token{};
  std::size_t size = 0;
  const psa_status_t status =
      psa_initial_attest_get_token(challenge.data(), challenge.size(), token.data(), token.size(), &size);
  if (status != 0) return status;
  // Claim 2394, client id: -1.
  constexpr std::array<std::uint8_t, 4> kNonSecure{0x19, 0x09, 0x5a, 0x20};
  const auto found = std::ranges::search(std::span(token).first(size), kNonSecure);
  return found.empty() ? 1 : 0;
}

/// What no caller may have done to the firmware: images that run, and lists that nobody signed.
std::int32_t erase_image(std::uintptr_t slot) noexcept {
  return pedigree_image_erase(PEDIGREE_SERVICE_HANDLE, slot);
}
/// Argument: number of the image; where bit 16 is set the upload is of 4 GiB.
std::int32_t write_image(std::uintptr_t wish) noexcept {
  pedigree_image_write_request_t request{};
  request.image = wish & 0xffffU;
  request.total = (wish & 0x10000U) != 0 ? 0xffffffffU : 1024;
  pedigree_image_written_t written{};
  return pedigree_image_write(PEDIGREE_SERVICE_HANDLE, &request, kDigest.data(), kDigest.size(), &written);
}
std::int32_t confirm_digest(std::uintptr_t size) noexcept {
  return pedigree_image_confirm(PEDIGREE_SERVICE_HANDLE, kDigest.data(), size);
}
std::int32_t write_list(std::uintptr_t total) noexcept {
  const pedigree_revocations_write_request_t request{0, total};
  std::uint32_t next = 0;
  return pedigree_revocations_write(PEDIGREE_SERVICE_HANDLE, &request, kDigest.data(),
                                    std::min<std::size_t>(total, kDigest.size()), &next);
}

std::int32_t type_of(std::uintptr_t type) noexcept {
  return call(static_cast<std::int32_t>(type), nullptr, 0, nullptr, 0);
}

constexpr Attempt kAttempts[] = {
    {"sign with the TLS key", sign_with, kTlsSlot},
    {"sign with the attestation key", sign_with, kAttestationSlot},
    {"sign with slot 0", sign_with, 0},
    {"sign with slot 9", sign_with, 9},
    {"sign with the platform's key number as slot", sign_with, 0x800},
    {"sign with slot 2^32-1", sign_with, 0xffffffff},
    {"attestation key for purpose tls", begin, wish(0, 3, 3, false)},
    {"attestation key for purpose data", begin, wish(0, 4, 3, false)},
    {"attestation slot becomes a tls slot", begin, wish(kAttestationSlot, 3, 1, true)},
    {"tls slot gets the attestation key", begin, wish(kTlsSlot, 3, 3, true)},
    {"tls slot becomes an attestation slot", begin, wish(kTlsSlot, 1, 3, true)},
    {"purpose 0", begin, wish(0, 0, 1, false)},
    {"unknown call", type_of, 999},
    {"attest over 31 octets", attest_with, 31},
    {"attest over no octets", attest_with, 0},
    {"attest over more octets than there are", attest_with, 0xffff},
    {"attest with the tls slot", attest_with, kTlsSlot << 17U | 32},
    {"attest with a partition's slot", attest_with, kForeignSlot << 17U | 32},
    {"attest what the service states", attest_with, 0x10040},
    {"a token that names the secure side", attest_as_the_service},
    {"read a chain beyond its end", read_chain_from, 0xfffffff0},
    {"label longer than its field", label_of, 255},
    {"sign with a partition's slot", sign_with, kForeignSlot},
    {"destroy a partition's slot", destroy, kForeignSlot},
    {"abort a partition's slot", abort_slot, kForeignSlot},
    {"replace a partition's slot", begin, wish(kForeignSlot, 1, 3, true)},
    {"take over a partition's slot", begin, wish(kForeignSlot, 3, 1, false)},
    {"erase the image that runs", erase_image, 0},
    {"erase slot 2^31", erase_image, 0x80000000},
    {"write the secure image", write_image, PEDIGREE_IMAGE_SECURE},
    {"write an image of 4 GiB", write_image, 0x10000},
    {"confirm an image that is not there", confirm_digest, 32},
    {"a list that nobody signed", write_list, 32},
    {"a list of 4 GiB", write_list, 0xffffffff},
};

}  // namespace

std::span<const Attempt> service_attempts() noexcept {
  return kAttempts;
}

}  // namespace pedigree::mps2
