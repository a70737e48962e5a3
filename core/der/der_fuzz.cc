// SPDX-License-Identifier: Apache-2.0
// What is read is written back octet by octet; what is refused leaves the reader as it was, with an offset
// inside the input; check_nesting accepts exactly what a walk by read_any accepts.
#include <cstdlib>

#include "core/der/der.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

// Reads the first element, and writes it again by `write`.
template <typename Read, typename Write>
void check(Bytes input, Read read, Write write) {
  Reader in(input);
  const auto value = read(in);
  if (!value) {
    require(in.offset() == 0 && in.size() == input.size());
    require(value.error().offset <= input.size());
    return;
  }
  std::array<std::uint8_t, 4096> buffer;
  Writer out(buffer);
  der::Builder builder(out);
  write(builder, *value);
  const Bytes consumed = input.first(in.offset());
  if (consumed.size() <= buffer.size()) require(equal(out.written(), consumed));
}

void check_values(Bytes input) {
  using der::Builder;
  check(input, der::read_any, [](Builder& out, const der::Element& e) { out.element(e.tag, e.content); });
  check(input, der::read_boolean, [](Builder& out, bool value) { out.boolean(value); });
  check(input, der::read_unsigned, [](Builder& out, Bytes value) { out.unsigned_integer(value); });
  check(input, der::read_u32, [](Builder& out, std::uint32_t value) { out.integer(value); });
  check(input, der::read_oid, [](Builder& out, Bytes value) { out.oid(value); });
  check(input, der::read_bit_string_octets, [](Builder& out, Bytes value) { out.bit_string(value); });
  check(input, der::read_named_bits, [](Builder& out, std::uint16_t value) { out.named_bits(value); });
  check(input, der::read_time, [](Builder& out, der::UnixTime value) { out.time(value); });
}

bool walk(Reader in, unsigned depth) {
  while (!in.empty()) {
    const auto element = der::read_any(in);
    if (!element || depth == 0) return false;
    if ((element->tag & 0x20U) != 0 && !walk(element->reader(), depth - 1)) return false;
  }
  return true;
}

void check_ecdsa(Bytes input) {
  std::array<std::uint8_t, 96> raw;
  const auto converted = der::ecdsa_to_raw(input, 48, raw);
  if (!converted) return;
  std::array<std::uint8_t, 128> buffer;
  Writer out(buffer);
  der::Builder builder(out);
  der::ecdsa_from_raw(*converted, builder);
  require(equal(out.written(), input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_values(input);
  check_ecdsa(input);
  const auto nesting = der::check_nesting(input);
  require(nesting.has_value() == walk(Reader(input), 32));
  if (!nesting) require(nesting.error().offset <= size);
  return 0;
}
