// SPDX-License-Identifier: Apache-2.0
// A real PostgreSQL server of the test's own: a socket in its own folder, no TCP; it ends with the test.
#pragma once

#include <memory>

#include "testing/support/process.h"

namespace pedigree::testing {

class PostgresServer {
 public:
  /// Makes a cluster and starts it; as "nobody" where the test runs as root, which PostgreSQL refuses.
  /// `settings` are further ones of postgresql.conf. Throws std::runtime_error with what it said where that
  /// fails.
  explicit PostgresServer(const std::vector<std::string>& settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// The one that all cases of a test program share.
  static PostgresServer& shared();

  /// The URL of a new, empty database.
  [[nodiscard]] std::string create_database();
  /// The same, with all that another one has (by its URL), which nobody may be connected to.
  [[nodiscard]] std::string copy_database(const std::string& url);
  /// Runs SQL on a database; what it gives, columns separated by '|', rows by line ends. Throws where it
  /// fails.
  [[nodiscard]] std::string sql(const std::string& url, const std::string& text) const;

  /// CPU time of all its processes so far, in seconds.
  [[nodiscard]] double cpu_seconds() const;

  /// Ends without a word to its clients, as a machine does that loses its power.
  void crash();
  /// Ends in order, which waits for nobody.
  void stop();
  /// Starts again what was stopped. Throws as the constructor does.
  void start();

 private:
  [[nodiscard]] std::vector<std::string> as_server(const std::string& program) const;
  void end(int signal);

  TempDir folder_;
  std::vector<std::string> settings_;
  std::unique_ptr<Process> process_;
  int databases_ = 0;
};

}  // namespace pedigree::testing
