// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "authority/text.h"
#include "core/der/cursor.h"
#include "core/x509/oids.h"
#include "registry/device.h"

namespace pedigree::protocols {

using authority::refuse;

namespace {

constexpr std::size_t kMaxTransaction = 32;
constexpr std::size_t kMaxNonce = 64;
constexpr der::Tag kEnumerated = 0x0a;

// id-PasswordBasedMac, id-DHBasedMac (RFC 4210 5.1.3), id-PBMAC1 (RFC 8018 A.5).
constexpr std::array<std::uint8_t, 9> kPasswordMac{0x2a, 0x86, 0x48, 0x86, 0xf6, 0x7d, 0x07, 0x42, 0x0d};
constexpr std::array<std::uint8_t, 9> kDhMac{0x2a, 0x86, 0x48, 0x86, 0xf6, 0x7d, 0x07, 0x42, 0x1e};
constexpr std::array<std::uint8_t, 9> kPbmac1{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e};

// id-it-implicitConfirm.
constexpr std::array<std::uint8_t, 8> kImplicitConfirm{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x0d};

struct Operation {
  std::string_view name;
  CmpBody body;
};
// RFC 9483 6.1.
constexpr std::array<Operation, 9> kOperations{{{"initialization", CmpBody::ir},
                                                {"certification", CmpBody::cr},
                                                {"keyupdate", CmpBody::kur},
                                                {"pkcs10", CmpBody::p10cr},
                                                {"revocation", CmpBody::rr},
                                                {"getcacerts", CmpBody::genm},
                                                {"getrootupdate", CmpBody::genm},
                                                {"getcertreqtemplate", CmpBody::genm},
                                                {"getcrls", CmpBody::genm}}};

const Operation* find_operation(std::string_view name) {
  const auto* found = std::ranges::find(kOperations, name, &Operation::name);
  return found == kOperations.end() ? nullptr : found;
}

bool is_constructed_context(der::Tag tag) {
  return (tag & 0xe0U) == 0xa0U;
}

std::string told(const Error& error, const char* what) {
  return fmt::format("the {} at offset {}: {}", what, error.offset, sentence(error.code));
}

/// What stands inside an EXPLICIT tag, and nothing beside it.
Result<Bytes> read_octets(const der::Element& field, std::size_t most) {
  Reader in = field.reader();
  PEDIGREE_ASSIGN(const der::Element octets, der::read(in, der::kOctetString));
  PEDIGREE_TRY(in.finish());
  if (octets.content.empty()) return fail(ErrorCode::bad_value, octets.content_offset);
  if (octets.content.size() > most) return fail(ErrorCode::too_long, octets.content_offset);
  return octets.content;
}

/// GeneralizedTime in DER, whose fraction of a second (X.690 11.7) is left out.
Result<der::UnixTime> read_message_time(const der::Element& field) {
  constexpr std::size_t kSeconds = 14;  // YYYYMMDDHHMMSS
  Reader in = field.reader();
  PEDIGREE_ASSIGN(const der::Element time, der::read(in, der::kGeneralizedTime));
  PEDIGREE_TRY(in.finish());
  const Bytes text = time.content;
  if (text.size() <= kSeconds) return fail(ErrorCode::bad_time, time.content_offset);
  const Bytes fraction = text.subspan(kSeconds, text.size() - kSeconds - 1);
  const auto is_digit = [](std::uint8_t one) { return one >= '0' && one <= '9'; };
  const bool good =
      fraction.empty() || (fraction.size() > 1 && fraction.front() == '.' &&
                           std::ranges::all_of(fraction.subspan(1), is_digit) && fraction.back() != '0');
  std::array<std::uint8_t, 2 + kSeconds + 1> whole_seconds{der::kGeneralizedTime, kSeconds + 1};
  std::ranges::copy(text.first(kSeconds), whole_seconds.begin() + 2);
  whole_seconds.back() = text.back();
  der::Cursor cursor{Bytes(whole_seconds)};
  const der::UnixTime when = cursor.generalized_time();
  if (!good || !cursor.ok()) return fail(ErrorCode::bad_time, time.content_offset);
  return when;
}

/// generalInfo: whether one of its values is implicitConfirm.
Result<bool> asks_no_confirmation(const der::Element& field) {
  Reader inside = field.reader();
  PEDIGREE_ASSIGN(const der::Element list, der::read(inside, der::kSequence));
  PEDIGREE_TRY(inside.finish());
  bool found = false;
  for (Reader values = list.reader(); !values.empty();) {
    PEDIGREE_ASSIGN(const der::Element value, der::read(values, der::kSequence));
    Reader parts = value.reader();
    PEDIGREE_ASSIGN(const Bytes type, der::read_oid(parts));
    found = found || equal(type, kImplicitConfirm);
  }
  return found;
}

/// PKIHeader (RFC 4210 5.1.1): its fields' tags come in ascending order, each once.
Result<void> read_header(Reader in, CmpOutline& out) {
  PEDIGREE_TRY(der::read_u32(in));
  PEDIGREE_ASSIGN(const der::Element sender, der::read_any(in));
  PEDIGREE_TRY(der::read_any(in));  // recipient
  out.sender = sender.whole;
  for (der::Tag before = 0; !in.empty();) {
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(in));
    if (!is_constructed_context(field.tag) || field.tag <= before ||
        field.tag > der::context_constructed(8)) {
      return fail(ErrorCode::bad_tag, field.content_offset);
    }
    before = field.tag;
    if (field.tag == der::context_constructed(0)) {
      PEDIGREE_ASSIGN(out.time, read_message_time(field));
    } else if (field.tag == der::context_constructed(1)) {
      Reader inside = field.reader();
      PEDIGREE_ASSIGN(out.protection, x509::read_algorithm(inside));
      PEDIGREE_TRY(inside.finish());
    } else if (field.tag == der::context_constructed(4)) {
      PEDIGREE_ASSIGN(out.transaction, read_octets(field, kMaxTransaction));
    } else if (field.tag == der::context_constructed(5)) {
      PEDIGREE_ASSIGN(out.nonce, read_octets(field, kMaxNonce));
    } else if (field.tag == der::context_constructed(8)) {
      PEDIGREE_ASSIGN(out.implicit_confirm, asks_no_confirmation(field));
    }
  }
  return {};
}

/// extraCerts (RFC 4210 5.1): the first certificate.
Result<Bytes> read_signer(const der::Element& field) {
  Reader inside = field.reader();
  PEDIGREE_ASSIGN(const der::Element list, der::read(inside, der::kSequence));
  PEDIGREE_TRY(inside.finish());
  Reader certificates = list.reader();
  PEDIGREE_ASSIGN(const der::Element first, der::read(certificates, der::kSequence));
  return first.whole;
}

Result<CmpOutline> read_message(Bytes message) {
  PEDIGREE_TRY(der::check_nesting(message));
  CmpOutline outline;
  Reader whole(message);
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(whole, der::kSequence));
  PEDIGREE_TRY(whole.finish());
  Reader in = sequence.reader();
  PEDIGREE_ASSIGN(const der::Element header, der::read(in, der::kSequence));
  PEDIGREE_TRY(read_header(header.reader(), outline));
  PEDIGREE_ASSIGN(const der::Element body, der::read_any(in));
  if (!is_constructed_context(body.tag)) return fail(ErrorCode::bad_tag, body.content_offset);
  outline.body = static_cast<CmpBody>(body.tag & 0x1fU);
  outline.content = body.content;
  bool is_signed = false;
  if (der::next_is(in, der::context_constructed(0))) {
    PEDIGREE_TRY(der::read_any(in));
    is_signed = true;
  }
  if (der::next_is(in, der::context_constructed(1))) {
    PEDIGREE_ASSIGN(const der::Element certificates, der::read_any(in));
    PEDIGREE_ASSIGN(outline.signer, read_signer(certificates));
  }
  PEDIGREE_TRY(in.finish());
  if (!is_signed) outline.protection.reset();
  if (outline.transaction.empty()) return fail(ErrorCode::bad_value, header.content_offset);
  return outline;
}

/// The fields of a CertTemplate (RFC 4211 5) that count.
Result<CmpCertRequest> read_template(Reader in) {
  CmpCertRequest request;
  while (!in.empty()) {
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(in));
    if (field.tag == der::context_constructed(5)) {  // EXPLICIT: a Name is a CHOICE
      Reader inside = field.reader();
      PEDIGREE_ASSIGN(const der::Element name, der::read(inside, der::kSequence));
      request.subject = name.whole;
    } else if (field.tag == der::context_constructed(6)) {
      request.spki.assign(field.whole.begin(), field.whole.end());
      request.spki.front() = der::kSequence;
    }
  }
  return request;
}

/// Whether the ProofOfPossession is a signature over the CertRequest, by an algorithm of the contract.
Result<bool> is_whole_signature(Reader& in) {
  if (!der::next_is(in, der::context_constructed(1))) return false;
  PEDIGREE_ASSIGN(const der::Element proof, der::read_any(in));
  Reader parts = proof.reader();
  if (der::next_is(parts, der::context_constructed(0))) return false;
  PEDIGREE_ASSIGN(const x509::AlgorithmIdentifier algorithm, x509::read_algorithm(parts));
  return algorithm.signature.has_value();
}

Result<std::pair<CmpCertRequest, bool>> read_request(Bytes message) {
  Reader outer(message);
  PEDIGREE_ASSIGN(const der::Element whole, der::read(outer, der::kSequence));
  PEDIGREE_TRY(outer.finish());
  Reader in = whole.reader();
  PEDIGREE_ASSIGN(const der::Element asked, der::read(in, der::kSequence));
  Reader fields = asked.reader();
  PEDIGREE_TRY(der::read(fields, der::kInteger));
  PEDIGREE_ASSIGN(const der::Element wanted, der::read(fields, der::kSequence));
  PEDIGREE_ASSIGN(CmpCertRequest request, read_template(wanted.reader()));
  PEDIGREE_ASSIGN(const bool proven, is_whole_signature(in));
  return std::pair(std::move(request), proven);
}

Result<CmpConfirmation> read_confirmation(Reader content) {
  CmpConfirmation confirmation;
  PEDIGREE_ASSIGN(const der::Element list, der::read(content, der::kSequence));
  PEDIGREE_TRY(content.finish());
  Reader all = list.reader();
  if (all.empty()) return confirmation;
  PEDIGREE_ASSIGN(const der::Element status, der::read(all, der::kSequence));
  Reader in = status.reader();
  PEDIGREE_ASSIGN(const der::Element hash, der::read(in, der::kOctetString));
  if (hash.content.empty()) return fail(ErrorCode::bad_value, hash.content_offset);
  confirmation.hash = hash.content;
  PEDIGREE_TRY(der::read(in, der::kInteger));  // certReqId: there is one request in a message
  confirmation.accepted = true;
  if (in.empty()) return confirmation;
  PEDIGREE_ASSIGN(const der::Element info, der::read(in, der::kSequence));
  PEDIGREE_TRY(in.finish());
  Reader fields = info.reader();
  PEDIGREE_ASSIGN(const std::uint32_t value, der::read_u32(fields));
  confirmation.accepted = value <= 1;  // accepted, grantedWithMods
  return confirmation;
}

Result<x509::RevocationReason> read_reason(Reader content) {
  PEDIGREE_ASSIGN(const der::Element list, der::read(content, der::kSequence));
  Reader all = list.reader();
  PEDIGREE_ASSIGN(const der::Element details, der::read(all, der::kSequence));
  Reader in = details.reader();
  PEDIGREE_TRY(der::read(in, der::kSequence));  // certDetails
  if (!der::next_is(in, der::kSequence)) return x509::RevocationReason::unspecified;
  PEDIGREE_ASSIGN(const der::Element extensions, der::read(in, der::kSequence));
  for (Reader each = extensions.reader(); !each.empty();) {
    PEDIGREE_ASSIGN(const x509::Extension extension, x509::read_extension(each));
    if (!equal(extension.oid, x509::oid::kReasonCode)) continue;
    Reader value(extension.value, extension.value_offset);
    PEDIGREE_ASSIGN(const der::Element number, der::read(value, kEnumerated));
    if (number.content.size() != 1) return fail(ErrorCode::bad_value, number.content_offset);
    return static_cast<x509::RevocationReason>(number.content.front());
  }
  return x509::RevocationReason::unspecified;
}

}  // namespace

bool asks_for_certificate(CmpBody body) noexcept {
  return body == CmpBody::ir || body == CmpBody::cr || body == CmpBody::p10cr || body == CmpBody::kur;
}

std::optional<CmpPath> parse_cmp_path(std::string_view below) {
  CmpPath path;
  constexpr std::string_view kLabelled = "/p/";
  if (below.starts_with(kLabelled)) {
    below.remove_prefix(kLabelled.size());
    const std::string_view label = below.substr(0, below.find('/'));
    below.remove_prefix(label.size());
    const std::size_t dot = label.find('.');
    path.profile = label.substr(0, dot);
    if (dot != std::string_view::npos) path.issuer = label.substr(dot + 1);
    const bool named = authority::is_name(path.profile) &&
                       (dot == std::string_view::npos || authority::is_name(path.issuer));
    if (!named) return std::nullopt;
  }
  if (below.empty() || below == "/") return path;
  if (!below.starts_with('/')) return std::nullopt;
  path.operation = below.substr(1);
  if (find_operation(path.operation) == nullptr) return std::nullopt;
  return path;
}

bool belongs_to(const CmpPath& path, CmpBody body) {
  const Operation* operation = find_operation(path.operation);
  return operation == nullptr || operation->body == body || body == CmpBody::cert_conf ||
         body == CmpBody::error;
}

Answer<CmpOutline> read_cmp_outline(Bytes message) {
  auto outline = read_message(message);
  if (outline) return *std::move(outline);
  return refuse(ErrorCode::bad_request, told(outline.error(), "PKIMessage"));
}

bool is_mac(const x509::AlgorithmIdentifier& algorithm) noexcept {
  return equal(algorithm.oid, kPasswordMac) || equal(algorithm.oid, kDhMac) || equal(algorithm.oid, kPbmac1);
}

Answer<CmpCertRequest> read_cmp_cert_request(Bytes message) {
  auto read = read_request(message);
  if (!read) return refuse(ErrorCode::bad_request, told(read.error(), "CertReqMsg"));
  if (!read->second) {
    return refuse(ErrorCode::invalid_signature,
                  "the proof of possession must be a signature over the whole CertRequest (RFC 9483 4.1.1)");
  }
  return std::move(read->first);
}

Answer<x509::RevocationReason> read_cmp_reason(Bytes content) {
  const auto reason = read_reason(Reader(content));
  if (!reason) return refuse(ErrorCode::bad_request, told(reason.error(), "RevReqContent"));
  if (!registry::parse_reason(x509::name(*reason)) ||
      (*reason != x509::RevocationReason::unspecified && x509::name(*reason) == "unspecified")) {
    return refuse(ErrorCode::bad_request,
                  "the request's reason is none for which certificates are revoked here");
  }
  return *reason;
}

Answer<CmpConfirmation> read_cmp_confirmation(Bytes content) {
  const auto confirmation = read_confirmation(Reader(content));
  if (!confirmation) return refuse(ErrorCode::bad_request, told(confirmation.error(), "CertConfirmContent"));
  return *confirmation;
}

bool is_empty_confirmation(Bytes content) noexcept {
  Reader in(content);
  const auto list = der::read(in, der::kSequence);
  return list && list->content.empty();
}

}  // namespace pedigree::protocols
