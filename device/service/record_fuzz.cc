// SPDX-License-Identifier: Apache-2.0
// Property: whatever storage returns, a slot record is refused or encodes to the very octets that were read;
// and so does the root's record, unless it is of the short form from before there were grants, which says
// nothing of them.
#include <cstdlib>

#include "device/service/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  using namespace pedigree::device;
  if (size > kMaxSlotRecord) return 0;
  // The checksum is set right, or the fuzzer would never get past it.
  std::array<std::uint8_t, kMaxSlotRecord + 4> stored{};
  Writer sealed(stored);
  sealed.bytes({data, size});
  sealed.big_endian(crc32({data, size}), 4);
  if (SlotRecord record; decode(sealed.written(), record)) {
    std::array<std::uint8_t, kMaxSlotRecord> again{};
    Writer out(again);
    encode(record, out);
    if (!out.fits() || !equal(out.written(), sealed.written())) std::abort();
  }
  if (RootRecord root; decode(sealed.written(), root)) {
    std::array<std::uint8_t, kMaxRootRecord> again{};
    Writer out(again);
    encode(root, out);
    const bool is_short = sealed.written().size() == 4 + 4 + 32 + 4;
    const bool says_nothing = root.seen.time == 0 && root.seen.signer_since == 0 && !root.closed;
    if (is_short ? !says_nothing : !equal(out.written(), sealed.written())) std::abort();
  }
  return 0;
}
