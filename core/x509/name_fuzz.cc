// SPDX-License-Identifier: Apache-2.0
// Of two names, one after the other: matching is reflexive and symmetric, agrees with equality and with being
// within each other, and printing writes nothing that acts on a terminal.
#include <cstdlib>

#include "core/x509/name.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_one(Bytes name) {
  require(x509::names_match(name, name));
  require(x509::name_within(name, name));
  std::array<std::uint8_t, 8192> buffer;
  Writer out(buffer);
  x509::print_name(name, out);
  for (const std::uint8_t octet : out.written()) require(octet >= 0x20 && octet != 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(Bytes(data, size));
  const auto a = der::read_any(in);
  if (!a) return 0;
  const bool a_is_name = x509::check_name(a->whole).has_value();
  if (a_is_name) check_one(a->whole);
  const auto b = der::read_any(in);
  // Comparing must be safe whatever the octets are.
  if (!b) return 0;
  const bool match = x509::names_match(a->whole, b->whole);
  const bool reverse = x509::names_match(b->whole, a->whole);
  if (!a_is_name || !x509::check_name(b->whole)) return 0;
  require(match == reverse);
  if (equal(a->whole, b->whole)) require(match);
  require(match == (x509::name_within(a->whole, b->whole) && x509::name_within(b->whole, a->whole)));
  return 0;
}
