// SPDX-License-Identifier: Apache-2.0
// What a PKIMessage tells a client, for counting: the words of RFC 4210, and none of the client's.
#pragma once

#include <string_view>

#include "core/bytes/bytes.h"

namespace pedigree::protocols {

/// Static storage throughout.
struct CmpOutcome {
  std::string_view body;     ///< "ip", "cp", "kup", "rp", "pkiconf", "genp", "error"; "other"
  std::string_view status;   ///< PKIStatus: "accepted" (also where the body has none), "rejection"; "other"
  std::string_view failure;  ///< the first bit of PKIFailureInfo, as "badRequest"; "none"
};
/// Reads an answer as far as that goes; what cannot be read is "other".
[[nodiscard]] CmpOutcome read_cmp_outcome(Bytes message) noexcept;

}  // namespace pedigree::protocols
