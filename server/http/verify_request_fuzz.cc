// SPDX-License-Identifier: Apache-2.0
// Bodies of /v1/verify: the first octet chooses JSON or CBOR, one or a batch. An item without a fault says
// the same when it is written in the other form and read again.
#include <cstdlib>

#include "core/cbor/cbor.h"
#include "server/http/json.h"
#include "server/http/verify_request.h"

namespace {

using namespace pedigree;
using http::EarForm;
using http::VerifyItem;
using http::VerifyRequest;

std::string as_json(const VerifyItem& item) {
  boost::json::object out{{"token", http::to_base64(item.token)}};
  if (!item.nonce.empty()) out["nonce"] = registry::hex(item.nonce);
  if (item.ear != EarForm::none) out["ear"] = item.ear == EarForm::jwt ? "jwt" : "cwt";
  for (const Bytes one : item.chain) {
    if (!out.contains("chain")) out["chain"].emplace_array();
    out["chain"].as_array().emplace_back(http::to_base64(one));
  }
  return boost::json::serialize(out);
}

void encode(const VerifyItem& item, Writer& writer) {
  cbor::Encoder out(writer);
  out.map(1 + (item.nonce.empty() ? 0U : 1U) + (item.ear == EarForm::none ? 0U : 1U) +
          (item.chain.empty() ? 0U : 1U));
  out.tstr("token");
  out.bstr(item.token);
  if (!item.nonce.empty()) {
    out.tstr("nonce");
    out.bstr(item.nonce);
  }
  if (item.ear != EarForm::none) {
    out.tstr("ear");
    out.tstr(item.ear == EarForm::jwt ? "jwt" : "cwt");
  }
  if (item.chain.empty()) return;
  out.tstr("chain");
  out.array(item.chain.size());
  for (const Bytes one : item.chain) out.bstr(one);
}

std::vector<std::uint8_t> as_cbor(const VerifyItem& item) {
  Writer sizer;
  encode(item, sizer);
  std::vector<std::uint8_t> octets(sizer.size());
  Writer out(octets);
  encode(item, out);
  return octets;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void require_same(const VerifyItem& a, const std::expected<VerifyRequest, std::string>& other) {
  require(other && other->items().size() == 1);
  const VerifyItem& b = other->items()[0];
  require(b.fault.empty() && equal(a.token, b.token) && equal(a.nonce, b.nonce) && a.ear == b.ear);
  require(a.chain.size() == b.chain.size());
  for (std::size_t i = 0; i < a.chain.size(); ++i) require(equal(a.chain[i], b.chain[i]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes body(data + 1, size - 1);
  const bool batch = (data[0] & 1U) != 0;
  const auto request = (data[0] & 2U) != 0 ? VerifyRequest::parse_cbor(body, batch)
                                           : VerifyRequest::parse_json(as_text(body), batch);
  if (!request) {
    require(!request.error().empty());
    return 0;
  }
  require(!request->items().empty() && request->items().size() <= VerifyRequest::kMaxItems);
  for (const VerifyItem& item : request->items()) {
    if (!item.fault.empty()) continue;
    const std::string json = as_json(item);
    const auto cbor = as_cbor(item);
    require_same(item, VerifyRequest::parse_json(json, false));
    require_same(item, VerifyRequest::parse_cbor(cbor, false));
  }
  return 0;
}
