// SPDX-License-Identifier: Apache-2.0
#include "server/http/cbor_value.h"

#include <bit>

#include "core/cbor/cbor.h"

namespace pedigree::http {
namespace {

constexpr std::uint8_t kDouble = 0xfb;

void encode(const boost::json::value& value, cbor::Encoder& out) {
  using boost::json::kind;
  switch (value.kind()) {
    case kind::null:
      return out.null();
    case kind::bool_:
      return out.boolean(value.get_bool());
    case kind::int64:
      return out.integer(value.get_int64());
    case kind::uint64:
      return out.uint(value.get_uint64());
    case kind::double_:
      out.writer().u8(kDouble);
      return out.writer().big_endian(std::bit_cast<std::uint64_t>(value.get_double()), 8);
    case kind::string:
      return out.tstr(value.get_string());
    case kind::array:
      out.array(value.get_array().size());
      for (const auto& one : value.get_array()) encode(one, out);
      return;
    case kind::object:
      break;
  }
  out.map(value.get_object().size());
  for (const auto& [key, member] : value.get_object()) {
    out.tstr(key);
    encode(member, out);
  }
}

}  // namespace

std::string to_cbor(const boost::json::value& value) {
  Writer sizer;
  cbor::Encoder counting(sizer);
  encode(value, counting);
  std::string octets(sizer.size(), '\0');
  Writer out({reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()});
  cbor::Encoder writing(out);
  encode(value, writing);
  return octets;
}

}  // namespace pedigree::http
