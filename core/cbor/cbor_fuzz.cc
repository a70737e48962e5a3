// SPDX-License-Identifier: Apache-2.0
// An item that skip accepts is written back octet by octet by the encoder; one that it refuses leaves the
// reader unchanged and names an offset inside the input.
#include <cstdlib>
#include <vector>

#include "core/cbor/cbor.h"

namespace {

using namespace pedigree;
using namespace pedigree::cbor;

void require(bool condition) {
  if (!condition) std::abort();
}

void copy_item(Reader& in, Encoder& out);

void copy_items(Reader& in, Encoder& out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) copy_item(in, out);
}

void copy_item(Reader& in, Encoder& out) {
  switch (*peek(in)) {
    case Major::uint:
      return out.uint(*read_uint(in));
    case Major::nint: {
      if (const auto value = read_int(in)) return out.integer(*value);
      return out.raw(*skip(in));
    }
    case Major::bstr:
      return out.bstr(*read_bstr(in));
    case Major::tstr: {
      if (const auto value = read_tstr(in)) return out.tstr(*value);
      return out.raw(*skip(in));
    }
    case Major::array: {
      const std::size_t count = *read_array(in);
      out.array(count);
      return copy_items(in, out, count);
    }
    case Major::map: {
      const auto unique = read_unique_map(in);
      const std::size_t count = unique ? *unique : *read_map(in);
      out.map(count);
      return copy_items(in, out, 2 * count);
    }
    case Major::tag:
      out.tag(*read_tag(in));
      return copy_item(in, out);
    case Major::simple:
      if (next_is_null(in)) {
        require(read_null(in).has_value());
        return out.null();
      }
      if (const auto value = read_bool(in)) return out.boolean(*value);
      return out.raw(*skip(in));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(Bytes(data, size), 7);
  const auto item = skip(in);
  if (!item) {
    require(in.size() == size && in.offset() == 7);
    require(item.error().offset >= 7 && item.error().offset <= 7 + size);
    return 0;
  }
  require(item->size() + in.size() == size);
  std::vector<std::uint8_t> copy(item->size());
  Writer out(copy);
  Encoder encoder(out);
  Reader again(*item);
  copy_item(again, encoder);
  require(again.empty() && out.finish() && equal(*out.finish(), *item));
  return 0;
}
