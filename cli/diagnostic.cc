// SPDX-License-Identifier: Apache-2.0
#include "cli/diagnostic.h"

#include <fmt/format.h>

#include <bit>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cmath>

#include "cli/files.h"
#include "cli/output.h"

namespace pedigree::cli {
namespace {

using cbor::Major;

std::string octets_text(Bytes octets, const DiagnosticOptions& options) {
  if (octets.size() <= options.max_octets) return "h'" + to_hex(octets) + "'";
  return fmt::format("h'{}..' ({} octets)", to_hex(octets.first(options.max_octets)), octets.size());
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string(printable(text)));
}

/// binary16 (RFC 8949 appendix D).
double half_to_double(unsigned half) {
  const int exponent = static_cast<int>((half >> 10U) & 0x1fU);
  const double mantissa = static_cast<double>(half & 0x3ffU);
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value =
        mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return (half & 0x8000U) != 0 ? -value : value;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string simple_text(Bytes item) {
  std::uint64_t argument = item[0] & 0x1fU;
  if (item.size() > 1) {
    argument = 0;
    for (const std::uint8_t octet : item.subspan(1)) argument = argument << 8U | octet;
  }
  if (item.size() == 3) return float_text(half_to_double(static_cast<unsigned>(argument)));
  if (item.size() == 5) {
    return float_text(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(argument))));
  }
  if (item.size() == 9) return float_text(std::bit_cast<double>(argument));
  if (argument == 20) return "false";
  if (argument == 21) return "true";
  if (argument == 22) return "null";
  if (argument == 23) return "undefined";
  return fmt::format("simple({})", argument);
}

/// Negative integers beyond int64: -1 - n.
std::string negative_text(Bytes item) {
  Reader in(item);
  if (const auto value = cbor::read_int(in)) return std::to_string(*value);
  std::uint64_t argument = 0;
  for (const std::uint8_t octet : item.subspan(1)) argument = argument << 8U | octet;
  if (argument == std::numeric_limits<std::uint64_t>::max()) return "-18446744073709551616";
  return "-" + std::to_string(argument + 1);
}

std::string item_text(Reader& in, const DiagnosticOptions& options);

std::string map_text(Reader& in, const DiagnosticOptions& options) {
  const std::size_t count = *cbor::read_map(in);
  std::string text = "{";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    Reader key = in;
    const auto name = cbor::read_tstr(key);
    text += item_text(in, options) + ": ";
    if (!options.withheld_key.empty() && name && *name == options.withheld_key) {
      text += fmt::format("(withheld: {} octets)", cbor::skip(in)->size());
    } else {
      text += item_text(in, options);
    }
  }
  return text + "}";
}

/// `in` stands before an item that cbor::skip accepts, which also bounds the recursion.
std::string item_text(Reader& in, const DiagnosticOptions& options) {
  switch (*cbor::peek(in)) {
    case Major::uint:
      return std::to_string(*cbor::read_uint(in));
    case Major::nint:
      return negative_text(*cbor::skip(in));
    case Major::bstr:
      return octets_text(*cbor::read_bstr(in), options);
    case Major::tstr: {
      if (const auto text = cbor::read_tstr(in)) return quoted(*text);
      return "(text that is not UTF-8) h'" + to_hex(*cbor::skip(in)) + "'";
    }
    case Major::array: {
      const std::size_t count = *cbor::read_array(in);
      std::string text = "[";
      for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + item_text(in, options);
      return text + "]";
    }
    case Major::map:
      return map_text(in, options);
    case Major::tag: {
      const std::uint64_t tag = *cbor::read_tag(in);
      return fmt::format("{}({})", tag, item_text(in, options));
    }
    case Major::simple:
      break;
  }
  return simple_text(*cbor::skip(in));
}

}  // namespace

Result<std::string> diagnostic(Bytes data, const DiagnosticOptions& options) {
  Reader in(data);
  Reader ahead = in;
  PEDIGREE_TRY(cbor::skip(ahead));
  PEDIGREE_TRY(ahead.finish());
  return item_text(in, options);
}

}  // namespace pedigree::cli
