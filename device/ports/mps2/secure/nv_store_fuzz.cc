// SPDX-License-Identifier: Apache-2.0
// Property: whatever the medium holds, mounting it either fails and changes nothing, or gives a store that
// keeps, replaces and removes assets, and that the next boot finds with the same assets.
#include <cstdlib>

#include "core/bytes/writer.h"
#include "device/ports/mps2/secure/nv_store.h"
#include "device/ports/mps2/secure/test_medium.h"
#include "device/service/record.h"

namespace {

using namespace pedigree;
using namespace pedigree::mps2;

constexpr std::size_t kSize = 2048;

void require(bool condition) {
  if (!condition) std::abort();
}

void put_crc(MutableBytes field, Bytes over) {
  Writer out(field);
  out.big_endian(device::crc32(over), 4);
}

/// Sets the checksums right, or the fuzzer would never get past them. Layout as nv_store.cc has it.
void repair(MutableBytes bank) {
  put_crc(bank.subspan(8, 4), bank.first(8));
  std::size_t at = 16;
  while (at + 40 <= bank.size()) {
    const MutableBytes header = bank.subspan(at, 32);
    const std::size_t size = std::size_t{header[10]} << 8U | header[11];
    const std::size_t end = at + 32 + (size + 7) / 8 * 8 + 8;
    if (end > bank.size()) return;
    put_crc(header.subspan(20, 4), bank.subspan(at + 32, size));
    put_crc(header.last(4), header.first(28));
    at = end;
  }
}

bool same(const NvStore& left, const NvStore& right, std::uint64_t uid) {
  const auto a = left.find(uid);
  const auto b = right.find(uid);
  return a.has_value() == b.has_value() && (!a || equal(*a, *b));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > kSize + 2) return 0;
  const bool repaired = (data[0] & 1U) != 0;
  const std::uint64_t uid = data[1];
  TestMedium medium(kSize);
  std::copy_n(data + 2, size - 2, medium.memory.begin());
  if (repaired) {
    repair(MutableBytes(medium.memory).first(kSize / 2));
    if (size - 2 > kSize / 2) repair(MutableBytes(medium.memory).last(kSize / 2));
  }
  const auto before = medium.memory;
  NvStore store(medium);
  if (!store.mount()) {
    require(medium.memory == before);
    return 0;
  }
  constexpr std::array<std::uint8_t, 5> kValue{1, 2, 3, 4, 5};
  if (store.set(uid, kValue)) require(equal(store.find(uid).value_or(Bytes{}), kValue));
  TestMedium later = medium.rebooted();
  NvStore again(later);
  require(again.mount().has_value());
  for (std::uint64_t i = 0; i < 256; ++i) require(same(store, again, i));
  if (again.find(uid) && again.remove(uid)) require(!again.find(uid));
  return 0;
}
