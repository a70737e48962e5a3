// SPDX-License-Identifier: Apache-2.0
// One-time tokens: whoever has one may have one certificate by EST.
#pragma once

#include "server/app/app.h"

namespace pedigree::app {

struct EnrolTokenOptions {
  std::optional<registry::DeviceId> device;  ///< empty: any one device
  std::string profile;                       ///< empty: any one
  der::UnixTime seconds = 86400;             ///< how long it is good
  std::string who;                           ///< who has it made
  der::UnixTime now = 0;
};

/// A new token, 32 hex digits of random numbers, of which the registry keeps the SHA-256 alone. Errors:
/// unknown_profile, no_entropy, database_failure.
[[nodiscard]] Answer<SecretText> make_enrol_token(LocalAuthority& authority,
                                                  const EnrolTokenOptions& options);

}  // namespace pedigree::app
