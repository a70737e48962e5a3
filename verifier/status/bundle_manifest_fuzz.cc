// SPDX-License-Identifier: Apache-2.0
// A manifest that is read is written back octet by octet, and its sections' sizes agree with their digests.
#include <cstdlib>

#include "verifier/status/bundle_manifest.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  using namespace pedigree::verifier;
  const Bytes input(data, size);
  const auto manifest = BundleManifest::parse(input);
  if (!manifest) {
    require(manifest.error().offset <= size);
    return 0;
  }
  for (const BundleSection& section : manifest->sections) {
    require(section.key_size >= 1 && section.records_per_block() >= 1);
    require(section.count <= section.blocks() * section.records_per_block());
    require(section.blocks() == 0 || section.count > (section.blocks() - 1) * section.records_per_block());
  }
  std::vector<std::uint8_t> copy(size);
  Writer out(copy);
  manifest->write(out);
  require(out.size() == size && equal(copy, input));
  return 0;
}
