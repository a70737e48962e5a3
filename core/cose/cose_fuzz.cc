// SPDX-License-Identifier: Apache-2.0
// A chain that reads is written back octet by octet. A message that parses holds views of its own input, in
// order; one that does not names an offset inside the input. An x5chain can be added to it unless it has one,
// and is then all that has changed.
#include <cstdlib>
#include <vector>

#include "core/cose/cose.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_chain(Bytes data) {
  const auto chain = cose::read_chain(data);
  if (!chain) return require(chain.error().offset <= data.size());
  require(chain->count >= 1 && chain->count <= cose::kMaxX5Chain);
  std::vector<std::uint8_t> copy(data.size());
  Writer out(copy);
  cbor::Encoder encoder(out);
  cose::write_chain(chain->view(), encoder);
  require(out.finish() && equal(*out.finish(), data));
}

bool same_but_for_the_chain(const cose::Sign1& before, const cose::Sign1& after) {
  return equal(before.protected_header(), after.protected_header()) &&
         before.payload().has_value() == after.payload().has_value() &&
         equal(before.payload().value_or(Bytes{}), after.payload().value_or(Bytes{})) &&
         equal(before.signature(), after.signature());
}

void check_added_chain(Bytes data, const cose::Sign1* message) {
  constexpr std::uint8_t kChain[] = {0x82, 0x41, 0xaa, 0x42, 0xbb, 0xcc};
  std::vector<std::uint8_t> buffer(data.size() + std::size(kChain) + 4);
  Writer out(buffer);
  const auto added = cose::add_x5chain(data, kChain, out);
  if (!added) {
    require(out.size() == 0 && added.error().offset <= data.size());
    const bool allowed =
        message == nullptr || message->x5chain() || added.error().code == ErrorCode::too_many;
    return require(allowed);
  }
  require(out.fits() && out.size() >= data.size() + std::size(kChain) + 2);
  const auto after = cose::Sign1::parse(out.written());
  require(after.has_value() == (message != nullptr));
  if (!after) return;
  require(same_but_for_the_chain(*message, *after) && after->x5chain() && after->x5chain()->count == 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_chain(input);
  const auto message = cose::Sign1::parse(input);
  check_added_chain(input, message ? &*message : nullptr);
  if (!message) {
    require(message.error().offset <= size);
    return 0;
  }
  const auto inside = [&](Bytes part) {
    return part.empty() || (part.data() >= data && part.data() + part.size() <= data + size);
  };
  require(inside(message->protected_header()) && inside(message->unprotected_header()));
  require(inside(message->signature()) && inside(message->payload().value_or(Bytes{})));
  if (message->x5chain()) require(message->x5chain()->count >= 1);
  std::vector<std::uint8_t> copy(size);
  Writer out(copy);
  cbor::Encoder encoder(out);
  if (data[0] == 0xd2) encoder.tag(18);
  encoder.array(4);
  encoder.bstr(message->protected_header());
  encoder.raw(message->unprotected_header());
  if (message->payload()) {
    encoder.bstr(*message->payload());
  } else {
    encoder.null();
  }
  encoder.bstr(message->signature());
  require(out.finish() && equal(*out.finish(), input));
  return 0;
}
