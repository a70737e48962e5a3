// SPDX-License-Identifier: Apache-2.0
// `openssl s_server` for tests of TLS clients: it demands a client certificate, and sends lines back
// reversed.
#pragma once

#include <optional>

#include "testing/support/process.h"

namespace pedigree::testing {

class TlsServer {
 public:
  /// Listens on a free port of 127.0.0.1 with a certificate of its own for "localhost" (folder/server.pem),
  /// and accepts clients whose chain ends at `clients_root` (DER). `options`: more of s_server's. Throws what
  /// openssl says where it does not start.
  TlsServer(const TempDir& folder, Bytes clients_root, const std::vector<std::string>& options = {});

  [[nodiscard]] std::string port() const;
  /// What s_server has said so far: the chain that it verified, and how a handshake failed.
  [[nodiscard]] std::string said() const { return process_->output() + process_->errors(); }
  [[nodiscard]] Process& process() noexcept { return *process_; }

 private:
  std::optional<Process> process_;
};

}  // namespace pedigree::testing
