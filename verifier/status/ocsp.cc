// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/ocsp.h"

#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::verifier {
namespace {

using der::Cursor;
using der::Element;
using x509::oid::Oid;

constexpr der::Tag kEnumerated = 0x0a;
// RFC 6960 4.2.1 and 4.4: id-pkix-ocsp-basic, id-pkix-ocsp-nonce.
constexpr Oid<9> kBasic{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
constexpr Oid<9> kNonce{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
constexpr std::size_t kSha1Size = 20;
constexpr std::size_t kMaxExtensions = 24;

// ENUMERATED of one octet.
std::uint8_t read_enumerated(Cursor& in) noexcept {
  const Element element = in.read(kEnumerated);
  in.require(element.content.size() == 1, ErrorCode::bad_value, element.content_offset);
  return in.ok() ? element.content[0] : std::uint8_t{0};
}

// CRLReason (RFC 5280 5.3.1): 7 is not used.
x509::RevocationReason read_reason(Cursor& in) noexcept {
  const std::uint32_t offset = in.offset();
  const std::uint8_t reason = read_enumerated(in);
  in.require(reason <= 10 && reason != 7, ErrorCode::bad_value, offset);
  return static_cast<x509::RevocationReason>(reason);
}

// Extensions that may be passed over; a nonce goes to `nonce`, where there is one to be had.
void read_extensions(Cursor& field, std::optional<Bytes>* nonce) noexcept {
  Cursor in = field.open_only(der::kSequence);
  std::array<Bytes, kMaxExtensions> seen{};
  std::size_t count = 0;
  while (in.more()) {
    const std::uint32_t offset = in.offset();
    const x509::Extension extension = x509::read_extension(in);
    in.require(count < seen.size(), ErrorCode::too_many, offset);
    if (!in.ok()) return;
    for (std::size_t i = 0; i < count; ++i) {
      in.require(!equal(seen[i], extension.oid), ErrorCode::duplicate_extension, offset);
    }
    seen[count++] = extension.oid;
    if (nonce != nullptr && equal(extension.oid, kNonce)) {
      Cursor value = in.inside(extension.value, extension.value_offset);
      *nonce = value.read(der::kOctetString).content;
      value.finish();
    } else {
      in.require(!extension.critical, ErrorCode::unknown_critical_extension, offset);
    }
  }
}

OcspCertId read_cert_id(Cursor& in) noexcept {
  Cursor fields = in.open(der::kSequence);
  OcspCertId id;
  Cursor algorithm = fields.open(der::kSequence);
  id.hash_algorithm = algorithm.oid();
  if (algorithm.more()) algorithm.null();
  algorithm.finish();
  id.issuer_name_hash = fields.read(der::kOctetString).content;
  id.issuer_key_hash = fields.read(der::kOctetString).content;
  id.serial = x509::read_serial(fields);
  fields.finish();
  return id;
}

// CertStatus: good [0], revoked [1] RevokedInfo, unknown [2].
void read_state(Cursor& in, OcspSingle& single) noexcept {
  const std::uint32_t offset = in.offset();
  const Element choice = in.any();
  if (choice.tag == der::context_constructed(1)) {
    single.state = OcspSingle::State::revoked;
    Cursor info = in.inside(choice);
    single.revoked_at = info.generalized_time();
    if (info.next_is(der::context_constructed(0))) {
      Cursor field = info.open(der::context_constructed(0));
      single.reason = read_reason(field);
      field.finish();
    }
    info.finish();
    return;
  }
  const bool is_good = choice.tag == der::context(0);
  in.require(is_good || choice.tag == der::context(2), ErrorCode::bad_tag, offset);
  in.require(choice.content.empty(), ErrorCode::bad_value, choice.content_offset);
  single.state = is_good ? OcspSingle::State::good : OcspSingle::State::unknown;
}

OcspSingle read_answer(Cursor& in) noexcept {
  OcspSingle single;
  Cursor fields = in.open(der::kSequence);
  single.id = read_cert_id(fields);
  read_state(fields, single);
  single.this_update = fields.generalized_time();
  if (fields.next_is(der::context_constructed(0))) {
    Cursor field = fields.open(der::context_constructed(0));
    single.next_update = field.generalized_time();
    field.finish();
  }
  if (fields.next_is(der::context_constructed(1))) {
    Cursor field = fields.open(der::context_constructed(1));
    read_extensions(field, nullptr);
  }
  fields.finish();
  return single;
}

}  // namespace

struct OcspParser {
  OcspResponse& out;

  void read_version(Cursor& data) noexcept {
    if (!data.next_is(der::context_constructed(0))) return;
    const std::uint32_t offset = data.offset();
    Cursor field = data.open(der::context_constructed(0));
    // DER leaves the default, v1 = 0, out; but responders write it, and its meaning is the same.
    field.require(field.u32() == 0, ErrorCode::unsupported_version, offset);
    field.finish();
  }

  void read_responder(Cursor& data) noexcept {
    const std::uint32_t offset = data.offset();
    if (data.next_is(der::context_constructed(1))) {
      Cursor field = data.open(der::context_constructed(1));
      out.responder_name_ = x509::read_name(field);
      field.finish();
      return;
    }
    Cursor field = data.open(der::context_constructed(2));
    out.responder_key_hash_ = field.read(der::kOctetString).content;
    field.finish();
    data.require(out.responder_key_hash_.size() == kSha1Size, ErrorCode::bad_value, offset);
  }

  void read_data(Cursor data) noexcept {
    read_version(data);
    read_responder(data);
    out.produced_at_ = data.generalized_time();
    const Element list = data.read(der::kSequence);
    out.answers_ = list.content;
    Cursor answers = data.inside(list);
    answers.require(answers.more(), ErrorCode::bad_value, list.content_offset);
    while (answers.more()) read_answer(answers);
    if (data.next_is(der::context_constructed(1))) {
      Cursor field = data.open(der::context_constructed(1));
      read_extensions(field, &out.nonce_);
    }
    data.finish();
  }

  // BasicOCSPResponse. The certificates are read when one of them is looked for.
  void read_basic(Cursor in) noexcept {
    Cursor basic = in.open_only(der::kSequence);
    const Element data = basic.read(der::kSequence);
    out.tbs_ = data.whole;
    x509::read_algorithm(basic, out.algorithm_);
    out.signature_ = basic.bit_string_octets();
    if (basic.next_is(der::context_constructed(0))) {
      Cursor field = basic.open(der::context_constructed(0));
      const Element list = field.read(der::kSequence);
      out.certificates_ = list.content;
      Cursor certificates = field.inside(list);
      while (certificates.more()) certificates.read(der::kSequence);
      field.finish();
    }
    basic.finish();
    read_data(basic.inside(data));
  }

  void read_response(Cursor& in) noexcept {
    Cursor response = in.open_only(der::kSequence);
    const std::uint32_t offset = response.offset();
    response.require(read_enumerated(response) == 0, ErrorCode::ocsp_refused, offset);
    Cursor field = response.open(der::context_constructed(0));
    Cursor octets = field.open_only(der::kSequence);
    const std::uint32_t type_offset = octets.offset();
    const Bytes type = octets.oid();
    octets.require(equal(type, kBasic), ErrorCode::unsupported_version, type_offset);
    const Element basic = octets.read(der::kOctetString);
    octets.finish();
    response.finish();
    read_basic(response.inside(basic));
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
