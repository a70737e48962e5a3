// SPDX-License-Identifier: Apache-2.0
#include "device/ports/tfm/check/framework.h"

#include <algorithm>
#include <cstring>

#include "crypto/psa/psa_crypto.h"
#include "device/ports/common/builtin_keys.h"
#include "device/ports/tfm/partition.h"
#include "psa/crypto.h"
#include "psa/internal_trusted_storage.h"
#include "tfm_builtin_key_ids.h"

namespace pedigree::tfm {
namespace {

constexpr psa_handle_t kMessage = 0x1234;

/// The vectors of the call under way.
struct Call {
  std::vector<std::vector<std::uint8_t>> in;  ///< what is left of them
  std::vector<std::vector<std::uint8_t>> out;
  std::vector<std::size_t> room;
};
Call* current = nullptr;

void fault(std::string what) {
  framework().faults.push_back(std::move(what));
}

std::vector<std::uint8_t>* asset(psa_storage_uid_t uid) {
  const auto found = framework().assets.find(uid);
  return found == framework().assets.end() ? nullptr : &found->second;
}

/// The platform's attestation service, with keys and identity of its own.
struct Attester {
  device::Platform platform;
  crypto::PsaCrypto crypto;
  std::array<std::uint8_t, 32> measurement{1};
  psa_token::SoftwareComponent spe{.measurement_type = "SPE",
                                   .measurement_value = measurement,
                                   .version = "1.0.0",
                                   .signer_id = measurement,
                                   .measurement_description = "sha-256"};
  device::BootRecord record{.components = {&spe, 1}};
  device::InitialAttestation service{platform, crypto, record};
};

Attester& attester() {
  static Attester instance;
  return instance;
}

}  // namespace

Framework& framework() {
  static Framework instance;
  return instance;
}

void manufacture() {
  framework() = {};
  static_cast<void>(psa_crypto_init());
  auto& made = attester();
  made.platform.hardware_unique_key = TFM_BUILTIN_KEY_ID_HUK;
  made.platform.builtin_iak = TFM_BUILTIN_KEY_ID_IAK;
  for (std::uint32_t key = 0; key < 0x20; ++key) psa_destroy_key(PEDIGREE_KEY_BASE + key);
  if (!device::make_builtin_keys(made.platform)) fault("the built-in keys could not be made");
  const auto id = device::read_device_id(made.platform.builtin_iak, made.crypto);
  if (id) made.platform.device_id = *id;
  if (pedigree_partition_init() != PSA_SUCCESS) fault("the partition did not start");
}

}  // namespace pedigree::tfm

using namespace pedigree;
using pedigree::tfm::framework;

extern "C" {

psa_status_t psa_call(psa_handle_t /*handle*/, std::int32_t type, const psa_invec* in_vec, std::size_t in_len,
                      psa_outvec* out_vec, std::size_t out_len) {
  if (in_len + out_len > PSA_MAX_IOVEC) return PSA_ERROR_PROGRAMMER_ERROR;
  tfm::Call call;
  psa_msg_t message{};
  message.type = type;
  message.handle = tfm::kMessage;
  message.client_id = framework().client;
  for (std::size_t i = 0; i < in_len; ++i) {
    const auto* const base = static_cast<const std::uint8_t*>(in_vec[i].base);
    call.in.emplace_back(base, base + in_vec[i].len);
    message.in_size[i] = in_vec[i].len;
  }
  for (std::size_t i = 0; i < out_len; ++i) {
    call.out.emplace_back();
    call.room.push_back(out_vec[i].len);
    message.out_size[i] = out_vec[i].len;
  }
  framework().reads = 0;
  tfm::current = &call;
  const psa_status_t status = pedigree_service_sfn(&message);
  tfm::current = nullptr;
  // As psa_reply does whatever the status is: what was written is the caller's.
  for (std::size_t i = 0; i < out_len; ++i) {
    std::ranges::copy(call.out[i], static_cast<std::uint8_t*>(out_vec[i].base));
    out_vec[i].len = call.out[i].size();
  }
  return status;
}

std::size_t psa_read(psa_handle_t msg_handle, std::uint32_t invec_idx, void* buffer, std::size_t num_bytes) {
  if (msg_handle != tfm::kMessage || tfm::current == nullptr || invec_idx >= PSA_MAX_IOVEC) {
    tfm::fault("psa_read of no message or vector");
    return 0;
  }
  ++framework().reads;
  if (invec_idx >= tfm::current->in.size()) return 0;
  auto& left = tfm::current->in[invec_idx];
  const std::size_t size = std::min(num_bytes, left.size());
  std::copy_n(left.begin(), size, static_cast<std::uint8_t*>(buffer));
  left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(size));
  return size;
}

void psa_write(psa_handle_t msg_handle, std::uint32_t outvec_idx, const void* buffer, std::size_t num_bytes) {
  if (msg_handle != tfm::kMessage || tfm::current == nullptr || outvec_idx >= tfm::current->out.size()) {
    return tfm::fault("psa_write to no message or vector");
  }
  auto& out = tfm::current->out[outvec_idx];
  if (num_bytes > tfm::current->room[outvec_idx] - out.size()) {
    return tfm::fault("psa_write beyond the caller's vector");
  }
  const auto* const octets = static_cast<const std::uint8_t*>(buffer);
  out.insert(out.end(), octets, octets + num_bytes);
}

psa_status_t psa_initial_attest_get_token(const std::uint8_t* auth_challenge, std::size_t challenge_size,
                                          std::uint8_t* token_buf, std::size_t token_buf_size,
                                          std::size_t* token_size) {
  if (framework().attestation != PSA_SUCCESS) return framework().attestation;
  auto& attester = tfm::attester();
  attester.platform.lifecycle = framework().lifecycle;
  constexpr std::int32_t kPid = 1280;
  return attester.service.token(kPid, {auth_challenge, challenge_size}, {token_buf, token_buf_size},
                                *token_size);
}

psa_status_t psa_its_set(psa_storage_uid_t uid, std::uint32_t data_length, const void* p_data,
                         psa_storage_create_flags_t /*create_flags*/) {
  const auto* const octets = static_cast<const std::uint8_t*>(p_data);
  framework().assets[uid].assign(octets, octets + data_length);
  return PSA_SUCCESS;
}

psa_status_t psa_its_get(psa_storage_uid_t uid, std::uint32_t data_offset, std::uint32_t data_length,
                         void* p_data, std::size_t* p_data_length) {
  const auto* const stored = tfm::asset(uid);
  if (stored == nullptr) return PSA_ERROR_DOES_NOT_EXIST;
  if (data_offset > stored->size()) return PSA_ERROR_INVALID_ARGUMENT;
  *p_data_length = std::min<std::size_t>(data_length, stored->size() - data_offset);
  std::copy_n(stored->begin() + data_offset, *p_data_length, static_cast<std::uint8_t*>(p_data));
  return PSA_SUCCESS;
}

psa_status_t psa_its_get_info(psa_storage_uid_t uid, psa_storage_info_t* p_info) {
  const auto* const stored = tfm::asset(uid);
  if (stored == nullptr) return PSA_ERROR_DOES_NOT_EXIST;
  *p_info = {};
  p_info->size = static_cast<std::uint32_t>(stored->size());
  return PSA_SUCCESS;
}

psa_status_t psa_its_remove(psa_storage_uid_t uid) {
  return framework().assets.erase(uid) == 1 ? PSA_SUCCESS : PSA_ERROR_DOES_NOT_EXIST;
}

}  // extern "C"
