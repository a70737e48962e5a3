// SPDX-License-Identifier: Apache-2.0
#include "station/flow/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace pedigree::station {

// One thread writes for all that wait: the others' lines go out with the next round.
struct Journal::Sync {
  std::condition_variable changed;  // lines are durable, or a device was let go
  std::string lines;
  std::uint64_t queued = 0;
  std::uint64_t durable = 0;
  bool writing = false;
  bool failed = false;
};

namespace {

std::unexpected<Failure> io_fault(const std::string& path, int error) {
  return failed_with(Side::station, ErrorCode::io_failure,
                     fmt::format("the journal {}: {}", path, std::strerror(error)));
}

Outcome<std::string> read_all(int file, const std::string& path) {
  std::string text;
  char block[65536];
  for (;;) {
    const ssize_t got = ::read(file, block, sizeof block);
    if (got < 0) return io_fault(path, errno);
    if (got == 0) return text;
    text.append(block, static_cast<std::size_t>(got));
  }
}

Outcome<JournalContent> content_of(const std::string& text, const std::string& path) {
  auto content = parse_journal(text);
  if (!content) {
    return failed_with(
        Side::station, ErrorCode::journal_corrupt,
        fmt::format("the journal {} is damaged at offset {}; restore it, or start a new folder: the "
                    "devices and the authority know what was done",
                    path, content.error().offset));
  }
  return *std::move(content);
}

void add(UnitRecord& unit, const JournalEntry& entry) {
  unit.device = entry.device;
  unit.profile = entry.profile;
  if (entry.slot != 0) unit.slot = entry.slot;
  switch (entry.event) {
    case JournalEntry::Event::key:
      if (unit.key != entry.key)
        unit = {.device = entry.device, .profile = entry.profile, .slot = entry.slot};
      unit.key = entry.key;
      break;
    case JournalEntry::Event::issued:
      unit.nonce = entry.nonce;
      unit.serial = entry.serial;
      unit.chain = entry.chain;
      unit.chain_sha256 = entry.chain_sha256;
      unit.authority = entry.authority;
      unit.issuer = entry.issuer;
      unit.receipt.clear();
      unit.done = false;
      break;
    case JournalEntry::Event::rejected:
      unit.chain.clear();
      break;
    case JournalEntry::Event::receipt:
      unit.nonce = entry.nonce;
      unit.serial = entry.serial;
      unit.chain_sha256 = entry.chain_sha256;
      if (!entry.chain.empty()) unit.chain = entry.chain;
      unit.receipt = entry.receipt;
      unit.done = false;
      break;
    case JournalEntry::Event::done:
      unit.done = true;
      break;
    case JournalEntry::Event::refused:
      break;
  }
  unit.message = entry.message;
}

}  // namespace

Outcome<std::unique_ptr<Journal>> Journal::open(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return io_fault(folder, error.value());
  const std::string path = folder + "/journal.jsonl";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return io_fault(path, errno);
  std::unique_ptr<Journal> journal(new Journal(path, file));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    return failed_with(
        Side::station, ErrorCode::io_failure,
        fmt::format("the journal {} is in use by another station; give each a folder of its own", path));
  }
  STATION_ASSIGN(const std::string text, read_all(file, path));
  STATION_ASSIGN(const JournalContent content, content_of(text, path));
  if (content.good < text.size() && ::ftruncate(file, static_cast<off_t>(content.good)) != 0) {
    return io_fault(path, errno);
  }
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool durable = directory >= 0 && ::fsync(directory) == 0 && ::fsync(file) == 0;
  const int fault = errno;
  if (directory >= 0) ::close(directory);
  if (!durable) return io_fault(path, fault);
  for (const JournalEntry& entry : content.entries) journal->apply(entry);
  return journal;
}

Journal::Journal(std::string path, int file)
    : path_(std::move(path)), file_(file), sync_(std::make_unique<Sync>()) {}

Journal::~Journal() {
  ::close(file_);
}

void Journal::apply(const JournalEntry& entry) {
  add(units_[{entry.device, entry.profile}], entry);
}

bool Journal::write_out(const std::string& lines) const {
  for (std::size_t written = 0; written < lines.size();) {
    const ssize_t count = ::write(file_, lines.data() + written, lines.size() - written);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  return ::fdatasync(file_) == 0;
}

Outcome<void> Journal::append(JournalEntry entry) {
  entry.time = std::time(nullptr);
  std::unique_lock lock(mutex_);
  sync_->lines += journal_line(entry);
  const std::uint64_t mine = ++sync_->queued;
  while (sync_->durable < mine && !sync_->failed) {
    if (sync_->writing) {
      sync_->changed.wait(lock);
      continue;
    }
    sync_->writing = true;
    const std::string lines = std::exchange(sync_->lines, {});
    const std::uint64_t last = sync_->queued;
    lock.unlock();
    const bool written = write_out(lines);
    lock.lock();
    sync_->writing = false;
    if (written) sync_->durable = last;
    sync_->failed = sync_->failed || !written;
    sync_->changed.notify_all();
  }
  if (sync_->durable < mine) {
    return failed_with(Side::station, ErrorCode::io_failure,
                       fmt::format("the journal {} cannot be written; is the disk full?", path_));
  }
  apply(entry);
  return {};
}

Journal::Claim Journal::claim(const std::string& device) {
  std::unique_lock lock(mutex_);
  sync_->changed.wait(lock, [&] { return !claimed_.contains(device); });
  claimed_.insert(device);
  return {*this, device};
}

Journal::Claim::~Claim() {
  if (journal_ == nullptr) return;
  {
    const std::lock_guard lock(journal_->mutex_);
    journal_->claimed_.erase(device_);
  }
  journal_->sync_->changed.notify_all();
}

std::optional<UnitRecord> Journal::find(const std::string& device, const std::string& profile) const {
  const std::lock_guard lock(mutex_);
  const auto found = units_.find({device, profile});
  return found == units_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<UnitRecord> Journal::units() const {
  const std::lock_guard lock(mutex_);
  std::vector<UnitRecord> all;
  for (const auto& [key, unit] : units_) all.push_back(unit);
  return all;
}

Outcome<std::vector<UnitRecord>> read_units(const std::string& folder) {
  const std::string path = folder + "/journal.jsonl";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return io_fault(path, errno);
  auto text = read_all(file, path);
  ::close(file);
  if (!text) return std::unexpected(std::move(text).error());
  STATION_ASSIGN(const JournalContent content, content_of(*text, path));
  std::map<std::pair<std::string, std::string>, UnitRecord> units;
  for (const JournalEntry& entry : content.entries) add(units[{entry.device, entry.profile}], entry);
  std::vector<UnitRecord> all;
  for (auto& [key, unit] : units) all.push_back(std::move(unit));
  return all;
}

}  // namespace pedigree::station
