// SPDX-License-Identifier: Apache-2.0
// What the sanitizer that this program was built with does to its memory.
#pragma once

namespace pedigree::testing {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PEDIGREE_ADDRESS_SANITIZER
#endif
#if __has_feature(thread_sanitizer)
#define PEDIGREE_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PEDIGREE_ADDRESS_SANITIZER
#endif

#ifdef PEDIGREE_ADDRESS_SANITIZER
inline constexpr bool kFreedMemoryIsKept = true;
#else
inline constexpr bool kFreedMemoryIsKept = false;
#endif

/// ThreadSanitizer brings its own operator new, which cannot be replaced.
#ifdef PEDIGREE_THREAD_SANITIZER
inline constexpr bool kAllocationsAreCounted = false;
#else
inline constexpr bool kAllocationsAreCounted = true;
#endif

}  // namespace pedigree::testing
