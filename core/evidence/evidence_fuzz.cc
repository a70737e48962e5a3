// SPDX-License-Identifier: Apache-2.0
// A token request that parses is written back octet by octet. A token that is found, in an attribute's value
// or in a request, lies in the input, and is found again in the value that is written for it.
#include <cstdlib>
#include <vector>

#include "core/evidence/evidence.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_token_request(Bytes data) {
  const auto request = evidence::TokenRequest::parse(data);
  if (!request) return require(request.error().offset <= data.size());
  require(evidence::is_token_request(data));
  std::vector<std::uint8_t> copy(data.size());
  Writer out(copy);
  evidence::write_token_request(*request, out);
  require(out.fits() && equal(out.written(), data));
}

void check_token(Bytes data, const Result<Bytes>& token) {
  if (!token) return require(token.error().offset <= data.size());
  require(token->empty() ||
          (token->data() >= data.data() && token->data() + token->size() <= data.data() + data.size()));
  std::vector<std::uint8_t> value(token->size() + evidence::kAttributeOverhead);
  Writer out(value);
  der::Builder builder(out);
  evidence::write_attribute_value(*token, builder);
  require(out.fits());
  const auto again = evidence::read_attribute_value(out.written());
  require(again && equal(*again, *token));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_token_request(input);
  check_token(input, evidence::read_attribute_value(input));
  if (const auto request = csr::Request::parse(input)) check_token(input, evidence::find_token(*request));
  return 0;
}
