// SPDX-License-Identifier: Apache-2.0
// cfssl with SQLite, served over HTTPS with client certificates: what others reach at the same task.
#pragma once

#include "bench/https_load.h"
#include "testing/support/process.h"

namespace pedigree::bench {

class CfsslPeer {
 public:
  /// How its SQLite commits: as cfssl's own migrations leave a database, or with a log, which they do not
  /// know of and which makes it several times as fast.
  enum class Journal : std::uint8_t { as_created, write_ahead };

  /// Makes a CA, a database and identities in a folder of its own, and starts cfssl from Debian's
  /// golang-cfssl. Throws std::runtime_error where it does not come up.
  explicit CfsslPeer(Journal journal);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] testing::TlsFiles client() const;
  /// Seconds of CPU time so far.
  [[nodiscard]] double cpu_seconds() const { return process_->cpu_milliseconds() / 1000; }
  /// Rows of its database.
  [[nodiscard]] std::size_t certificates() const;

 private:
  testing::TempDir folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<testing::Process> process_;
};

/// The body that cfssl takes for a request in DER.
[[nodiscard]] std::string cfssl_request(Bytes request);

}  // namespace pedigree::bench
