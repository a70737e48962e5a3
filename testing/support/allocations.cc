// SPDX-License-Identifier: Apache-2.0
#include "testing/support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> allocated = 0;
std::atomic<std::size_t> most = 0;

}  // namespace

#ifndef PEDIGREE_THREAD_SANITIZER
// The size stands before the object, with the alignment kept.
constexpr std::size_t kBefore = alignof(std::max_align_t);

void* operator new(std::size_t size) {
  void* at = std::malloc(size + kBefore);
  if (at == nullptr) throw std::bad_alloc();
  *static_cast<std::size_t*>(at) = size;
  const std::size_t now = allocated += size;
  std::size_t before = most;
  while (before < now && !most.compare_exchange_weak(before, now)) {
  }
  return static_cast<char*>(at) + kBefore;
}
void operator delete(void* object) noexcept {
  if (object == nullptr) return;
  void* at = static_cast<char*>(object) - kBefore;
  allocated -= *static_cast<std::size_t*>(at);
  std::free(at);
}
void operator delete(void* object, std::size_t /*size*/) noexcept {
  ::operator delete(object);
}
// Of arrays too: a sanitizer's forms of these would not come here.
void* operator new[](std::size_t size) {
  return ::operator new(size);
}
void operator delete[](void* object) noexcept {
  ::operator delete(object);
}
void operator delete[](void* object, std::size_t /*size*/) noexcept {
  ::operator delete(object);
}
#endif

namespace pedigree::testing {

std::size_t allocated_octets() noexcept {
  return allocated;
}
std::size_t most_allocated_octets() noexcept {
  return most.exchange(allocated);
}

}  // namespace pedigree::testing
