// SPDX-License-Identifier: Apache-2.0
#include "testing/support/tls_server.h"

#include <stdexcept>

namespace pedigree::testing {

TlsServer::TlsServer(const TempDir& folder, Bytes clients_root, const std::vector<std::string>& options) {
  const std::string key = (folder / "server.key").string();
  const std::string certificate = (folder / "server.pem").string();
  const std::string clients = (folder / "clients.pem").string();
  write_file(clients, to_pem("CERTIFICATE", clients_root));
  const auto made = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext",
                         "subjectAltName=DNS:localhost", "-days", "2"});
  if (made.status != 0) throw std::runtime_error(made.output);
  std::vector<std::string> command{
      "openssl", "s_server", "-accept", "127.0.0.1:0",          "-cert", certificate, "-key", key, "-CAfile",
      clients,   "-Verify",  "4",       "-verify_return_error", "-rev"};
  command.insert(command.end(), options.begin(), options.end());
  process_.emplace(command);
  if (!process_->wait_until([this] { return !port().empty(); })) throw std::runtime_error(process_->errors());
}

std::string TlsServer::port() const {
  constexpr std::string_view kWord = "ACCEPT 127.0.0.1:";
  const std::string text = process_->output();
  const std::size_t start = text.find(kWord);
  const std::size_t end = text.find('\n', start);
  if (start == std::string::npos || end == std::string::npos) return {};
  return text.substr(start + kWord.size(), end - start - kWord.size());
}

}  // namespace pedigree::testing
