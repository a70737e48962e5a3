// SPDX-License-Identifier: Apache-2.0
// An authority whose configuration a test has changed before it serves, and a shell beside it for clients
// that are not ours.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/authority/authority.h"

namespace pedigree::testing {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Replaces settings of this authority.toml, each "name = value" in a line of its own. Throws
/// std::runtime_error where a setting is not there.
inline void change_settings(const std::filesystem::path& file, const Settings& settings) {
  std::string config = read_text(file);
  for (const auto& [name, value] : settings) {
    const std::size_t at = config.find("\n" + name + " = ");
    if (at == std::string::npos) throw std::runtime_error("no setting " + name);
    config.replace(at + 1, config.find('\n', at + 1) - at - 1, name + " = " + value);
  }
  write_file(file, std::string_view(config));
}

/// The same, and serves with them.
inline void serve_with(ServedAuthority& authority, const Settings& settings) {
  authority.stop();
  change_settings(authority.layout().config(), settings);
  authority.restart();
}

class ProtocolTest : public ::testing::Test {
 protected:
  /// As of ServedAuthority.
  explicit ProtocolTest(const std::string& database_url = {}, const std::string& token = {})
      : authority_(false, database_url, token) {}

  /// Runs a line of a shell in a folder of its own. $CA is the authority's directory, $URL the address of
  /// /v1, $NAME those of protocols (their names without anything but letters, in upper case); `c` is curl
  /// that trusts the authority, `req KEY SUBJECT` makes KEY.key and KEY.csr (PEM).
  CommandResult sh(const std::string& line) {
    std::string script = "set -o pipefail; cd '" + folder_.path().string() + "' && CA='" +
                         authority_.path().string() + "' URL='" + authority_.url() + "'; ";
    for (const app::ServedProtocol& one : authority_.protocols()) {
      std::string name;
      for (const char letter : one.name) {
        if (std::isalpha(static_cast<unsigned char>(letter)) != 0) {
          name += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
        }
      }
      script += name + "='" + one.where + "'; ";
    }
    script +=
        "c() { curl -sS --max-time 120 --noproxy '*' --cacert \"$CA/tls/ca.cert.pem\" \"$@\"; }; "
        "as() { who=$1; shift; c --cert \"$CA/tls/$who.cert.pem\" --key \"$CA/tls/$who.key.pem\" \"$@\"; }; "
        "req() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \"$1.key\" -out "
        "\"$1.csr\" -subj \"$2\" 2>/dev/null; }; ";
    return run({"bash", "-c", script + line});
  }
  /// The same, which must succeed; gives what it prints without the last end of line.
  std::string ok(const std::string& line) {
    CommandResult result = sh(line);
    EXPECT_EQ(result.status, 0) << line << "\n" << result.output;
    while (result.output.ends_with('\n')) result.output.pop_back();
    return result.output;
  }
  [[nodiscard]] static bool has_program(const char* name) {
    return run({"sh", "-c", std::string("command -v ") + name}).status == 0;
  }

  TempDir folder_;
  ServedAuthority authority_;
};

}  // namespace pedigree::testing
