// SPDX-License-Identifier: Apache-2.0
// What is read is written back as a file that reads the same; and nothing over the limit is given out.
#include <cstdlib>

#include "signing/intel_hex.h"

namespace {

using namespace pedigree;

constexpr std::uint32_t kLimit = 1U << 16U;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = signing::read_intel_hex(as_text({data, size}), 0xff, kLimit);
  if (!read) {
    require(read.error().offset <= size);
    return 0;
  }
  require(!read->octets.empty() && read->octets.size() <= kLimit);
  std::string text;
  signing::append_intel_hex(read->address, read->octets, text);
  signing::append_intel_hex_end(text);
  const auto again = signing::read_intel_hex(text, 0, kLimit);
  require(again && again->address == read->address && again->octets == read->octets);
  return 0;
}
