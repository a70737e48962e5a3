// SPDX-License-Identifier: Apache-2.0
// An authority in a folder of its own, served on a free port of the loopback address.
#pragma once

#include "server/app/app.h"
#include "server/app/init.h"
#include "server/store/sqlite_store.h"
#include "testing/authority/client.h"

namespace pedigree::testing {

inline constexpr const char* kPassphrase = "for tests only";

/// A root, "vendor" below it and "acme" below that, and TLS identities. Keys are opened by kPassphrase, most
/// with a cheap derivation. Objects that exist at one time are different authorities; those that follow one
/// another may be the same.
class AuthorityFolder {
 public:
  /// Throws std::runtime_error where it cannot be made.
  /// `database_url`: of PostgreSQL; empty: SQLite, or a database of the test's own PostgreSQL where the
  /// environment's PEDIGREE_TEST_DATABASE is "postgresql", so that the same cases run on both. `token`: the
  /// pkcs11: URI of a token that the intermediates' keys are made in; empty: they are in files.
  explicit AuthorityFolder(bool listed_only = false, const std::string& database_url = {},
                           const std::string& token = {});
  AuthorityFolder(const AuthorityFolder&) = delete;
  AuthorityFolder& operator=(const AuthorityFolder&) = delete;
  ~AuthorityFolder();
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "ca"; }
  [[nodiscard]] std::filesystem::path scratch(std::string_view name) const { return folder_ / name; }
  [[nodiscard]] app::Layout layout() const { return {path()}; }
  /// `who`: station, operator, relying-party, server; empty: no client certificate.
  [[nodiscard]] TlsFiles identity(const std::string& who) const;
  /// What the database gives for this, columns separated by '|'; an error is part of the text. SQLite by the
  /// sqlite3 command; PostgreSQL understands SQLite's octets (x'00') and hex() here too.
  [[nodiscard]] std::string sql(const std::string& query) const;
  /// Every row of every table: equal before and after what must change nothing.
  [[nodiscard]] std::string dump() const;
  [[nodiscard]] bool on_postgresql() const noexcept { return !url_.empty(); }
  [[nodiscard]] store::StoreOptions database() const { return {.file = layout().database(), .url = url_}; }

 private:
  TempDir folder_;
  std::string url_;  // empty: SQLite
  bool is_copy_ = false;
};

/// The same, serving.
class ServedAuthority : public AuthorityFolder {
 public:
  explicit ServedAuthority(bool listed_only = false, const std::string& database_url = {},
                           const std::string& token = {});
  [[nodiscard]] std::uint16_t port() const { return app_->port(); }
  [[nodiscard]] std::string url() const { return app_->url(); }
  [[nodiscard]] std::unique_ptr<Client> client(const std::string& who) const {
    return std::make_unique<Client>(port(), identity(who));
  }
  /// Runs curl against this authority as `who`; what it prints ends with the status, "\n200".
  [[nodiscard]] CommandResult curl(const std::string& who, const std::string& target,
                                   std::vector<std::string> options = {}) const;
  /// The protocols that are on, beside /v1.
  [[nodiscard]] std::vector<app::ServedProtocol> protocols() const { return app_->protocols(); }
  /// Stops, and starts on another port.
  void restart();
  void stop() { app_.reset(); }
  /// Takes the directory as it is now, while it serves.
  [[nodiscard]] bool reload() { return app_->reload(app::SecretText(kPassphrase)).has_value(); }

 private:
  std::unique_ptr<app::App> app_;
};

}  // namespace pedigree::testing
