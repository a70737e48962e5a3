// SPDX-License-Identifier: Apache-2.0
// Whether this program was built with a sanitizer that keeps freed memory for a while.
#pragma once

namespace pedigree::testing {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PEDIGREE_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PEDIGREE_ADDRESS_SANITIZER
#endif

#ifdef PEDIGREE_ADDRESS_SANITIZER
inline constexpr bool kFreedMemoryIsKept = true;
#else
inline constexpr bool kFreedMemoryIsKept = false;
#endif

}  // namespace pedigree::testing
