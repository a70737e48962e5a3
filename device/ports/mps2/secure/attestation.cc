// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/attestation.h"

#include <optional>

#include "device/ports/common/initial_attestation.h"
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/gateway.h"
#include "device/ports/mps2/secure/world.h"
#include "device/service/service.h"
#include "psa/crypto.h"

namespace pedigree::mps2 {
namespace {

enum Image : std::uint8_t { kBoot, kSecureWorld, kNonSecureWorld, kImages };

/// "255.255.65535+4294967295".
constexpr std::size_t kMaxVersionText = 24;
constinit Sha256 boot_measurement{};
constinit std::array<std::array<std::uint8_t, kMaxVersionText>, update::kImages> versions{};
constinit std::array<psa_token::SoftwareComponent, kImages> components{};
constinit device::BootRecord record{};
constinit std::optional<device::InitialAttestation> attestation;
/// Who calls the service: Pedigree's partition, but while serve_attestation() runs.
constinit std::int32_t client = device::kServicePartition;

/// The boot stage cannot be replaced, and nobody has signed it: what there is of it is measured as it is.
Result<void> measure_boot(const crypto::Crypto& crypto) noexcept {
  const Bytes boot(reinterpret_cast<const std::uint8_t*>(kBootImage), reg(kBootImageEnd) - kBootImage);
  PEDIGREE_ASSIGN(boot_measurement, crypto.sha256(boot));
  components[kBoot] = {.measurement_type = "BL",
                       .measurement_value = boot_measurement,
                       .version = device::kServiceVersion,
                       .signer_id = device::kUnsigned,
                       .measurement_description = device::kMeasurementHash};
  return {};
}

void take_over(Image component, std::string_view type, const update::Measured& image,
               MutableBytes version) noexcept {
  Writer text(version);
  image::print_version(image.version, text);
  components[component] = {.measurement_type = type,
                           .measurement_value = image.digest_view(),
                           .version = as_text(text.written()),
                           .signer_id = image.signer,
                           .measurement_description = device::kMeasurementHash};
}

std::int32_t write_token(device::Message& message) noexcept {
  std::array<std::uint8_t, PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64> challenge;
  if (message.in_size(0) > challenge.size()) return PSA_ERROR_INVALID_ARGUMENT;
  const std::size_t challenge_size = message.read(0, challenge);
  std::array<std::uint8_t, PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE> token;
  std::size_t size = 0;
  const psa_status_t status = psa_initial_attest_get_token(
      challenge.data(), challenge_size, token.data(), std::min(token.size(), message.out_size(0)), &size);
  if (status == PSA_SUCCESS) message.write(0, Bytes(token).first(size));
  return status;
}

std::int32_t write_token_size(device::Message& message) noexcept {
  std::uint32_t challenge_size = 0;
  if (!read_input(message, 0, challenge_size).ok()) return PSA_ERROR_INVALID_ARGUMENT;
  if (message.out_size(0) < sizeof(std::uint32_t)) return PSA_ERROR_BUFFER_TOO_SMALL;
  std::size_t size = 0;
  const psa_status_t status = psa_initial_attest_get_token_size(challenge_size, &size);
  if (status == PSA_SUCCESS) write_output(message, 0, static_cast<std::uint32_t>(size));
  return status;
}

}  // namespace

Result<void> start_attestation(const device::Platform& platform, const crypto::Crypto& crypto,
                               const update::BootReport& report) noexcept {
  if (psa_generate_random(record.boot_seed.data(), record.boot_seed.size()) != PSA_SUCCESS) {
    return fail(ErrorCode::no_entropy);
  }
  PEDIGREE_TRY(measure_boot(crypto));
  take_over(kSecureWorld, "PRoT", report.images[update::kSecure], versions[update::kSecure]);
  const update::Measured& nonsecure = report.images[update::kNonSecure];
  take_over(kNonSecureWorld, "App", nonsecure, versions[update::kNonSecure]);
  record.components =
      std::span(components).first(nonsecure.slot == update::kNoSlot ? kNonSecureWorld : kImages);
  record.implementation_id = device::implementation_id("Pedigree reference firmware MPS2");
#ifdef PEDIGREE_MPS2_CERTIFICATION_REFERENCE
  record.certification_reference = PEDIGREE_MPS2_CERTIFICATION_REFERENCE;
#endif
#ifdef PEDIGREE_MPS2_VERIFICATION_SERVICE
  record.verification_service = PEDIGREE_MPS2_VERIFICATION_SERVICE;
#endif
  attestation.emplace(platform, crypto, record);
  return {};
}

std::int32_t serve_attestation(device::Message& message) noexcept {
  client = message.client();
  std::int32_t status = PSA_ERROR_NOT_SUPPORTED;
  if (message.type() == PEDIGREE_ATTESTATION_GET_TOKEN) status = write_token(message);
  if (message.type() == PEDIGREE_ATTESTATION_GET_TOKEN_SIZE) status = write_token_size(message);
  client = device::kServicePartition;
  return status;
}

}  // namespace pedigree::mps2

using namespace pedigree::mps2;

extern "C" {

psa_status_t psa_initial_attest_get_token(const std::uint8_t* auth_challenge, std::size_t challenge_size,
                                          std::uint8_t* token_buf, std::size_t token_buf_size,
                                          std::size_t* token_size) {
  if (!attestation) return PSA_ERROR_GENERIC_ERROR;
  return attestation->token(client, {auth_challenge, challenge_size}, {token_buf, token_buf_size},
                            *token_size);
}

psa_status_t psa_initial_attest_get_token_size(std::size_t challenge_size, std::size_t* token_size) {
  if (!attestation) return PSA_ERROR_GENERIC_ERROR;
  return attestation->token_size(client, challenge_size, *token_size);
}

}  // extern "C"
