// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/authority.h"

#include <ctime>
#include <stdexcept>

namespace pedigree::testing {

AuthorityFolder::AuthorityFolder(bool listed_only, const std::string& database_url) {
  app::InitOptions options;
  options.directory = path();
  options.root_name = "Example Silicon Root CA";
  options.issuers = {{"vendor", "Example Silicon Device CA", "root"}, {"acme", "Acme Devices CA", "vendor"}};
  options.listed_only = listed_only;
  options.database_url = database_url;
  options.now = std::time(nullptr);
  const auto made = app::init_directory(options, app::SecretText(kPassphrase));
  if (!made) throw std::runtime_error("cannot make an authority: " + made.error().detail);
}

TlsFiles AuthorityFolder::identity(const std::string& who) const {
  if (who.empty()) return {layout().tls_certificate("ca"), {}, {}};
  return {layout().tls_certificate("ca"), layout().tls_certificate(who), layout().tls_key(who)};
}

std::string AuthorityFolder::sql(const std::string& query) const {
  std::string output = run({"sqlite3", "-batch", layout().database().string(), query}).output;
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

ServedAuthority::ServedAuthority(bool listed_only, const std::string& database_url)
    : AuthorityFolder(listed_only, database_url) {
  restart();
}

void ServedAuthority::restart() {
  app_.reset();
  app::ServeOptions options;
  options.directory = path();
  options.threads = 2;
  options.checkpoint_interval = std::chrono::hours(24);  // tests compare whole databases
  auto served = app::App::start(options, app::SecretText(kPassphrase));
  if (!served) throw std::runtime_error("cannot serve: " + served.error().detail);
  app_ = *std::move(served);
}

CommandResult ServedAuthority::curl(const std::string& who, const std::string& target,
                                    std::vector<std::string> options) const {
  const TlsFiles files = identity(who);
  std::vector<std::string> command{"curl", "-sS", "--max-time",     "120",      "--noproxy",
                                   "*",    "-w",  "\n%{http_code}", "--cacert", files.ca.string()};
  if (!who.empty()) {
    command.insert(command.end(), {"--cert", files.certificate.string(), "--key", files.key.string()});
  }
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(url() + target);
  return run(command);
}

}  // namespace pedigree::testing
