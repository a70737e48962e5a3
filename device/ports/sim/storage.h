// SPDX-License-Identifier: Apache-2.0
// One simulated device's internal trusted storage: assets in memory, each also a file of the state directory
// unless the storage lives in memory only. Mbed TLS's key store writes here too (its.cc).
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::sim {

/// What a written asset survives.
enum class Durability : std::uint8_t {
  process,  ///< the end of the process at any instant (the simulated power cut): rename, no flush
  host,     ///< a power cut of the host too: fsync of file and folder for each write
};

class Storage {
 public:
  enum class Write : std::uint8_t { set, remove };
  /// Asked before each write; returns 0 to let it happen, or the psa_status_t with which it fails. Tests cut
  /// the power here.
  using Hook = std::function<std::int32_t(Write, std::uint64_t uid)>;

  /// Storage without files, for tests.
  Storage() = default;
  /// Opens or makes a state directory (mode 0700) and locks it. Errors: a sentence, also when another process
  /// or device has it open.
  [[nodiscard]] static std::expected<std::unique_ptr<Storage>, std::string> open(
      const std::filesystem::path& directory, Durability durability);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// PSA storage semantics; statuses are psa_status_t. A set is atomic.
  [[nodiscard]] std::int32_t set(std::uint64_t uid, Bytes data);
  [[nodiscard]] std::int32_t remove(std::uint64_t uid);
  /// The asset, borrowed until the next write; null where there is none.
  [[nodiscard]] const std::vector<std::uint8_t>* find(std::uint64_t uid) const;

  void set_hook(Hook hook) { hook_ = std::move(hook); }
  /// All assets, for tests that compare or damage them.
  [[nodiscard]] std::map<std::uint64_t, std::vector<std::uint8_t>>& assets() noexcept { return assets_; }

 private:
  [[nodiscard]] std::int32_t write_file(std::uint64_t uid, Bytes data) const;
  [[nodiscard]] std::int32_t remove_file(std::uint64_t uid) const;
  [[nodiscard]] std::expected<void, std::string> load();

  std::filesystem::path directory_;
  Durability durability_ = Durability::process;
  int folder_ = -1;  ///< descriptor of the state directory
  int lock_ = -1;
  Hook hook_;
  std::map<std::uint64_t, std::vector<std::uint8_t>> assets_;
};

/// Every simulated device has 4096 PSA key identifiers and as many storage identifiers of each kind: those
/// whose bits 12 to 29 are its number. Below, `local` is the identifier without that number.
inline constexpr std::uint32_t kIdBits = 12;
[[nodiscard]] constexpr std::uint32_t key_id(std::uint32_t device, std::uint32_t local) noexcept {
  return (device << kIdBits) | local;
}
/// Storage identifiers that are not keys'.
[[nodiscard]] constexpr std::uint64_t storage_uid(std::uint32_t device, std::uint32_t local) noexcept {
  return (std::uint64_t{1} << 32U) | key_id(device, local);
}
/// The identifier within the device's own storage.
[[nodiscard]] constexpr std::uint64_t local_uid(std::uint64_t uid) noexcept {
  return ((uid >> 32U) << kIdBits) | (uid & ((1U << kIdBits) - 1));
}

/// Gives the storage of a new device a number from 1 on, under which psa_its_* finds it; and takes it back.
[[nodiscard]] std::uint32_t attach_storage(Storage& storage);
void detach_storage(std::uint32_t device);

}  // namespace pedigree::sim
