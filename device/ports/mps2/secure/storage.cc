// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/storage.h"

#include <new>

#include "device/ports/mps2/board.h"
#include "device/ports/mps2/trial/power_cut.h"
#include "psa/crypto.h"
#include "psa/internal_trusted_storage.h"

namespace pedigree::mps2 {
namespace {

/// The board's memory keeps what is written; programming clears bits, as flash does.
class BoardMedium final : public Medium {
 public:
  [[nodiscard]] Bytes contents() const noexcept override {
    return {reinterpret_cast<const std::uint8_t*>(kNonVolatile), 2 * kBankSize};
  }
  void program(std::size_t offset, Bytes data) noexcept override {
    const std::size_t size = octets_before_power_cut(data.size());
    for (std::size_t i = 0; i < size; ++i) octet(offset + i) = octet(offset + i) & data[i];
    cut_power_if_due();
  }
  void erase(std::size_t offset, std::size_t size) noexcept override {
    const std::size_t until = octets_before_power_cut(size);
    for (std::size_t i = 0; i < until; ++i) octet(offset + i) = 0xff;
    cut_power_if_due();
  }

 private:
  [[nodiscard]] static volatile std::uint8_t& octet(std::size_t offset) noexcept {
    return *reinterpret_cast<volatile std::uint8_t*>(kNonVolatile + offset);
  }
};

constinit BoardMedium medium;
// Made when it is mounted: initial values of its size, nearly all zeros, would stand in flash.
alignas(NvStore) constinit std::array<std::byte, sizeof(NvStore)> store_memory{};
constinit NvStore* mounted = nullptr;

psa_status_t status_of(const Result<void>& result) noexcept {
  if (result) return PSA_SUCCESS;
  switch (result.error().code) {
    case ErrorCode::not_found:
      return PSA_ERROR_DOES_NOT_EXIST;
    case ErrorCode::storage_full:
    case ErrorCode::too_long:
      return PSA_ERROR_INSUFFICIENT_STORAGE;
    default:
      return PSA_ERROR_STORAGE_FAILURE;
  }
}

}  // namespace

NvStore& store() noexcept {
  return *mounted;
}

Result<void> mount_storage() noexcept {
  mounted = new (store_memory.data()) NvStore(medium);
  return mounted->mount();
}

}  // namespace pedigree::mps2

extern "C" {

psa_status_t psa_its_set(psa_storage_uid_t uid, std::uint32_t data_length, const void* p_data,
                         psa_storage_create_flags_t create_flags) {
  if (create_flags != PSA_STORAGE_FLAG_NONE) return PSA_ERROR_NOT_SUPPORTED;
  return pedigree::mps2::status_of(
      pedigree::mps2::store().set(uid, {static_cast<const std::uint8_t*>(p_data), data_length}));
}

psa_status_t psa_its_get(psa_storage_uid_t uid, std::uint32_t data_offset, std::uint32_t data_size,
                         void* p_data, std::size_t* p_data_length) {
  const auto asset = pedigree::mps2::store().find(uid);
  if (!asset) return PSA_ERROR_DOES_NOT_EXIST;
  if (data_offset > asset->size()) return PSA_ERROR_INVALID_ARGUMENT;
  const std::size_t size = std::min<std::size_t>(data_size, asset->size() - data_offset);
  std::ranges::copy(asset->subspan(data_offset, size), static_cast<std::uint8_t*>(p_data));
  *p_data_length = size;
  return PSA_SUCCESS;
}

psa_status_t psa_its_get_info(psa_storage_uid_t uid, psa_storage_info_t* p_info) {
  const auto asset = pedigree::mps2::store().find(uid);
  if (!asset) return PSA_ERROR_DOES_NOT_EXIST;
  *p_info = {static_cast<std::uint32_t>(asset->size()), PSA_STORAGE_FLAG_NONE};
  return PSA_SUCCESS;
}

psa_status_t psa_its_remove(psa_storage_uid_t uid) {
  return pedigree::mps2::status_of(pedigree::mps2::store().remove(uid));
}

}  // extern "C"
