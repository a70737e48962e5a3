// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/storage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

constexpr std::string_view kPrefix = "asset-";
constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

std::string file_name(std::uint64_t uid) {
  std::array<char, 32> name{};
  static_cast<void>(
      std::snprintf(name.data(), name.size(), "asset-%08llx", static_cast<unsigned long long>(uid)));
  return name.data();
}

std::unexpected<std::string> failure(const std::filesystem::path& path, const char* what) {
  return std::unexpected(path.string() + ": " + what + ": " + std::strerror(errno));
}

psa_status_t status_of_errno() {
  return errno == ENOSPC || errno == EDQUOT ? PSA_ERROR_INSUFFICIENT_STORAGE : PSA_ERROR_STORAGE_FAILURE;
}

bool write_all(int file, Bytes data) {
  while (!data.empty()) {
    const ssize_t written = ::write(file, data.data(), data.size());
    if (written < 0) return false;
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::expected<std::unique_ptr<Storage>, std::string> Storage::open(const std::filesystem::path& directory,
                                                                   Durability durability) {
  std::error_code error;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return failure(directory, "cannot make the state directory");
  }
  auto storage = std::make_unique<Storage>();
  storage->directory_ = directory;
  storage->durability_ = durability;
  storage->folder_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (storage->folder_ < 0) return failure(directory, "cannot open the state directory");
  storage->lock_ = ::openat(storage->folder_, "lock", O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (storage->lock_ < 0) return failure(directory, "cannot make the lock file");
  if (::flock(storage->lock_, LOCK_EX | LOCK_NB) != 0) {
    return std::unexpected(directory.string() + ": this device is already running; stop it first");
  }
  if (auto loaded = storage->load(); !loaded) return std::unexpected(loaded.error());
  return storage;
}

Storage::~Storage() {
  if (lock_ >= 0) ::close(lock_);
  if (folder_ >= 0) ::close(folder_);
}

std::expected<void, std::string> Storage::load() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix) || name.ends_with(".new")) continue;
    std::uint64_t uid = 0;
    const char* const end = name.data() + name.size();
    if (std::from_chars(name.data() + kPrefix.size(), end, uid, 16).ptr != end) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    if (!entry.is_regular_file() || !file) {
      return std::unexpected(entry.path().string() + ": this asset cannot be read");
    }
    assets_[uid] = {std::istreambuf_iterator<char>(file), {}};
  }
  if (error) return std::unexpected(directory_.string() + ": " + error.message());
  return {};
}

std::int32_t Storage::write_file(std::uint64_t uid, Bytes data) const {
  if (folder_ < 0) return PSA_SUCCESS;
  const std::string name = file_name(uid);
  const std::string fresh = name + ".new";
  const int file = ::openat(folder_, fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (file < 0) return status_of_errno();
  bool good = write_all(file, data);
  if (good && durability_ == Durability::host) good = ::fsync(file) == 0;
  // Before close() can change errno.
  const psa_status_t written = good ? PSA_SUCCESS : status_of_errno();
  const bool closed = ::close(file) == 0;
  if (!good) return written;
  good = closed && ::renameat(folder_, fresh.c_str(), folder_, name.c_str()) == 0;
  if (good && durability_ == Durability::host) good = ::fsync(folder_) == 0;
  return good ? PSA_SUCCESS : status_of_errno();
}

std::int32_t Storage::remove_file(std::uint64_t uid) const {
  if (folder_ < 0) return PSA_SUCCESS;
  if (::unlinkat(folder_, file_name(uid).c_str(), 0) != 0 && errno != ENOENT) return status_of_errno();
  if (durability_ == Durability::host && ::fsync(folder_) != 0) return status_of_errno();
  return PSA_SUCCESS;
}

std::int32_t Storage::set(std::uint64_t uid, Bytes data) {
  if (hook_) {
    if (const psa_status_t status = hook_(Write::set, uid); status != PSA_SUCCESS) return status;
  }
  if (const psa_status_t status = write_file(uid, data); status != PSA_SUCCESS) return status;
  assets_[uid].assign(data.begin(), data.end());
  return PSA_SUCCESS;
}

std::int32_t Storage::remove(std::uint64_t uid) {
  const auto found = assets_.find(uid);
  if (found == assets_.end()) return PSA_ERROR_DOES_NOT_EXIST;
  if (hook_) {
    if (const psa_status_t status = hook_(Write::remove, uid); status != PSA_SUCCESS) return status;
  }
  if (const psa_status_t status = remove_file(uid); status != PSA_SUCCESS) return status;
  wipe(found->second);
  assets_.erase(found);
  return PSA_SUCCESS;
}

const std::vector<std::uint8_t>* Storage::find(std::uint64_t uid) const {
  const auto found = assets_.find(uid);
  return found == assets_.end() ? nullptr : &found->second;
}

}  // namespace pedigree::sim
