// SPDX-License-Identifier: Apache-2.0
// Property: the certificates that the C walk finds lie in the chain, one behind the other, and of a chain
// that core reads they are the same.
#include <cstdlib>
#include <vector>

#include "core/cose/cose.h"
#include "pedigree/slot.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  std::vector<Bytes> found;
  std::size_t cursor = 0;
  pedigree_certificate_t certificate{};
  psa_status_t status = 0;
  while ((status = pedigree_next_certificate(data, size, &cursor, &certificate)) == 0) {
    require(certificate.der > data && certificate.der + certificate.size == data + cursor && cursor <= size);
    found.emplace_back(certificate.der, certificate.size);
    require(found.size() <= 23);
  }
  require(status > 0);
  const auto chain = cose::read_chain({data, size});
  if (!chain) return 0;
  require(status == static_cast<psa_status_t>(ErrorCode::not_found) && found.size() == chain->count);
  for (std::size_t i = 0; i < chain->count; ++i) require(equal(found[i], chain->view()[i]));
  return 0;
}
