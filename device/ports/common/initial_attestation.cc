// SPDX-License-Identifier: Apache-2.0
#include "device/ports/common/initial_attestation.h"

#include "core/cose/cose.h"
#include "psa/crypto.h"

namespace pedigree::device {
namespace {

bool is_challenge_size(std::size_t size) noexcept {
  return size == PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32 || size == PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48 ||
         size == PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64;
}

/// The state in the claim's high octet (RFC 9783 4.3.1).
std::uint16_t lifecycle_claim(enrol::Lifecycle lifecycle) noexcept {
  return static_cast<std::uint16_t>(static_cast<unsigned>(lifecycle) << 12U);
}

/// Octets of a COSE_Sign1 besides its payload: tag, array, {1: -7}, {}, two string heads, ES256 signature.
constexpr std::size_t kEnvelope = 1 + 1 + 4 + 1 + 3 + 2 + 64;

}  // namespace

void InitialAttestation::write_payload(std::int32_t client, Bytes challenge, Writer& out) const noexcept {
  psa_token::write_claims({.nonce = challenge,
                           .instance_id = platform_.device_id,
                           .implementation_id = record_.implementation_id,
                           .client_id = client,
                           .security_lifecycle = lifecycle_claim(platform_.lifecycle),
                           .boot_seed = record_.boot_seed,
                           .certification_reference = record_.certification_reference,
                           .verification_service = record_.verification_service,
                           .software_components = record_.components,
                           .entropy = static_cast<std::uint8_t>(platform_.entropy)},
                          out);
}

psa_status_t InitialAttestation::token(std::int32_t client, Bytes challenge, MutableBytes out,
                                       std::size_t& size) noexcept {
  if (!is_challenge_size(challenge.size())) return PSA_ERROR_INVALID_ARGUMENT;
  Writer payload(payload_);
  write_payload(client, challenge, payload);
  if (!payload.fits()) return PSA_ERROR_GENERIC_ERROR;
  cose::Sign1Fields fields;
  fields.payload = payload.written();
  const auto token =
      cose::write_sign1(crypto_, fields, {crypto::KeyType::p256, platform_.builtin_iak}, token_);
  if (!token) return PSA_ERROR_GENERIC_ERROR;
  if (token->size() > out.size()) return PSA_ERROR_BUFFER_TOO_SMALL;
  std::copy(token->begin(), token->end(), out.begin());
  size = token->size();
  return PSA_SUCCESS;
}

psa_status_t InitialAttestation::token_size(std::int32_t client, std::size_t challenge_size,
                                            std::size_t& size) const noexcept {
  if (!is_challenge_size(challenge_size)) return PSA_ERROR_INVALID_ARGUMENT;
  constexpr std::array<std::uint8_t, PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64> kAny{};
  Writer payload;
  write_payload(client, Bytes(kAny).first(challenge_size), payload);
  if (payload.size() > payload_.size()) return PSA_ERROR_GENERIC_ERROR;
  size = payload.size() + kEnvelope;
  return PSA_SUCCESS;
}

}  // namespace pedigree::device
