// SPDX-License-Identifier: Apache-2.0
// What a station must not forget: an append-only file of JSON lines, each after its CRC-32, made durable
// before append() returns. A line that was torn by a crash is dropped at the next start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "station/link/failure.h"

namespace pedigree::station {

/// One line. Empty members are not written.
struct JournalEntry {
  enum class Event : std::uint8_t {
    key,       ///< the device made or showed its pending key: slot, key
    issued,    ///< the authority answered: nonce, serial, chain, authority, issuer
    rejected,  ///< the device refused that chain: message
    receipt,   ///< the device committed: nonce, serial, receipt, chain_sha256
    done,      ///< the authority took the receipt
    refused,   ///< the authority refused: message
  };
  Event event{};
  std::int64_t time = 0;  ///< seconds since 1970
  std::string device{};   ///< hex
  std::string profile{};
  std::uint32_t slot = 0;
  std::string key{};           ///< hex of SHA-256 of the SPKI
  std::string nonce{};         ///< hex
  std::string serial{};        ///< hex
  std::string chain_sha256{};  ///< hex, of the chain as on the wire
  std::string authority{};
  std::string issuer{};
  std::string message{};
  std::vector<std::vector<std::uint8_t>> chain{};  ///< DER, leaf first
  std::vector<std::uint8_t> receipt{};
  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

/// The line of an entry: 8 hex digits of CRC-32, a blank, JSON, newline.
[[nodiscard]] std::string journal_line(const JournalEntry& entry);

struct JournalContent {
  std::vector<JournalEntry> entries{};
  std::size_t good = 0;  ///< octets up to the end of the last good line; the rest was torn
};
/// Reads a journal. Errors: journal_corrupt (offset) where a damaged line stands before a good one: that is
/// not a torn end.
[[nodiscard]] Result<JournalContent> parse_journal(std::string_view text);

/// What the journal knows of one unit and profile: the sum of its entries.
struct UnitRecord {
  std::string device{};
  std::string profile{};
  std::uint32_t slot = 0;
  std::string key{};
  std::string nonce{};
  std::string serial{};
  std::string chain_sha256{};
  std::string authority{};
  std::string issuer{};
  std::vector<std::vector<std::uint8_t>> chain{};  ///< empty: none issued, or refused by the device
  std::vector<std::uint8_t> receipt{};             ///< empty: not committed
  bool done = false;
  std::string message{};  ///< of the last refusal; empty after progress
};

/// Usable from several threads; appends of different threads share one fsync.
class Journal {
 public:
  /// Opens or makes `folder`/journal.jsonl, cuts off a torn end, and locks it against a second station.
  /// Failures: io_failure, journal_corrupt.
  [[nodiscard]] static Outcome<std::unique_ptr<Journal>> open(const std::string& folder);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Durable when it returns; `time` is filled in. Failures: io_failure; all later appends then fail too.
  [[nodiscard]] Outcome<void> append(JournalEntry entry);
  /// Held by whoever works on a device: two lines may lead to one.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&& other) noexcept
        : journal_(std::exchange(other.journal_, nullptr)), device_(std::move(other.device_)) {}
    Claim& operator=(Claim&& other) noexcept {
      std::swap(journal_, other.journal_);
      std::swap(device_, other.device_);
      return *this;
    }
    ~Claim();

   private:
    friend class Journal;
    Claim(Journal& journal, std::string device) : journal_(&journal), device_(std::move(device)) {}
    Journal* journal_ = nullptr;
    std::string device_;
  };
  /// Waits until nobody else holds the device. The claim must not outlive the journal.
  [[nodiscard]] Claim claim(const std::string& device);

  [[nodiscard]] std::optional<UnitRecord> find(const std::string& device, const std::string& profile) const;
  [[nodiscard]] std::vector<UnitRecord> units() const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  Journal(std::string path, int file);
  struct Sync;
  void apply(const JournalEntry& entry);
  bool write_out(const std::string& lines) const;

  const std::string path_;
  const int file_;
  mutable std::mutex mutex_;
  std::unique_ptr<Sync> sync_;
  std::set<std::string> claimed_;
  std::map<std::pair<std::string, std::string>, UnitRecord> units_;
};

/// Reads the units of a journal without locking it, for `status`. Failures: io_failure, journal_corrupt.
[[nodiscard]] Outcome<std::vector<UnitRecord>> read_units(const std::string& folder);

}  // namespace pedigree::station
