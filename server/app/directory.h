// SPDX-License-Identifier: Apache-2.0
// An authority's directory, read: configuration, certificates, keys, and the engine over them.
#pragma once

#include <memory>

#include "authority/engine.h"
#include "server/app/files.h"
#include "server/http/server.h"

namespace pedigree::app {

/// authority.toml and policy.toml. Errors: io_failure, bad_configuration, with the file's name.
[[nodiscard]] Answer<authority::Config> read_settings(const Layout& layout);

/// Why an intermediate whose key is in a token cannot sign for the moment.
struct TokenTrouble {
  std::string token;        ///< its label
  std::string issuer;       ///< the intermediate's name
  std::string_view reason;  ///< a sentence about the token. Static storage
};

class Directory {
 public:
  /// Signatures are counted in `metrics`, where they are given. Without a passphrase no CA key is opened:
  /// such a directory can be looked at, but signs nothing. A token may be away: its key signs as soon as it
  /// is there. Errors: io_failure, bad_configuration, wrong_passphrase, those of parsing; of tokens that are
  /// there those of expect_token_key.
  static Answer<std::unique_ptr<Directory>> open(
      const std::filesystem::path& path, const SecretText* passphrase,
      std::shared_ptr<observe::AuthorityMetrics> metrics = nullptr);
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();

  [[nodiscard]] const Layout& layout() const noexcept;
  [[nodiscard]] const authority::Engine& engine() const noexcept;
  /// Engine::take_crl_partitions_from.
  void take_crl_partitions_from(authority::CrlPartitions* partitions) noexcept;
  [[nodiscard]] const crypto::Crypto& crypto() const noexcept;
  /// Whether a signature may have to wait for a token.
  [[nodiscard]] bool has_token_keys() const noexcept;
  /// Keys in tokens that could not be used when that was last tried. With `look` each is tried now.
  [[nodiscard]] std::vector<TokenTrouble> token_troubles(bool look) const;
  /// Of one intermediate; empty: its key is in no token, or in one that is well.
  [[nodiscard]] std::optional<TokenTrouble> token_trouble(const authority::Issuer& issuer, bool look) const;
  /// The server's certificate, key and client CA. Errors: io_failure, bad_configuration.
  [[nodiscard]] Answer<http::ServerOptions> server_options() const;
  [[nodiscard]] http::ConnectionLimits connection_limits() const;

 private:
  struct State;
  explicit Directory(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pedigree::app
