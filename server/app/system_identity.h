// SPDX-License-Identifier: Apache-2.0
// Further TLS identities of an authority: stations, operators, relying parties, and what devices in the field
// use to bootstrap.
#pragma once

#include "server/app/files.h"

namespace pedigree::app {

struct IdentityOptions {
  authority::TlsRole role{};
  std::string name;                ///< commonName, 1 to 64 characters
  std::filesystem::path basename;  ///< files to write: this and ".cert.pem", ".key.pem"
  std::uint32_t days = 730;
  der::UnixTime now = 0;
};

/// Makes a key and has the system CA certify it; opens tls/ca.key.pem. Errors: bad_configuration, io_failure,
/// wrong_passphrase, those of the crypto.
[[nodiscard]] Answer<void> make_system_identity(const Layout& layout, const IdentityOptions& options,
                                                const SecretText& passphrase);

}  // namespace pedigree::app
