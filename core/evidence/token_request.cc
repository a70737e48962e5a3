// SPDX-License-Identifier: Apache-2.0
#include "core/cbor/cbor.h"
#include "core/evidence/evidence.h"

namespace pedigree::evidence {
namespace {

constexpr std::uint64_t kSpki = 1;
constexpr std::uint64_t kToken = 2;

Result<Bytes> read_part(Reader& in, std::uint64_t key) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t found, cbor::read_uint(in));
  if (found != key) return fail(ErrorCode::bad_value, offset);
  PEDIGREE_ASSIGN(const Bytes part, cbor::read_bstr(in));
  if (part.empty()) return fail(ErrorCode::bad_value, offset);
  return part;
}

}  // namespace

Result<TokenRequest> TokenRequest::parse(Bytes data) noexcept {
  Reader in(data);
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_map(in));
  if (count != 2) return fail(ErrorCode::bad_value);
  TokenRequest request;
  PEDIGREE_ASSIGN(request.spki, read_part(in, kSpki));
  PEDIGREE_ASSIGN(request.token, read_part(in, kToken));
  PEDIGREE_TRY(in.finish());
  return request;
}

void write_token_request(const TokenRequest& request, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(2);
  encoder.uint(kSpki);
  encoder.bstr(request.spki);
  encoder.uint(kToken);
  encoder.bstr(request.token);
}

}  // namespace pedigree::evidence
