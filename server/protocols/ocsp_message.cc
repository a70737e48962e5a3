// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/ocsp_message.h"

#include <algorithm>
#include <chrono>

#include "core/x509/oids.h"

namespace pedigree::protocols {
namespace {

namespace oid = x509::oid;

constexpr der::Tag kEnumerated = 0x0a;
constexpr std::size_t kMaxNonce = 128;  // RFC 9654 2.1
constexpr oid::Oid<9> kNonce{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
constexpr oid::Oid<9> kBasic{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};

/// Request: a CertID, and extensions of which none may be critical.
Result<OcspTarget> read_request(Reader& list) {
  PEDIGREE_ASSIGN(const der::Element request, der::read(list, der::kSequence));
  Reader fields = request.reader();
  PEDIGREE_ASSIGN(const OcspTarget target, read_ocsp_target(fields));
  if (der::next_is(fields, der::context_constructed(0))) {
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(fields));
    Reader content = field.reader();
    PEDIGREE_ASSIGN(const der::Element extensions, der::read(content, der::kSequence));
    for (Reader each = extensions.reader(); !each.empty();) {
      PEDIGREE_ASSIGN(const x509::Extension extension, x509::read_extension(each));
      if (extension.critical) return fail(ErrorCode::unknown_critical_extension);
    }
  }
  PEDIGREE_TRY(fields.finish());
  return target;
}

Result<Bytes> read_nonce(Reader in) {
  Bytes nonce;
  while (!in.empty()) {
    PEDIGREE_ASSIGN(const x509::Extension extension, x509::read_extension(in));
    if (equal(extension.oid, kNonce)) {
      // An OCTET STRING inside, or with old clients the octets themselves: repeated as it came.
      if (!nonce.empty()) return fail(ErrorCode::duplicate_extension);
      if (extension.value.empty() || extension.value.size() > kMaxNonce + 3)
        return fail(ErrorCode::bad_value);
      nonce = extension.value;
    } else if (extension.critical) {
      return fail(ErrorCode::unknown_critical_extension);
    }
  }
  return nonce;
}

/// GeneralizedTime, which OCSP uses for every year.
void write_time(der::UnixTime when, der::Builder& out) {
  const std::chrono::sys_seconds time{std::chrono::seconds(when)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<std::uint8_t, 15> text{};
  std::size_t at = 0;
  const auto digits = [&](unsigned value, unsigned count) {
    for (unsigned i = count; i-- > 0; value /= 10U)
      text.at(at + i) = static_cast<std::uint8_t>('0' + value % 10U);
    at += count;
  };
  digits(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  digits(static_cast<unsigned>(date.month()), 2);
  digits(static_cast<unsigned>(date.day()), 2);
  digits(static_cast<unsigned>(clock.hours().count()), 2);
  digits(static_cast<unsigned>(clock.minutes().count()), 2);
  digits(static_cast<unsigned>(clock.seconds().count()), 2);
  text.at(at) = 'Z';
  out.element(der::kGeneralizedTime, text);
}

void write_state(const OcspStatement& statement, der::Builder& out) {
  if (statement.state != OcspStatement::State::revoked) {
    out.element(der::context(statement.state == OcspStatement::State::good ? 0 : 2), {});
    return;
  }
  const std::size_t info = out.open(der::context_constructed(1));
  write_time(statement.revoked_at, out);
  if (statement.reason != x509::RevocationReason::unspecified) {
    const std::size_t reason = out.open(der::context_constructed(0));
    const auto number = static_cast<std::uint8_t>(statement.reason);
    out.element(kEnumerated, Bytes(&number, 1));
    out.close(reason);
  }
  out.close(info);
}

void write_statement(const OcspStatement& statement, const OcspContent& content, der::Builder& out) {
  const std::size_t single = out.open(der::kSequence);
  out.raw(statement.target);
  write_state(statement, out);
  write_time(content.this_update, out);
  const std::size_t next = out.open(der::context_constructed(0));
  write_time(content.next_update, out);
  out.close(next);
  out.close(single);
}

}  // namespace

authority::Der ocsp_failure(OcspFailure failure) {
  return {der::kSequence, 3, kEnumerated, 1, static_cast<std::uint8_t>(failure)};
}

Result<OcspTarget> read_ocsp_target(Reader& outer) {
  PEDIGREE_ASSIGN(const der::Element id, der::read(outer, der::kSequence));
  OcspTarget target;
  target.whole = id.whole;
  Reader in = id.reader();
  PEDIGREE_ASSIGN(const der::Element algorithm, der::read(in, der::kSequence));
  Reader parts = algorithm.reader();
  PEDIGREE_ASSIGN(target.hash_algorithm, der::read_oid(parts));
  PEDIGREE_ASSIGN(const der::Element name, der::read(in, der::kOctetString));
  PEDIGREE_ASSIGN(const der::Element key, der::read(in, der::kOctetString));
  target.name_hash = name.content;
  target.key_hash = key.content;
  PEDIGREE_ASSIGN(target.serial, der::read_unsigned(in));
  PEDIGREE_TRY(in.finish());
  if (target.serial.size() > 20) return fail(ErrorCode::bad_serial);
  return target;
}

authority::Der ocsp_target(Bytes hash_algorithm, Bytes name_hash, Bytes key_hash, Bytes serial) {
  authority::Der buffer(128 + name_hash.size() + key_hash.size());
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t id = out.open(der::kSequence);
  const std::size_t algorithm = out.open(der::kSequence);
  out.oid(hash_algorithm);
  out.null();
  out.close(algorithm);
  out.element(der::kOctetString, name_hash);
  out.element(der::kOctetString, key_hash);
  out.unsigned_integer(serial);
  out.close(id);
  buffer.resize(writer.size());
  return buffer;
}

Result<OcspQuery> parse_ocsp_request(Bytes der) {
  Reader whole(der);
  PEDIGREE_ASSIGN(const der::Element request, der::read(whole, der::kSequence));
  PEDIGREE_TRY(whole.finish());
  Reader outer = request.reader();
  PEDIGREE_ASSIGN(const der::Element tbs, der::read(outer, der::kSequence));
  if (der::next_is(outer, der::context_constructed(0))) PEDIGREE_TRY(der::read_any(outer));
  PEDIGREE_TRY(outer.finish());
  Reader in = tbs.reader();
  if (der::next_is(in, der::context_constructed(0))) {
    PEDIGREE_ASSIGN(const der::Element version, der::read_any(in));
    Reader number = version.reader();
    PEDIGREE_ASSIGN(const std::uint32_t value, der::read_u32(number));
    if (value != 0) return fail(ErrorCode::unsupported_version, version.content_offset);
  }
  if (der::next_is(in, der::context_constructed(1))) PEDIGREE_TRY(der::read_any(in));
  PEDIGREE_ASSIGN(const der::Element list, der::read(in, der::kSequence));
  OcspQuery query;
  for (Reader targets = list.reader(); !targets.empty();) {
    if (query.targets.size() == kMaxOcspCertificates) return fail(ErrorCode::too_many, targets.offset());
    PEDIGREE_ASSIGN(const OcspTarget target, read_request(targets));
    query.targets.push_back(target);
  }
  if (query.targets.empty()) return fail(ErrorCode::bad_value, list.content_offset);
  if (der::next_is(in, der::context_constructed(2))) {
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(in));
    Reader content = field.reader();
    PEDIGREE_ASSIGN(const der::Element extensions, der::read(content, der::kSequence));
    PEDIGREE_TRY(content.finish());
    PEDIGREE_ASSIGN(query.nonce, read_nonce(extensions.reader()));
  }
  PEDIGREE_TRY(in.finish());
  return query;
}

authority::Der ocsp_data(const OcspContent& content) {
  std::size_t room = 256 + content.nonce.size();
  for (const OcspStatement& one : content.statements) room += one.target.size() + 128;
  authority::Der buffer(room);
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t data = out.open(der::kSequence);
  const std::size_t by_key = out.open(der::context_constructed(2));
  out.element(der::kOctetString, content.responder_key_hash);
  out.close(by_key);
  write_time(content.this_update, out);
  const std::size_t list = out.open(der::kSequence);
  for (const OcspStatement& one : content.statements) write_statement(one, content, out);
  out.close(list);
  if (!content.nonce.empty()) {
    const std::size_t field = out.open(der::context_constructed(1));
    const std::size_t extensions = out.open(der::kSequence);
    const std::size_t extension = out.open(der::kSequence);
    out.oid(kNonce);
    out.element(der::kOctetString, content.nonce);
    out.close(extension);
    out.close(extensions);
    out.close(field);
  }
  out.close(data);
  buffer.resize(writer.size());
  return buffer;
}

authority::Der ocsp_answer(Bytes data, Bytes signature, Bytes certificate) {
  authority::Der buffer(data.size() + signature.size() + certificate.size() + 128);
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t response = out.open(der::kSequence);
  const std::uint8_t successful = 0;
  out.element(kEnumerated, Bytes(&successful, 1));
  const std::size_t field = out.open(der::context_constructed(0));
  const std::size_t bytes = out.open(der::kSequence);
  out.oid(kBasic);
  const std::size_t octets = out.open(der::kOctetString);
  const std::size_t basic = out.open(der::kSequence);
  out.raw(data);
  x509::write_signature_algorithm({crypto::Scheme::ecdsa, crypto::Hash::sha256}, out);
  out.bit_string(signature);
  const std::size_t certificates = out.open(der::context_constructed(0));
  const std::size_t sequence = out.open(der::kSequence);
  out.raw(certificate);
  out.close(sequence);
  out.close(certificates);
  out.close(basic);
  out.close(octets);
  out.close(bytes);
  out.close(field);
  out.close(response);
  buffer.resize(writer.size());
  return buffer;
}

}  // namespace pedigree::protocols
