// SPDX-License-Identifier: Apache-2.0
// What is wrong with an authority's directory, before it is served.
#pragma once

#include "server/app/files.h"

namespace pedigree::app {

struct Problem {
  std::string file;
  std::uint32_t line = 0;  ///< 0: the file as a whole
  std::string what;
  std::string todo;  ///< empty: the sentence says it
};

/// Reads everything that serving reads, and names every problem: each wrong setting of authority.toml, files
/// that are missing, unreadable or open to others, certificates and keys that do not belong together, expired
/// ones, tokens that are away, a database that cannot be read. Opens no port, and changes nothing. Without a
/// passphrase no key is opened.
[[nodiscard]] std::vector<Problem> check_directory(const Layout& layout, const SecretText* passphrase,
                                                   der::UnixTime now);

}  // namespace pedigree::app
