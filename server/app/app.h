// SPDX-License-Identifier: Apache-2.0
// The authority as it runs: directory, registry, interface and server, put together.
#pragma once

#include <chrono>
#include <memory>

#include "server/app/directory.h"
#include "server/app/protocols.h"
#include "server/http/api.h"
#include "server/http/server.h"

namespace pedigree::app {

struct ServeOptions {
  std::filesystem::path directory;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  unsigned threads = 0;  ///< 0: as many as there are cores
  /// How often the audit log's head is signed, where it has grown; also when serving ends.
  std::chrono::milliseconds checkpoint_interval{60000};
  std::string metrics_listen;  ///< instead of [metrics] listen; empty: what the configuration says
  bool log = false;            ///< as [log] says; false: nothing is written
  /// How long what readiness found is given out again.
  std::chrono::milliseconds readiness_life{2000};
};

/// What else the log of a serving authority tells: an event and a sentence.
struct Notice {
  observe::LogLevel level = observe::LogLevel::info;
  std::string_view event;
  std::string_view detail;
};

/// A serving authority.
class App {
 public:
  /// A token that is away keeps nothing but its keys from working. Errors: those of Directory::open,
  /// Server::start and the store.
  static Answer<std::unique_ptr<App>> start(const ServeOptions& options, const SecretText& passphrase);
  /// Answers what is being worked on, writes what was submitted, closes the database.
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const;
  /// "SQLite", or "PostgreSQL" and where it is.
  [[nodiscard]] const std::string& database() const;
  /// Reads the directory anew: certificates, keys, issuers, profiles and policies. Requests in flight are
  /// answered by what took them, connections stay. Where anything is wrong, all stays as it is. Addresses,
  /// threads and the database are those of the start. Errors: those of start; bad_configuration where the
  /// root is another, or a setting changed that takes a restart.
  [[nodiscard]] Answer<void> reload(const SecretText& passphrase);
  /// Writes to the log, if there is one.
  void note(const Notice& notice);
  /// What tokens lacked when their keys were last used.
  [[nodiscard]] std::vector<TokenTrouble> token_troubles() const;
  /// Writes each of them to the log.
  void note_tokens();
  /// The protocols that are served beside /v1.
  [[nodiscard]] std::vector<ServedProtocol> protocols() const;

 private:
  struct State;
  explicit App(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The same interface without a server, and without CA keys unless a passphrase is given, for commands that
/// work on the directory itself, which may be served at the same time.
class LocalAuthority {
 public:
  /// Errors: those of Directory::open and the store.
  static Answer<std::unique_ptr<LocalAuthority>> open(const std::filesystem::path& directory,
                                                      const SecretText* passphrase = nullptr);
  ~LocalAuthority();
  LocalAuthority(const LocalAuthority&) = delete;
  LocalAuthority& operator=(const LocalAuthority&) = delete;

  /// Calls /v1 as an operator of that name and waits for the answer.
  [[nodiscard]] http::Response call(http::Method method, std::string_view target, std::string_view body,
                                    std::string who);
  /// Grants are signed from now on (POST /v1/grants). Errors: not_found where the directory has no signer of
  /// grants, those of GrantKey::open.
  [[nodiscard]] Answer<void> take_grant_signer(const SecretText& passphrase);
  /// What check_dependencies finds, without keys that are not open.
  [[nodiscard]] std::vector<http::Dependency> dependencies() const;
  [[nodiscard]] const authority::Engine& engine() const noexcept;
  [[nodiscard]] registry::Store& store() noexcept;
  [[nodiscard]] const Layout& layout() const noexcept;

 private:
  struct State;
  explicit LocalAuthority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pedigree::app
