// SPDX-License-Identifier: Apache-2.0
#include "device/ports/qemu/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "core/bytes/writer.h"
#include "device/ports/mps2/secure/storage.h"
#include "device/service/record.h"

namespace pedigree::qemu {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
/// An emulator whose parent was killed still has the lock until it is gone itself.
constexpr auto kLockPatience = std::chrono::seconds(3);

std::unexpected<std::string> failure(const fs::path& path, const char* what) {
  return std::unexpected(path.string() + ": " + what + ": " + std::strerror(errno));
}

bool lock_in_time(int file) {
  const auto until = std::chrono::steady_clock::now() + kLockPatience;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// Wiped at its end: it holds the seed.
class NewMemory {
 public:
  NewMemory() : octets_(mps2::kFactorySeed + mps2::kFactorySeedSize, 0xff) {}
  ~NewMemory() { wipe(octets_); }
  NewMemory(const NewMemory&) = delete;
  NewMemory& operator=(const NewMemory&) = delete;
  [[nodiscard]] bool draw_seed() {
    const MutableBytes page = MutableBytes(octets_).subspan(mps2::kFactorySeed);
    const MutableBytes seed = page.subspan(4, mps2::kSeedSize);
    if (::getrandom(seed.data(), seed.size(), 0) != static_cast<ssize_t>(seed.size())) return false;
    Writer(page.first(4)).big_endian(mps2::kFactorySeedMagic, 4);
    Writer(page.last(4)).big_endian(device::crc32(page.first(page.size() - 4)), 4);
    return true;
  }
  [[nodiscard]] bool write_to(int file) const {
    for (Bytes rest = octets_; !rest.empty();) {
      const ssize_t written = ::write(file, rest.data(), rest.size());
      if (written < 0) return false;
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
    return ::ftruncate(file, static_cast<off_t>(State::kMemorySize)) == 0 && ::fsync(file) == 0;
  }

 private:
  std::vector<std::uint8_t> octets_;
};

/// Under another name first: a file `nv` is a whole one. link() does not replace.
std::expected<void, std::string> make_memory(const fs::path& path) {
  const fs::path fresh = path.string() + ".new";
  NewMemory memory;
  if (!memory.draw_seed()) return failure(path, "cannot draw a seed");
  ::unlink(fresh.c_str());
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  if (file < 0) return failure(fresh, "cannot make the storage");
  const bool written = memory.write_to(file);
  if (::close(file) != 0 || !written) return failure(fresh, "cannot write the storage");
  if (::link(fresh.c_str(), path.c_str()) != 0) return failure(path, "cannot make the storage");
  ::unlink(fresh.c_str());
  const int folder = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool durable = folder >= 0 && ::fsync(folder) == 0;
  if (folder >= 0) ::close(folder);
  if (!durable) return failure(path, "cannot make the storage durable");
  return {};
}

/// Starts a log anew.
std::expected<void, std::string> empty_log(const fs::path& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  if (file < 0) return failure(path, "cannot write");
  ::close(file);
  return {};
}

}  // namespace

State::State(State&& other) noexcept
    : folder_(std::move(other.folder_)), lock_(std::exchange(other.lock_, -1)) {}

State::~State() {
  if (lock_ >= 0) ::close(lock_);
}

std::expected<void, std::string> State::prepare_memory() const {
  struct stat facts{};
  if (::lstat(memory().c_str(), &facts) != 0) {
    if (errno != ENOENT) return failure(memory(), "cannot read");
    return make_memory(memory());
  }
  if (!S_ISREG(facts.st_mode) || static_cast<std::uintmax_t>(facts.st_size) != kMemorySize) {
    return std::unexpected(memory().string() + ": not the storage of an emulated device (a file of " +
                           std::to_string(kMemorySize) + " octets)");
  }
  return {};
}

std::expected<State, std::string> State::open(const fs::path& folder) {
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return failure(folder, "cannot make the state folder");
  }
  const fs::path absolute = fs::absolute(folder);
  const fs::path lock = absolute / "lock";
  const int file = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  if (file < 0) return failure(lock, "cannot make the lock file");
  State state(absolute, file);
  if (!lock_in_time(file)) {
    return std::unexpected(folder.string() + ": this device is already running; stop it first");
  }
  if (auto ready = state.prepare_memory(); !ready) return std::unexpected(ready.error());
  for (const fs::path& log : {state.secure_log(), state.emulator_log()}) {
    if (auto ready = empty_log(log); !ready) return std::unexpected(ready.error());
  }
  return state;
}

}  // namespace pedigree::qemu
