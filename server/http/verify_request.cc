// SPDX-License-Identifier: Apache-2.0
#include "server/http/verify_request.h"

#include <boost/json.hpp>

#include "core/cbor/cbor.h"
#include "core/cose/cose.h"
#include "registry/device.h"
#include "server/http/json.h"

namespace pedigree::http {
namespace {

namespace json = boost::json;

constexpr std::string_view kNonceFault = "\"nonce\" must be 32, 48 or 64 octets";
constexpr std::string_view kTokenFault = "\"token\" is required: a COSE_Sign1";
constexpr std::string_view kChainFault = "\"chain\" must be a list of 1 to 8 certificates, leaf first";
constexpr std::string_view kEarFault = "\"ear\" must be \"jwt\" or \"cwt\"";
constexpr std::string_view kKeyFault = "a member is none of \"token\", \"chain\", \"nonce\", \"ear\"";
constexpr std::string_view kCountFault = "a batch has 1 to 256 items";

void wrong(VerifyItem& item, std::string_view what) {
  if (item.fault.empty()) item.fault = what;
}

bool is_nonce_size(std::size_t size) {
  return size == 32 || size == 48 || size == 64;
}

void set_ear(VerifyItem& item, std::string_view form) {
  if (form == "jwt") {
    item.ear = EarForm::jwt;
  } else if (form == "cwt") {
    item.ear = EarForm::cwt;
  } else {
    wrong(item, kEarFault);
  }
}

/// Reads items of a JSON body; octets go to one buffer that never moves.
class JsonItems {
 public:
  JsonItems(std::vector<std::uint8_t>& buffer, std::size_t size) : buffer_(buffer) { buffer_.resize(size); }

  VerifyItem read(const json::value& value) {
    VerifyItem item;
    const json::object* object = value.if_object();
    if (object == nullptr) {
      wrong(item, "an item is a JSON object");
      return item;
    }
    for (const auto& [key, member] : *object) {
      if (key == "token") {
        item.token = base64(member);
      } else if (key == "chain") {
        read_chain(member, item);
      } else if (key == "nonce") {
        read_nonce(member, item);
      } else if (key == "ear") {
        set_ear(item, member.is_string() ? std::string_view(member.get_string()) : std::string_view());
      } else {
        wrong(item, kKeyFault);
      }
    }
    if (item.token.empty()) wrong(item, kTokenFault);
    return item;
  }

 private:
  Bytes base64(const json::value& value) {
    if (!value.is_string()) return {};
    const MutableBytes rest = MutableBytes(buffer_).subspan(used_);
    const auto size = decode_base64(value.get_string(), rest);
    if (!size) return {};
    used_ += *size;
    return rest.first(*size);
  }
  void read_chain(const json::value& value, VerifyItem& item) {
    const json::array* list = value.if_array();
    if (list == nullptr || list->empty() || list->size() > cose::kMaxX5Chain) return wrong(item, kChainFault);
    for (const json::value& one : *list) {
      item.chain.push_back(base64(one));
      if (item.chain.back().empty()) wrong(item, kChainFault);
    }
  }
  void read_nonce(const json::value& value, VerifyItem& item) {
    const std::string_view text = value.is_string() ? std::string_view(value.get_string()) : "";
    const MutableBytes octets = MutableBytes(buffer_).subspan(used_, text.size() / 2);
    if (!is_nonce_size(octets.size()) || !registry::unhex(text, octets)) return wrong(item, kNonceFault);
    used_ += octets.size();
    item.nonce = octets;
  }

  std::vector<std::uint8_t>& buffer_;
  std::size_t used_ = 0;
};

void read_cbor_member(std::string_view key, Reader& in, VerifyItem& item) {
  if (key == "token") {
    item.token = cbor::read_bstr(in).value_or(Bytes());
  } else if (key == "nonce") {
    item.nonce = cbor::read_bstr(in).value_or(Bytes());
    if (!is_nonce_size(item.nonce.size())) wrong(item, kNonceFault);
  } else if (key == "ear") {
    set_ear(item, cbor::read_tstr(in).value_or(""));
  } else if (key == "chain") {
    const std::size_t count = cbor::read_array(in).value_or(0);
    if (count == 0 || count > cose::kMaxX5Chain) return wrong(item, kChainFault);
    for (std::size_t i = 0; i < count; ++i) {
      item.chain.push_back(cbor::read_bstr(in).value_or(Bytes()));
      if (item.chain.back().empty()) return wrong(item, kChainFault);
    }
  } else {
    wrong(item, kKeyFault);
  }
}

/// `whole` is one well-formed item.
VerifyItem read_cbor_item(Bytes whole) {
  VerifyItem item;
  Reader in(whole);
  const auto pairs = cbor::read_unique_map(in);
  if (!pairs) {
    wrong(item, "an item is a map without a key twice");
    return item;
  }
  for (std::size_t i = 0; i < *pairs && item.fault.empty(); ++i) {
    const auto key = cbor::read_tstr(in);
    if (!key) {
      wrong(item, kKeyFault);
      break;
    }
    read_cbor_member(*key, in, item);
  }
  if (item.token.empty()) wrong(item, kTokenFault);
  return item;
}

}  // namespace

std::expected<VerifyRequest, std::string> VerifyRequest::parse_json(std::string_view body, bool batch) {
  json::monotonic_resource memory(body.size() + 4096);
  json::error_code error;
  const json::value value = json::parse(body, error, &memory);
  if (error) return std::unexpected("the body is not well-formed JSON: " + error.message());
  VerifyRequest request;
  JsonItems items(request.decoded_, body.size());
  if (!batch) {
    request.items_.push_back(items.read(value));
    return request;
  }
  const json::array* list = value.if_array();
  if (list == nullptr) return std::unexpected("the body must be a JSON array");
  if (list->empty() || list->size() > kMaxItems) return std::unexpected(std::string(kCountFault));
  request.items_.reserve(list->size());
  for (const json::value& one : *list) request.items_.push_back(items.read(one));
  return request;
}

std::expected<VerifyRequest, std::string> VerifyRequest::parse_cbor(Bytes body, bool batch) {
  const auto malformed = [](const Error& error) {
    return std::unexpected("the body is not well-formed CBOR: " + std::string(sentence(error.code)) +
                           ", at offset " + std::to_string(error.offset));
  };
  Reader in(body);
  std::size_t count = 1;
  if (batch) {
    const auto items = cbor::read_array(in);
    if (!items) return malformed(items.error());
    count = *items;
  }
  if (count == 0 || count > kMaxItems) return std::unexpected(std::string(kCountFault));
  VerifyRequest request;
  request.items_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto whole = cbor::skip(in);
    if (!whole) return malformed(whole.error());
    request.items_.push_back(read_cbor_item(*whole));
  }
  if (const auto end = in.finish(); !end) return malformed(end.error());
  return request;
}

}  // namespace pedigree::http
