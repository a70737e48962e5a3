// SPDX-License-Identifier: Apache-2.0
// Random chains: mostly good ones with a flaw here and there, and mutations of them. The shape follows from
// the seed alone; keys and signatures are fresh in each run.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/x509/path.h"
#include "testing/support/support.h"

namespace pedigree::testing {

inline constexpr der::UnixTime kDifferentialNow = 1795478400;  // 2026-11-24

struct Case {
  std::vector<Octets> chain;                ///< leaf first, the trusted root last
  std::vector<crypto::PrivateKey> issuers;  ///< who signed chain[i]
  bool send_root = true;                    ///< whether core is given the root in the chain
  bool pin_key = false;                     ///< core's anchor is the root's SPKI hash, not its certificate
  bool client = false;                      ///< ask for the purpose clientAuth
  bool ed25519_signer = false;              ///< Mbed TLS cannot check a signature in it
  std::string flaws;                        ///< what was done to it, for people
};

using Random = std::mt19937_64;

[[nodiscard]] Case make_chain(Random& random);
/// Changes bits of one certificate below the root, or cuts it short. No signature covers the result.
void mutate(Case& subject, Random& random);
/// Changes bits inside the TBSCertificate of one certificate below the root and signs it again, so that only
/// its content can be at fault.
void mutate_and_sign(Case& subject, Random& random);

}  // namespace pedigree::testing
