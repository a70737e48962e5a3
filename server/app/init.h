// SPDX-License-Identifier: Apache-2.0
// Makes an authority's directory: root, intermediates, the system's TLS identities, configuration.
#pragma once

#include "authority/config.h"
#include "server/app/files.h"

namespace pedigree::app {

struct NewIssuer {
  std::string name;
  std::string common_name;
  std::string parent = "root";  ///< "root" or the name of an issuer that stands before it
};

struct InitOptions {
  std::filesystem::path directory;  ///< must not exist, or be empty
  std::string root_name;
  /// PEM: the certificate of a root whose key is elsewhere. Then no root is made, and neither are
  /// intermediates, whose certificates are imported, nor a signer of lists. Empty: a root is made.
  std::filesystem::path root_certificate;
  std::vector<NewIssuer> issuers;
  crypto::KeyType key_type = crypto::KeyType::p256;  ///< of root and intermediates
  std::string token;  ///< a pkcs11: URI: intermediates' keys are made in that token; empty: files
  std::vector<std::string> hosts;  ///< DNS names and addresses of the server, beside localhost
  bool listed_only = false;
  std::string crl_url;
  std::string database_url;  ///< of PostgreSQL, with an empty registry; empty: SQLite
  der::UnixTime now = 0;
};

/// Reads "name=Common Name" or "name=Common Name@parent". Errors: bad_configuration.
[[nodiscard]] Answer<NewIssuer> parse_new_issuer(std::string_view text);

/// CA keys are encrypted with the passphrase. On failure what was made is removed, beside the tables of a
/// database. Errors: bad_configuration (names, an empty passphrase, a root that is none, the URL, a registry
/// that is not empty), io_failure, database_failure, those of the crypto.
[[nodiscard]] Answer<void> init_directory(const InitOptions& options, const SecretText& passphrase);

}  // namespace pedigree::app
