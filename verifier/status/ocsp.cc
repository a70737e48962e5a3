// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/ocsp.h"

#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::verifier {
namespace {

using der::Cursor;
using der::Inside;
using x509::oid::Oid;

constexpr der::Tag kEnumerated = 0x0a;
// RFC 6960 4.2.1 and 4.4: id-pkix-ocsp-basic, id-pkix-ocsp-nonce.
constexpr Oid<9> kBasic{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
constexpr Oid<9> kNonce{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
constexpr std::size_t kSha1Size = 20;
constexpr std::size_t kMaxExtensions = 24;

// ENUMERATED of one octet.
std::uint8_t read_enumerated(Cursor& in) noexcept {
  in.read(kEnumerated);
  in.require(in.content().size() == 1, ErrorCode::bad_value);
  return in.ok() ? in.content()[0] : std::uint8_t{0};
}

// CRLReason (RFC 5280 5.3.1): 7 is not used.
x509::RevocationReason read_reason(Cursor& in) noexcept {
  const std::uint8_t* const start = in.at();
  const std::uint8_t reason = read_enumerated(in);
  in.require(reason <= 10 && reason != 7, ErrorCode::bad_value, start);
  return static_cast<x509::RevocationReason>(reason);
}

// Extensions that may be passed over; a nonce goes to `nonce`, where there is one to be had.
void read_extensions(Cursor& in, std::optional<Bytes>* nonce) noexcept {
  const Inside extensions(in, der::kSequence);
  std::array<Bytes, kMaxExtensions> seen{};
  std::size_t count = 0;
  while (in.more()) {
    const std::uint8_t* const start = in.at();
    const Inside extension(in, der::kSequence);
    in.oid();
    const Bytes oid = in.content();
    const bool critical = in.boolean_or_false();
    in.require(count < seen.size(), ErrorCode::too_many, start);
    const Inside value(in, der::kOctetString);
    if (!in.ok()) return;
    for (std::size_t i = 0; i < count; ++i) {
      in.require(!equal(seen[i], oid), ErrorCode::duplicate_extension, start);
    }
    seen[count++] = oid;
    if (nonce != nullptr && equal(oid, kNonce)) {
      in.read(der::kOctetString);
      *nonce = in.content();
    } else {
      in.skip_rest();
      in.require(!critical, ErrorCode::unknown_critical_extension, start);
    }
  }
}

OcspCertId read_cert_id(Cursor& in) noexcept {
  const Inside fields(in, der::kSequence);
  OcspCertId id;
  {
    const Inside algorithm(in, der::kSequence);
    in.oid();
    id.hash_algorithm = in.content();
    if (in.more()) in.null();
  }
  in.read(der::kOctetString);
  id.issuer_name_hash = in.content();
  in.read(der::kOctetString);
  id.issuer_key_hash = in.content();
  x509::read_serial(in);
  id.serial = in.content();
  return id;
}

// CertStatus: good [0], revoked [1] RevokedInfo, unknown [2].
void read_state(Cursor& in, OcspSingle& single) noexcept {
  in.any();
  const der::Tag choice = in.tag();
  if (choice == der::context_constructed(1)) {
    single.state = OcspSingle::State::revoked;
    const Inside info(in);
    single.revoked_at = in.generalized_time();
    if (in.next_is(der::context_constructed(0))) {
      const Inside field(in, der::context_constructed(0));
      single.reason = read_reason(in);
    }
    return;
  }
  const bool is_good = choice == der::context(0);
  in.require(is_good || choice == der::context(2), ErrorCode::bad_tag, in.start());
  in.require(in.content().empty(), ErrorCode::bad_value);
  single.state = is_good ? OcspSingle::State::good : OcspSingle::State::unknown;
}

OcspSingle read_answer(Cursor& in) noexcept {
  OcspSingle single;
  const Inside fields(in, der::kSequence);
  single.id = read_cert_id(in);
  read_state(in, single);
  single.this_update = in.generalized_time();
  if (in.next_is(der::context_constructed(0))) {
    const Inside field(in, der::context_constructed(0));
    single.next_update = in.generalized_time();
  }
  if (in.next_is(der::context_constructed(1))) {
    const Inside field(in, der::context_constructed(1));
    read_extensions(in, nullptr);
  }
  return single;
}

}  // namespace

struct OcspParser {
  OcspResponse& out;

  void read_version(Cursor& in) noexcept {
    if (!in.next_is(der::context_constructed(0))) return;
    const std::uint8_t* const start = in.at();
    const Inside field(in, der::context_constructed(0));
    // DER leaves the default, v1 = 0, out; but responders write it, and its meaning is the same.
    in.require(in.u32() == 0, ErrorCode::unsupported_version, start);
  }

  void read_responder(Cursor& in) noexcept {
    const std::uint8_t* const start = in.at();
    if (in.next_is(der::context_constructed(1))) {
      const Inside field(in, der::context_constructed(1));
      x509::read_name(in, out.responder_name_);
      return;
    }
    const Inside field(in, der::context_constructed(2));
    in.read(der::kOctetString);
    out.responder_key_hash_ = in.content();
    in.require(out.responder_key_hash_.size() == kSha1Size, ErrorCode::bad_value, start);
  }

  void read_data(Cursor& in) noexcept {
    read_version(in);
    read_responder(in);
    out.produced_at_ = in.generalized_time();
    {
      const Inside answers(in, der::kSequence);
      out.answers_ = in.content();
      in.require_more(ErrorCode::bad_value);
      while (in.more()) read_answer(in);
    }
    if (in.next_is(der::context_constructed(1))) {
      const Inside field(in, der::context_constructed(1));
      read_extensions(in, &out.nonce_);
    }
  }

  // BasicOCSPResponse. The certificates are read when one of them is looked for.
  void read_basic(Cursor& in) noexcept {
    const Inside basic(in, der::kSequence);
    {
      const Inside data(in, der::kSequence, out.tbs_);
      read_data(in);
    }
    x509::read_algorithm(in, out.algorithm_);
    in.bit_string_octets();
    out.signature_ = in.content();
    if (in.next_is(der::context_constructed(0))) {
      const Inside field(in, der::context_constructed(0));
      const Inside certificates(in, der::kSequence);
      out.certificates_ = in.content();
      while (in.more()) in.read(der::kSequence);
    }
  }

  void read_response(Cursor& in) noexcept {
    {
      const Inside response(in, der::kSequence);
      const std::uint8_t* const start = in.at();
      in.require(read_enumerated(in) == 0, ErrorCode::ocsp_refused, start);
      const Inside field(in, der::context_constructed(0));
      const Inside octets(in, der::kSequence);
      in.oid();
      in.require(equal(in.content(), kBasic), ErrorCode::unsupported_version, in.start());
      const Inside value(in, der::kOctetString);
      read_basic(in);
    }
    in.finish();
  }
};

Result<OcspResponse> OcspResponse::parse(Bytes der) noexcept {
  OcspResponse response;
  OcspParser parser{response};
  Reader in(der);
  PEDIGREE_TRY(der::read_with_cursor(in, [&](Cursor& cursor) { parser.read_response(cursor); }));
  return response;
}

Result<OcspSingle> OcspResponse::read_single(Reader& in) noexcept {
  return der::read_with_cursor(in, [](Cursor& cursor) { return read_answer(cursor); });
}

}  // namespace pedigree::verifier
