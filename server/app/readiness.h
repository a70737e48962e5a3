// SPDX-License-Identifier: Apache-2.0
// Whether an authority can do its work, dependency by dependency, and when its certificates end.
#pragma once

#include <chrono>
#include <mutex>

#include "server/app/directory.h"
#include "server/http/audit_signer.h"
#include "server/http/health.h"

namespace pedigree::app {

/// Signs as another signer does, and remembers how that went.
class WatchedSigner final : public http::AuditSigner {
 public:
  explicit WatchedSigner(std::unique_ptr<http::AuditSigner> inner) : inner_(std::move(inner)) {}
  void sign(Done done) override;
  /// Empty: the last one went well, or there was none yet.
  [[nodiscard]] std::optional<Trouble> trouble() const;

 private:
  struct Memory {
    std::mutex mutex;
    std::optional<Trouble> trouble;
  };
  std::unique_ptr<http::AuditSigner> inner_;
  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();  // an answer may come after this has gone
};

/// The clock of a certificate: when it begins and ends.
struct Validity {
  std::string name;  ///< "root", "issuer NAME", "server", "grant signer"
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
};
/// Root, intermediates, server and signer of grants. What cannot be read is not among them.
[[nodiscard]] std::vector<Validity> validities(const Directory& directory);

/// What to see from: certificates that end within that many seconds, and disk space below these octets.
struct ReadinessLimits {
  der::UnixTime issuer_ends = 30 * 86400;
  der::UnixTime server_ends = 14 * 86400;
  std::uintmax_t disk_low = std::uintmax_t{1} << 30U;
  std::uintmax_t disk_full = std::uintmax_t{64} << 20U;
};

/// Each dependency once: database, disk, key and validity of each issuer, tokens, root, server certificate,
/// audit log. Each issuer's key signs a statement that means nothing, in a context of its own. Errors are
/// findings.
[[nodiscard]] std::vector<http::Dependency> check_dependencies(const Directory& directory,
                                                               registry::Store& store,
                                                               const WatchedSigner* signer, der::UnixTime now,
                                                               const ReadinessLimits& limits = {});

/// Keeps what a check found for a while, so that asking often costs nothing.
class CachedCheck {
 public:
  explicit CachedCheck(std::chrono::milliseconds life) : life_(life) {}
  [[nodiscard]] std::vector<http::Dependency> get(const http::Dependencies& check);

 private:
  std::chrono::milliseconds life_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point until_;
  std::vector<http::Dependency> kept_;
};

}  // namespace pedigree::app
