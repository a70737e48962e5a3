// SPDX-License-Identifier: Apache-2.0
#include "core/x509/certificate.h"

#include "core/x509/extensions.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

constexpr std::size_t kMaxSerial = 20;

// Version: [0] EXPLICIT INTEGER DEFAULT v1, which DER leaves out.
std::uint8_t read_version(der::Cursor& in) noexcept {
  if (!in.next_is(der::context_constructed(0))) return 1;
  const std::uint32_t offset = in.offset();
  der::Cursor content = in.open(der::context_constructed(0));
  const std::uint32_t number = content.u32();
  content.finish();
  content.require(number == 1 || number == 2, ErrorCode::unsupported_version, offset);
  return static_cast<std::uint8_t>(number + 1);
}

// UniqueIdentifier: [n] IMPLICIT BIT STRING, in versions 2 and 3 (RFC 5280 4.1.2.8). Read and not used.
void skip_unique_identifier(der::Cursor& in, unsigned n) noexcept {
  if (!in.next_is(der::context(n))) return;
  const der::Element element = in.any();
  const Bytes& content = element.content;
  const bool well_formed = !content.empty() && content[0] < (content.size() == 1 ? 1 : 8) &&
                           (content.back() & ((1U << content[0]) - 1U)) == 0;
  in.require(well_formed, ErrorCode::bad_value, element.content_offset);
}

}  // namespace

Bytes read_serial(der::Cursor& in) noexcept {
  if (!in.ok()) return {};
  const Reader start = in.reader();
  const Bytes serial = in.unsigned_integer();
  if (in.error() == ErrorCode::negative_number) in.replace_error(ErrorCode::bad_serial, start.offset());
  // The sign octet that DER may need counts; only zero begins with a zero.
  const bool too_long = start.size() - in.reader().size() > kMaxSerial + 2;
  in.require(!too_long && !serial.empty() && serial[0] != 0, ErrorCode::bad_serial, start.offset());
  return serial;
}

Bytes read_name(der::Cursor& in) noexcept {
  const der::Element name = in.read(der::kSequence);
  check_name_content(in.inside(name));
  return name.whole;
}

der::Cursor read_signed(der::Cursor& in, SignedObject& out) noexcept {
  const der::Element outer = in.read(der::kSequence);
  in.finish();
  der::Cursor fields = in.inside(outer);
  const der::Element to_be_signed = fields.read(der::kSequence);
  out.to_be_signed = to_be_signed.whole;
  read_algorithm(fields, out.algorithm);
  out.signature = fields.bit_string_octets();
  fields.finish();
  return in.inside(to_be_signed);
}

// One function for each SEQUENCE of RFC 5280 4.1.
struct CertificateParser {
  static void parse_validity(Certificate& out, der::Cursor&& fields) noexcept {
    out.not_before_ = fields.time();
    out.not_after_ = fields.time();
    fields.finish();
  }

  static void parse_extensions_field(Certificate& out, der::Cursor& tbs) noexcept {
    if (out.version_ < 3 || !tbs.next_is(der::context_constructed(3))) return;
    der::Cursor content = tbs.open(der::context_constructed(3));
    const der::Element sequence = content.read(der::kSequence);
    content.finish();
    parse_extensions(content.inside(sequence), out.extensions_);
    out.extensions_content_ = sequence.content;
  }

  static void parse_tbs(Certificate& out, der::Cursor&& tbs) noexcept {
    out.version_ = read_version(tbs);
    out.serial_ = read_serial(tbs);
    const std::uint32_t algorithm_offset = tbs.offset();
    const Bytes algorithm = tbs.read(der::kSequence).whole;
    tbs.require(equal(algorithm, out.signature_algorithm().whole), ErrorCode::algorithm_mismatch,
                algorithm_offset);
    out.issuer_ = read_name(tbs);
    parse_validity(out, tbs.open(der::kSequence));
    out.subject_ = read_name(tbs);
    read_spki(tbs, out.signed_key_.spki);
    if (out.version_ > 1) {
      skip_unique_identifier(tbs, 1);
      skip_unique_identifier(tbs, 2);
    }
    parse_extensions_field(out, tbs);
    check_subject(out, tbs);
    tbs.finish();
  }

  // RFC 5280 4.1.2.6: with an empty subject, subjectAltName names the certificate's holder and is critical.
  static void check_subject(const Certificate& out, der::Cursor& tbs) noexcept {
    if (out.subject_.size() > 2 || out.extensions_.subject_alt_name_critical) return;
    tbs.fail(ErrorCode::bad_name, static_cast<std::uint32_t>(out.subject_.data() - out.der_.data()));
  }
};

Result<Certificate> Certificate::parse(Bytes der) noexcept {
  Result<Certificate> result{Certificate()};
  Certificate& out = *result;
  Error first;
  der::Cursor in(Reader(der), first);
  out.der_ = der;
  CertificateParser::parse_tbs(out, read_signed(in, out.signed_key_.object));
  if (!in.ok()) result = std::unexpected(first);
  return result;
}

}  // namespace pedigree::x509
