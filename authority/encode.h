// SPDX-License-Identifier: Apache-2.0
// DER of any length; for this folder's writers only.
#pragma once

#include "authority/ca_certificate.h"

namespace pedigree::authority {

/// What `write(der::Builder&)` writes. It is called twice: to learn the size, and to write.
template <typename Write>
[[nodiscard]] Der encode(Write write) {
  Writer size;
  der::Builder counting(size);
  write(counting);
  Der octets(size.size());
  Writer out(octets);
  der::Builder builder(out);
  write(builder);
  return octets;
}

}  // namespace pedigree::authority
