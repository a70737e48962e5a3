// SPDX-License-Identifier: Apache-2.0
// What the directory's own keys are opened for outside of serving: further TLS clients, and the root's CRL.
#pragma once

#include <span>

#include "authority/issuer.h"
#include "core/x509/crl.h"
#include "server/app/files.h"

namespace pedigree::app {

struct NewClient {
  authority::TlsRole role{};
  std::string name;                   ///< common name: 1 to 64 characters
  std::uint32_t days = 0;             ///< at most, and where it is 0, those of the profile of the role's name
  std::filesystem::path certificate;  ///< written; must not exist
  std::filesystem::path key;          ///< written, PKCS#8 without a passphrase, mode 0600; must not exist
};

/// Makes a TLS identity under the system CA of an authority's directory. Errors: bad_configuration (name,
/// days, the profile, or a key that is not the certificate's), io_failure, wrong_passphrase.
[[nodiscard]] Answer<void> make_client(const Layout& layout, const NewClient& client,
                                       const SecretText& passphrase, der::UnixTime now);

/// The root's CRL over these intermediates, valid for `days`, DER. Errors: io_failure, wrong_passphrase,
/// bad_configuration.
[[nodiscard]] Answer<Der> make_root_crl(const Layout& layout, std::span<const x509::RevokedEntry> entries,
                                        std::uint32_t days, const SecretText& passphrase, der::UnixTime now);

}  // namespace pedigree::app
