// SPDX-License-Identifier: Apache-2.0
#include "core/cose/cose.h"

namespace pedigree::cose {
namespace {

/// Array of one or more bstr, none of them empty.
Result<X5Chain> read_certificates(Reader& in) noexcept {
  Reader next = in;
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(next));
  if (count == 0) return fail(ErrorCode::empty_chain, in.offset());
  if (count > kMaxX5Chain) return fail(ErrorCode::too_many, in.offset());
  X5Chain chain;
  while (chain.count < count) {
    const std::uint32_t offset = next.offset();
    PEDIGREE_ASSIGN(const Bytes certificate, cbor::read_bstr(next));
    if (certificate.empty()) return fail(ErrorCode::bad_value, offset);
    chain.certificates[chain.count++] = certificate;
  }
  in = next;
  return chain;
}

}  // namespace

Result<X5Chain> read_x5chain(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const cbor::Major major, cbor::peek(in));
  Reader next = in;
  X5Chain chain;
  if (major == cbor::Major::array) {
    PEDIGREE_ASSIGN(chain, read_certificates(next));
    // COSE_X509 = bstr / [ 2*certs: bstr ] (RFC 9360 2)
    if (chain.count == 1) return fail(ErrorCode::bad_value, in.offset());
  } else {
    PEDIGREE_ASSIGN(chain.certificates[0], cbor::read_bstr(next));
    if (chain.certificates[0].empty()) return fail(ErrorCode::bad_value, in.offset());
    chain.count = 1;
  }
  in = next;
  return chain;
}

void write_x5chain(std::span<const Bytes> chain, cbor::Encoder& out) noexcept {
  if (chain.size() == 1) {
    out.bstr(chain[0]);
  } else {
    write_chain(chain, out);
  }
}

Result<X5Chain> read_chain(Bytes cbor) noexcept {
  Reader in(cbor);
  PEDIGREE_ASSIGN(const X5Chain chain, read_certificates(in));
  PEDIGREE_TRY(in.finish());
  return chain;
}

void write_chain(std::span<const Bytes> chain, cbor::Encoder& out) noexcept {
  out.array(chain.size());
  for (const Bytes certificate : chain) out.bstr(certificate);
}

}  // namespace pedigree::cose
