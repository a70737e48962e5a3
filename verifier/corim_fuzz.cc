// SPDX-License-Identifier: Apache-2.0
// Values are added if and only if the manifest was read; every value has the sizes that matching relies on; a
// second reading gives the same; an error lies within the input.
#include <cstdlib>

#include "verifier/reference.h"

namespace {

using namespace pedigree;
using namespace pedigree::verifier;

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_hash(const std::vector<std::uint8_t>& octets) {
  return octets.size() == 32 || octets.size() == 48 || octets.size() == 64;
}

// The implementation ids are not listed by ReferenceValues: look for each 32 octets of the input.
std::size_t check_found(const ReferenceValues& values, Bytes input) {
  std::size_t components = 0;
  constexpr std::size_t kId = psa_token::kImplementationIdSize;
  for (std::size_t at = 0; at + kId <= input.size(); ++at) {
    const ReferenceImplementation* found = values.find(input.subspan(at, kId));
    if (found == nullptr) continue;
    require(!found->components.empty());
    components += found->components.size();
    for (const ReferenceComponent& one : found->components) {
      require(is_hash(one.measurement_value));
      require(one.signer_id.empty() || is_hash(one.signer_id));
      require(one.min_version.empty());
    }
  }
  return components;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  ReferenceValues values;
  const auto read = read_corim(input, values);
  require(read.has_value() == !values.empty());
  if (!read) {
    require(read.error().offset <= size && !read.error().what.empty());
    return 0;
  }
  const std::size_t components = check_found(values, input);
  require(components > 0);
  ReferenceValues again;
  require(read_corim(input, again).has_value() && again.size() == values.size());
  require(check_found(again, input) == components);
  return 0;
}
