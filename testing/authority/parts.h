// SPDX-License-Identifier: Apache-2.0
// The authority put together from its parts, with limits that a test can reach.
#pragma once

#include "server/store/sqlite_store.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {

struct Tuning {
  std::chrono::seconds io_timeout{15};
  std::chrono::seconds idle_timeout{120};
  http::ConnectionLimits connections{};
  int busy_milliseconds = 5000;
  std::int64_t max_size_octets = 0;  ///< of the database; 0: no limit
};

/// Serves a folder; any number of them may serve the same.
class TunedServer {
 public:
  /// Throws std::runtime_error where it cannot serve.
  TunedServer(const AuthorityFolder& folder, const Tuning& tuning);
  ~TunedServer();
  TunedServer(const TunedServer&) = delete;
  TunedServer& operator=(const TunedServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::unique_ptr<Client> client(const std::string& who) const {
    return std::make_unique<Client>(port(), folder_.identity(who));
  }
  [[nodiscard]] const authority::Engine& engine() const { return directory_->engine(); }

 private:
  const AuthorityFolder& folder_;
  std::unique_ptr<app::Directory> directory_;
  std::unique_ptr<registry::Store> store_;
  std::unique_ptr<http::Api> api_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace pedigree::testing
