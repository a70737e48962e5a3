// SPDX-License-Identifier: Apache-2.0
// Whatever is read from a capture, written again, reads the same.
#include <cstdlib>
#include <vector>

#include "station/link/capture.h"

using namespace pedigree;
using namespace pedigree::station;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const CapturedPacket& a, const CapturedPacket& b) {
  return a.time_us == b.time_us && a.source == b.source && a.destination == b.destination &&
         a.source_port == b.source_port && a.destination_port == b.destination_port &&
         equal(a.packet, b.packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto reader = CaptureReader::open({data, size});
  if (!reader) return 0;
  for (;;) {
    const auto packet = reader->next();
    if (!packet || !*packet) {
      require(reader->next().has_value() == packet.has_value());
      return 0;
    }
    std::vector<std::uint8_t> copy(kCaptureHeaderSize + kCaptureRecordOverhead + (*packet)->packet.size());
    Writer out(copy);
    write_capture_header(out);
    // A fraction of more than a second is carried over; 32 bits hold the seconds until 2106.
    if ((*packet)->time_us / 1'000'000 > 0xffffffff) continue;
    require(write_capture_record(**packet, out).has_value() && out.fits());
    auto again = CaptureReader::open(copy);
    require(again.has_value());
    const auto read = again->next();
    require(read && *read && same(**read, **packet));
    require(again->next() && !*again->next());
  }
}
