// SPDX-License-Identifier: Apache-2.0
// What a profile's certificates look like, and who accepts them, tried without any key of the authority.
#pragma once

#include "authority/lint.h"
#include "server/app/directory.h"

namespace pedigree::app {

/// A certificate as the profile writes it, for one issuer and one type of key.
struct LintSample {
  std::string profile;
  std::string issuer;  ///< "root", or the intermediate
  crypto::KeyType key{};
  std::vector<Der> chain;  ///< leaf first, root last; by keys that were made for it and are gone
  std::vector<authority::LintResult> results;
};

/// Every profile, or the one of this name; with each issuer that issues it, and each type of key that it
/// certifies. Errors: unknown_profile, those of the crypto.
[[nodiscard]] Answer<std::vector<LintSample>> lint_profiles(const Directory& directory,
                                                            std::string_view profile, der::UnixTime now);

}  // namespace pedigree::app
