// SPDX-License-Identifier: Apache-2.0
// A TLS 1.2 client of the device's non-secure side: Mbed TLS, whose key operation calls the service. The
// client holds the slot's chain, and never a key.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "pedigree/service.h"

namespace pedigree::sim {

struct TlsTarget {
  std::string host;  ///< name or address; the server's certificate must be for it
  std::string port;
  std::filesystem::path ca_file;  ///< PEM: what the server's chain must end at
};

struct TlsSession {
  std::string version;         ///< "TLSv1.2"
  std::string cipher_suite;    ///< as Mbed TLS names it
  std::string server_subject;  ///< of the server's certificate
  std::string received;        ///< what the server answered to `request`, at most 16 KiB
};

/// Connects with the key and chain of `slot` (purpose tls), sends `request` if it is not empty, reads until
/// the server has nothing more for two seconds or closes, and closes. Errors: a sentence.
[[nodiscard]] std::expected<TlsSession, std::string> tls_connect(psa_handle_t service, std::uint32_t slot,
                                                                 const TlsTarget& target,
                                                                 std::string_view request);

}  // namespace pedigree::sim
