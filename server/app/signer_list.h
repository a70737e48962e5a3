// SPDX-License-Identifier: Apache-2.0
// The lists of revoked firmware signers that an authority signs for devices, and who signs them.
#pragma once

#include "server/app/app.h"

namespace pedigree::app {

/// Makes the signer of lists below the root: revocations.cert.pem and revocations.key.pem in the directory.
/// The key is P-256, or of the root's type where that is another elliptic curve's, and encrypted with the
/// passphrase. Errors: io_failure, those of the crypto.
[[nodiscard]] Answer<void> make_list_signer(const Layout& layout, const authority::Signer& root,
                                            const SecretText& passphrase, der::UnixTime now);

struct SignerListOptions {
  der::UnixTime now = 0;
  bool renew = false;  ///< sign a new list although it says what the last one says
};

/// The list that devices are to have.
struct IssuedSignerList {
  registry::SignerList list;
  std::vector<registry::SignerRevocation> revoked;
  bool is_new = false;  ///< signed now; else the last one says all that is known
};

/// Signs a list of every revoked signer, with a number larger than that of every list before, and keeps it in
/// the registry; where the last list says the same, answers that one. A directory without a signer of lists
/// gets one, which takes root.key.pem. Errors: io_failure, wrong_passphrase, database_failure, expired (the
/// signer's certificate), those of the crypto.
[[nodiscard]] Answer<IssuedSignerList> issue_signer_list(LocalAuthority& authority,
                                                         const SignerListOptions& options,
                                                         const SecretText& passphrase);

}  // namespace pedigree::app
