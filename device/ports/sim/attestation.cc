// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/attestation.h"

#include <fstream>
#include <vector>

#include "device/service/service.h"
#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

/// Like the key store, for the one thread that runs the devices (its.cc).
struct Caller {
  Attestation* attestation = nullptr;
  std::int32_t client = 0;
};

Caller& caller() {
  static Caller instance;
  return instance;
}

/// SHA-256 of the running program's file; zeros where it cannot be read.
const Sha256& measurement(const crypto::Crypto& crypto) {
  static const Sha256 value = [&crypto] {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::vector<char> octets{std::istreambuf_iterator<char>(file), {}};
    const auto hash = crypto.sha256(as_bytes({octets.data(), octets.size()}));
    return hash && !octets.empty() ? *hash : Sha256{};
  }();
  return value;
}

}  // namespace

std::unique_ptr<Attestation> Attestation::boot(const device::Platform& platform, const crypto::Crypto& crypto,
                                               const AttestationOptions& options) {
  std::unique_ptr<Attestation> made(new Attestation(platform, crypto));
  device::BootRecord& record = made->record_;
  if (psa_generate_random(record.boot_seed.data(), record.boot_seed.size()) != PSA_SUCCESS) return nullptr;
  record.implementation_id = device::implementation_id("Pedigree simulated device");
  record.certification_reference = options.certification_reference;
  record.verification_service = options.verification_service;
  return made;
}

/// The program is measured when a token is first asked for: most processes with a device make none.
device::InitialAttestation& Attestation::service() {
  component_ = {.measurement_type = "PRoT",
                .measurement_value = measurement(crypto_),
                .version = device::kServiceVersion,
                .signer_id = device::kUnsigned,
                .measurement_description = device::kMeasurementHash};
  record_.components = {&component_, 1};
  return service_;
}

AttestationCaller::AttestationCaller(Attestation* attestation, std::int32_t client) noexcept
    : attestation_before_(caller().attestation), client_before_(caller().client) {
  caller() = {attestation, client};
}

AttestationCaller::~AttestationCaller() {
  caller() = {attestation_before_, client_before_};
}

}  // namespace pedigree::sim

using pedigree::sim::caller;

extern "C" {

psa_status_t psa_initial_attest_get_token(const std::uint8_t* auth_challenge, std::size_t challenge_size,
                                          std::uint8_t* token_buf, std::size_t token_buf_size,
                                          std::size_t* token_size) {
  if (caller().attestation == nullptr) return PSA_ERROR_GENERIC_ERROR;
  return caller().attestation->service().token(caller().client, {auth_challenge, challenge_size},
                                               {token_buf, token_buf_size}, *token_size);
}

psa_status_t psa_initial_attest_get_token_size(std::size_t challenge_size, std::size_t* token_size) {
  if (caller().attestation == nullptr) return PSA_ERROR_GENERIC_ERROR;
  return caller().attestation->service().token_size(caller().client, challenge_size, *token_size);
}

}  // extern "C"
