// SPDX-License-Identifier: Apache-2.0
// A chain that reads is written back octet by octet. A message that parses holds views of its own input, in
// order, and parses again without its tag; one that does not names an offset inside the input.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_chain(input);
  const auto message = cose::Sign1::parse(input);
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
