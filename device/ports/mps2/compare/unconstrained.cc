// SPDX-License-Identifier: Apache-2.0
// In the place of core's comparison of names with name constraints, which Mbed TLS has no counterpart of: a
// certificate below any constraint is refused, as Mbed TLS refuses one that carries a critical constraint.
#include "core/x509/general_name.h"

namespace pedigree::x509 {

ErrorCode check_names_allowed(const Certificate& /*certificate*/, const Bytes& /*constraints*/,
                              std::uint32_t& /*budget*/) noexcept {
  return ErrorCode::name_not_permitted;
}

}  // namespace pedigree::x509
