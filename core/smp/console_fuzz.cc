// SPDX-License-Identifier: Apache-2.0
// Any octets: whatever packet comes out is framed again, and that frame gives the same packet, also when it
// follows the same octets (an error leaves the deframer ready) after a newline.
#include <cstdlib>
#include <vector>

#include "core/smp/console.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::uint8_t> frame_of(Bytes packet) {
  std::vector<std::uint8_t> frame(smp::frame_size(packet.size()));
  Writer out(frame);
  smp::write_frame(packet, out);
  require(out.size() == frame.size());
  return frame;
}

/// Feeds all octets; expects exactly one packet, with the last of them.
void require_packet(smp::Deframer& deframer, Bytes octets, Bytes packet) {
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto result = deframer.feed(octets[i]);
    require(result.has_value());
    require(result->empty() == (i + 1 < octets.size()));
    if (i + 1 == octets.size()) require(equal(*result, packet));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> buffer(260);
  std::vector<std::uint8_t> again_buffer(260);
  smp::Deframer deframer(buffer);
  for (const std::uint8_t octet : Bytes(data, size)) {
    const auto result = deframer.feed(octet);
    if (!result || result->empty()) continue;
    require(result->size() <= buffer.size() - 4);
    smp::Deframer again(again_buffer);
    require_packet(again, frame_of(*result), *result);
  }
  (void)deframer.feed('\n');
  const std::vector<std::uint8_t> packet{1, 2, 3};
  require_packet(deframer, frame_of(packet), packet);
  return 0;
}
