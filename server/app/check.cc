// SPDX-License-Identifier: Apache-2.0
#include "server/app/check.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>

#include "authority/text.h"
#include "core/x509/certificate.h"
#include "server/app/appraisal.h"
#include "server/app/audit.h"
#include "server/app/database.h"
#include "server/app/directory.h"
#include "server/app/grant_signer.h"
#include "server/http/tls.h"
#include "server/store/database_check.h"

namespace pedigree::app {
namespace {

constexpr std::size_t kMostProblems = 50;

/// The line in a refusal that begins "line N: ", which is cut off; 0: there is none.
std::uint32_t take_line(std::string& detail) {
  constexpr std::string_view kLine = "line ";
  if (!detail.starts_with(kLine)) return 0;
  std::uint32_t line = 0;
  const char* end = detail.data() + detail.size();
  const auto [at, error] = std::from_chars(detail.data() + kLine.size(), end, line);
  if (error != std::errc() || end - at < 2 || at[0] != ':') return 0;
  detail.erase(0, static_cast<std::size_t>(at + 2 - detail.data()));
  return line;
}

/// Blanks the setting that begins in this line, however many lines it has.
void put_aside(std::string& text, std::uint32_t line) {
  std::uint32_t last = line;
  const std::function<void(const toml::node&)> look = [&](const toml::node& node) {
    const auto region = node.source();
    const bool is_value = !node.is_table() && !node.is_array_of_tables();
    if (is_value && region.begin.line == line) last = std::max(last, region.end.line);
    if (const auto* table = node.as_table()) {
      for (const auto& [key, child] : *table) look(child);
    }
    if (const auto* array = node.as_array()) {
      for (const toml::node& child : *array) look(child);
    }
  };
  try {
    look(toml::parse(text));
  } catch (const toml::parse_error&) {
    last = line;
  }
  std::uint32_t at = 1;
  for (char& c : text) {
    if (c == '\n') {
      ++at;
    } else if (at >= line && at <= last) {
      c = ' ';
    }
  }
}

class Check {
 public:
  Check(const Layout& layout, const SecretText* passphrase, der::UnixTime now)
      : layout_(layout), passphrase_(passphrase), now_(now) {}

  std::vector<Problem> run() {
    for (const auto& folder : {layout_.directory, layout_.issuers(), layout_.tls()}) {
      take(folder, check_ours(folder));
    }
    const bool configured = config();
    certificate("the root", layout_.root_certificate());
    take(layout_.nonce_key(), read_private(layout_.nonce_key()));
    server();
    issuers();
    take(layout_.log_public_key(), log_key());
    database();
    // What the parts do not show: whether they fit together.
    if (configured && problems_.empty()) whole();
    return std::move(problems_);
  }

 private:
  void add(const std::filesystem::path& file, std::string what, std::string todo = {},
           std::uint32_t line = 0) {
    problems_.push_back({file.string(), line, std::move(what), std::move(todo)});
  }
  template <typename T>
  bool take(const std::filesystem::path& file, const Answer<T>& answer, std::string todo = {}) {
    if (answer) return true;
    add(file, answer.error().detail, std::move(todo));
    return false;
  }

  /// Every wrong setting: what is wrong is put aside, and the rest read again.
  bool config() {
    const auto text = read_text(layout_.config());
    if (!take(layout_.config(), text)) return false;
    const bool read = settings(*text);
    return policy() && read;
  }

  /// Policies name profiles and issuers: without authority.toml nothing can be said of them.
  bool policy() {
    if (!config_) return false;
    const auto text = read_text(layout_.policy());
    if (!take(layout_.policy(), text, "pedigree authority policy --init writes one that closes nothing")) {
      return false;
    }
    const auto read = authority::read_policy(*text, *config_);
    if (read) return true;
    std::string detail = read.error().detail;
    const std::uint32_t line = take_line(detail);
    add(layout_.policy(), detail, {}, line);
    return false;
  }

  bool settings(std::string rest) {
    const std::size_t before_all = problems_.size();
    for (std::size_t round = 0; round < kMostProblems; ++round) {
      auto read = authority::read_config(rest);
      if (read) {
        config_ = *std::move(read);
        break;
      }
      std::string detail = read.error().detail;
      const std::uint32_t line = take_line(detail);
      add(layout_.config(), detail, "correct this line, or remove it for the default", line);
      std::string before = rest;
      if (line != 0) put_aside(rest, line);
      if (rest == before) break;
    }
    return problems_.size() == before_all;
  }

  std::optional<x509::Certificate> certificate(std::string_view what, const std::filesystem::path& file) {
    auto der = read_certificate(file);
    if (!take(file, der)) return std::nullopt;
    kept_.push_back(*std::move(der));
    const auto parsed = x509::Certificate::parse(kept_.back());
    if (!parsed) {
      add(file, std::string(sentence(parsed.error().code)));
      return std::nullopt;
    }
    if (now_ > parsed->not_after()) {
      add(file, fmt::format("{} expired at {}", what, authority::iso_time(parsed->not_after())),
          "make a new certificate");
    } else if (now_ < parsed->not_before()) {
      add(file, fmt::format("{} is valid from {} only", what, authority::iso_time(parsed->not_before())),
          "set the clock right");
    }
    return *parsed;
  }

  void server() {
    http::ServerOptions options;
    certificate("the system CA", layout_.tls_certificate("ca"));
    certificate("the server's certificate", layout_.tls_certificate("server"));
    const auto key = read_private(layout_.tls_key("server"));
    if (!take(layout_.tls_key("server"), key)) return;
    const auto ca = read_text(layout_.tls_certificate("ca"));
    const auto own = read_text(layout_.tls_certificate("server"));
    if (!ca || !own) return;
    options.ca_pem = *ca;
    options.certificate_pem = *own;
    options.key_pem = key->text();
    if (!http::tls_fits(options)) {
      add(layout_.tls_key("server"), "is not the key of tls/server.cert.pem, or OpenSSL refuses one of them",
          "put the pair there that belongs together");
    }
  }

  void issuers() {
    if (!config_) return;
    for (const authority::IssuerConfig& issuer : config_->issuers) {
      certificate("intermediate " + issuer.name, layout_.issuer_certificate(issuer.name));
    }
    if (config_->issuers.empty()) {
      add(layout_.config(), "has no [[issuer]]: nothing can be issued", "pedigree authority init makes one");
    }
  }

  Answer<void> log_key() {
    std::error_code ignored;
    // It is made where it is missing.
    if (!std::filesystem::exists(layout_.log_key(), ignored)) return {};
    const auto key = read_log_key(layout_);
    if (!key) return std::unexpected(key.error());
    return {};
  }

  void database() {
    if (!config_) return;
    const auto options = database_of(layout_, *config_);
    if (!take(layout_.config(), options)) return;
    const bool is_sqlite = options->url.empty();
    std::error_code ignored;
    if (is_sqlite && !std::filesystem::exists(options->file, ignored)) return;  // it is made
    std::string why;
    const auto checked = store::check_database(options->location(), &why);
    if (checked) return;
    add(describe(*options), why.empty() ? std::string(sentence(checked.error().code)) : why,
        is_sqlite ? "restore a backup: pedigree authority restore"
                  : "see that the server runs, and that this user may log in");
  }

  void whole() {
    const auto directory = Directory::open(layout_.directory, passphrase_);
    if (!take(layout_.directory, directory)) return;
    take(layout_.verifier_policy(), read_verifier_policy(**directory));
    if (passphrase_ == nullptr) return;
    const Directory& read = **directory;
    for (const TokenTrouble& trouble : read.token_troubles(false)) {
      add(layout_.config(),
          fmt::format("intermediate {}: token {}: {}", trouble.issuer, trouble.token, trouble.reason),
          "it is served all the same; the intermediate signs as soon as its token is there");
    }
    take(layout_.grant_key(), GrantKey::open(layout_, read.crypto(), read.engine().root(), *passphrase_));
    std::error_code ignored;
    if (std::filesystem::exists(layout_.log_key(), ignored)) {
      take(layout_.log_key(), open_key(layout_.log_key(), *passphrase_));
    }
  }

  const Layout& layout_;
  const SecretText* passphrase_;
  der::UnixTime now_;
  std::optional<authority::Config> config_;
  std::vector<Der> kept_;  // certificates borrow from these
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> check_directory(const Layout& layout, const SecretText* passphrase, der::UnixTime now) {
  return Check(layout, passphrase, now).run();
}

}  // namespace pedigree::app
