// SPDX-License-Identifier: Apache-2.0
// A payload that parses is written back octet by octet, and each of its keys is found in it. A message that
// reads is a COSE_Sign1 whose payload is such a one, and brings a chain.
#include <cstdlib>
#include <vector>

#include "core/firmware_image/revocation_list.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_payload(Bytes data) {
  const auto list = image::parse_revocations(data);
  if (!list) return require(list.error().code == ErrorCode::list_refused);
  std::vector<Sha256> keys(list->size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::copy((*list)[i].begin(), (*list)[i].end(), keys[i].begin());
    require(list->contains(keys[i]));
  }
  std::vector<std::uint8_t> copy(data.size());
  Writer out(copy);
  image::write_revocations(list->number, list->issued_at, keys, out);
  require(out.fits() && equal(out.written(), data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_payload(input);
  if (const auto read = image::read_list(input)) {
    require(read->chain.count > 0 && input.size() <= image::kMaxRevocationList);
    const auto message = cose::Sign1::parse(input);
    require(message && message->payload() && image::parse_revocations(*message->payload()));
    check_payload(*message->payload());
  }
  return 0;
}
