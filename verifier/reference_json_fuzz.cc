// SPDX-License-Identifier: Apache-2.0
// Values are added only where the document was read, and an error has a sentence and an offset in the input.
#include <cstdlib>

#include "verifier/reference.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree::verifier;
  ReferenceValues values;
  const auto read = read_reference_json(pedigree::as_text({data, size}), values);
  if (!read) {
    require(values.empty() && !read.error().what.empty() && read.error().offset <= size);
    return 0;
  }
  // The same again joins with what is there and adds no implementation.
  const std::size_t known = values.size();
  require(read_reference_json(pedigree::as_text({data, size}), values).has_value() && values.size() == known);
  return 0;
}
