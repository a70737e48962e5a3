// SPDX-License-Identifier: Apache-2.0
// psa_its_* for all simulated devices of the process. They take the place of the library's own, so that the
// key store of Mbed TLS writes to the device that the key belongs to.
#include "psa/internal_trusted_storage.h"

#include "device/ports/sim/storage.h"
#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

/// Index = number of the device; 0 is none. Mbed TLS 2.28's PSA has one key store for a process, and so this
/// is one table for a process, used by the thread that runs the devices.
std::vector<Storage*>& storages() {
  static std::vector<Storage*> table(1, nullptr);
  return table;
}

Storage* storage_of(psa_storage_uid_t uid) {
  const auto device = static_cast<std::size_t>((uid & 0xffffffffU) >> kIdBits);
  return device < storages().size() ? storages()[device] : nullptr;
}

}  // namespace

std::uint32_t attach_storage(Storage& storage) {
  auto& table = storages();
  for (std::size_t device = 1; device < table.size(); ++device) {
    if (table[device] == nullptr) {
      table[device] = &storage;
      return static_cast<std::uint32_t>(device);
    }
  }
  table.push_back(&storage);
  return static_cast<std::uint32_t>(table.size() - 1);
}

void detach_storage(std::uint32_t device) {
  storages()[device] = nullptr;
}

}  // namespace pedigree::sim

using pedigree::sim::local_uid;
using pedigree::sim::Storage;
using pedigree::sim::storage_of;

extern "C" {

psa_status_t psa_its_set(psa_storage_uid_t uid, std::uint32_t data_length, const void* p_data,
                         psa_storage_create_flags_t create_flags) {
  if (create_flags != PSA_STORAGE_FLAG_NONE) return PSA_ERROR_NOT_SUPPORTED;
  Storage* const storage = storage_of(uid);
  if (storage == nullptr) return PSA_ERROR_NOT_PERMITTED;
  return storage->set(local_uid(uid), {static_cast<const std::uint8_t*>(p_data), data_length});
}

psa_status_t psa_its_get(psa_storage_uid_t uid, std::uint32_t data_offset, std::uint32_t data_size,
                         void* p_data, std::size_t* p_data_length) {
  const Storage* const storage = storage_of(uid);
  const auto* const asset = storage == nullptr ? nullptr : storage->find(local_uid(uid));
  if (asset == nullptr) return PSA_ERROR_DOES_NOT_EXIST;
  if (data_offset > asset->size()) return PSA_ERROR_INVALID_ARGUMENT;
  const std::size_t size = std::min<std::size_t>(data_size, asset->size() - data_offset);
  std::copy_n(asset->begin() + data_offset, size, static_cast<std::uint8_t*>(p_data));
  *p_data_length = size;
  return PSA_SUCCESS;
}

psa_status_t psa_its_get_info(psa_storage_uid_t uid, psa_storage_info_t* p_info) {
  const Storage* const storage = storage_of(uid);
  const auto* const asset = storage == nullptr ? nullptr : storage->find(local_uid(uid));
  if (asset == nullptr) return PSA_ERROR_DOES_NOT_EXIST;
  *p_info = {static_cast<std::uint32_t>(asset->size()), PSA_STORAGE_FLAG_NONE};
  return PSA_SUCCESS;
}

psa_status_t psa_its_remove(psa_storage_uid_t uid) {
  Storage* const storage = storage_of(uid);
  if (storage == nullptr) return PSA_ERROR_DOES_NOT_EXIST;
  return storage->remove(local_uid(uid));
}

}  // extern "C"
