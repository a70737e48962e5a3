// SPDX-License-Identifier: Apache-2.0
// Property: the certificates that the C walk finds lie in the chain, one behind the other, and of a chain
// that core reads they are the same.
#include <cstdlib>
#include <vector>

#include "core/cose/cose.h"
#include "core/x509/certificate.h"
#include "pedigree/slot.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_bits(Bytes der) {
  const pedigree_certificate_t certificate{der.data(), der.size()};
  std::uint32_t bits = 0;
  const psa_status_t status = pedigree_certificate_bits(&certificate, &bits);
  require(status >= 0 && (status == 0) == (bits != 0));
  const auto read = x509::Certificate::parse(der);
  if (!read) return;
  const auto& key = read->spki().key;
  const auto type = key ? std::optional(key->type) : std::nullopt;
  if (type == crypto::KeyType::p256) require(bits == 256);
  if (type == crypto::KeyType::p384) require(bits == 384);
  if (bits == 0) require(type != crypto::KeyType::p256 && type != crypto::KeyType::p384);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Bytes> found;
  std::size_t cursor = 0;
  pedigree_certificate_t certificate{};
  psa_status_t status = 0;
  while ((status = pedigree_next_certificate(data, size, &cursor, &certificate)) == 0) {
    require(certificate.der > data && certificate.der + certificate.size == data + cursor && cursor <= size);
    found.emplace_back(certificate.der, certificate.size);
    check_bits(found.back());
    require(found.size() <= 23);
  }
  require(status > 0);
  const auto chain = cose::read_chain({data, size});
  if (!chain) return 0;
  require(status == static_cast<psa_status_t>(ErrorCode::not_found) && found.size() == chain->count);
  for (std::size_t i = 0; i < chain->count; ++i) require(equal(found[i], chain->view()[i]));
  return 0;
}
