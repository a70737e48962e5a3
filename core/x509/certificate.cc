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
Result<std::uint8_t> read_version(Reader& in) noexcept {
  if (!der::next_is(in, der::context_constructed(0))) return std::uint8_t{1};
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const der::Element field, der::read_any(in));
  Reader content = field.reader();
  PEDIGREE_ASSIGN(const std::uint32_t number, der::read_u32(content));
  PEDIGREE_TRY(content.finish());
  if (number != 1 && number != 2) return fail(ErrorCode::unsupported_version, offset);
  return static_cast<std::uint8_t>(number + 1);
}

// UniqueIdentifier: [n] IMPLICIT BIT STRING, in versions 2 and 3 (RFC 5280 4.1.2.8). Read and not used.
Result<void> skip_unique_identifier(Reader& in, unsigned n) noexcept {
  if (!der::next_is(in, der::context(n))) return {};
  PEDIGREE_ASSIGN(const der::Element element, der::read_any(in));
  const Bytes content = element.content;
  const bool well_formed = !content.empty() && content[0] < (content.size() == 1 ? 1 : 8) &&
                           (content.back() & ((1U << content[0]) - 1U)) == 0;
  if (!well_formed) return fail(ErrorCode::bad_value, element.content_offset);
  return {};
}

}  // namespace

Result<Bytes> read_serial(Reader& in) noexcept {
  Reader ahead = in;
  const auto serial = der::read_unsigned(ahead);
  if (!serial && serial.error().code != ErrorCode::negative_number) return serial;
  // The sign octet that DER may need counts; only zero begins with a zero.
  const bool too_long = in.size() - ahead.size() > kMaxSerial + 2;
  if (!serial || too_long || (*serial)[0] == 0) return fail(ErrorCode::bad_serial, in.offset());
  in = ahead;
  return serial;
}

Result<Bytes> read_name(Reader& in) noexcept {
  Reader ahead = in;
  PEDIGREE_ASSIGN(const der::Element name, der::read(ahead, der::kSequence));
  PEDIGREE_TRY(check_name(name.whole, in.offset()));
  in = ahead;
  return name.whole;
}

Result<SignedObject> read_signed(Bytes der) noexcept {
  Reader in(der);
  PEDIGREE_ASSIGN(const der::Element outer, der::read(in, der::kSequence));
  PEDIGREE_TRY(in.finish());
  Reader fields = outer.reader();
  SignedObject object;
  PEDIGREE_ASSIGN(object.to_be_signed, der::read(fields, der::kSequence));
  object.algorithm_offset = fields.offset();
  PEDIGREE_ASSIGN(object.algorithm, read_algorithm(fields));
  PEDIGREE_ASSIGN(object.signature, der::read_bit_string_octets(fields));
  PEDIGREE_TRY(fields.finish());
  return object;
}

// One method for each SEQUENCE of RFC 5280 4.1.
struct CertificateParser {
  Certificate out;

  Result<void> parse_validity(Reader& tbs) noexcept {
    PEDIGREE_ASSIGN(const der::Element validity, der::read(tbs, der::kSequence));
    Reader fields = validity.reader();
    PEDIGREE_ASSIGN(out.not_before_, der::read_time(fields));
    PEDIGREE_ASSIGN(out.not_after_, der::read_time(fields));
    return fields.finish();
  }

  Result<void> parse_extensions_field(Reader& tbs) noexcept {
    if (out.version_ < 3 || !der::next_is(tbs, der::context_constructed(3))) return {};
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(tbs));
    Reader content = field.reader();
    PEDIGREE_ASSIGN(const der::Element sequence, der::read(content, der::kSequence));
    PEDIGREE_TRY(content.finish());
    PEDIGREE_ASSIGN(out.extensions_, parse_extensions(sequence.reader()));
    out.extensions_content_ = sequence.content;
    return {};
  }

  Result<void> parse_tbs(Reader tbs) noexcept {
    PEDIGREE_ASSIGN(out.version_, read_version(tbs));
    PEDIGREE_ASSIGN(out.serial_, read_serial(tbs));
    const std::uint32_t algorithm_offset = tbs.offset();
    PEDIGREE_ASSIGN(const der::Element algorithm, der::read(tbs, der::kSequence));
    if (!equal(algorithm.whole, out.algorithm_.whole)) {
      return fail(ErrorCode::algorithm_mismatch, algorithm_offset);
    }
    PEDIGREE_ASSIGN(out.issuer_, read_name(tbs));
    PEDIGREE_TRY(parse_validity(tbs));
    PEDIGREE_ASSIGN(out.subject_, read_name(tbs));
    const std::uint32_t spki_offset = tbs.offset();
    PEDIGREE_ASSIGN(const der::Element spki, der::read(tbs, der::kSequence));
    PEDIGREE_ASSIGN(out.spki_, parse_spki(spki.whole, spki_offset));
    if (out.version_ > 1) {
      PEDIGREE_TRY(skip_unique_identifier(tbs, 1));
      PEDIGREE_TRY(skip_unique_identifier(tbs, 2));
    }
    PEDIGREE_TRY(parse_extensions_field(tbs));
    PEDIGREE_TRY(check_subject());
    return tbs.finish();
  }

  // RFC 5280 4.1.2.6: with an empty subject, subjectAltName names the certificate's holder and is critical.
  [[nodiscard]] Result<void> check_subject() const noexcept {
    if (out.subject_.size() > 2) return {};
    for (Reader in(out.extensions_content_); !in.empty();) {
      PEDIGREE_ASSIGN(const Extension extension, read_extension(in));
      if (extension.critical && equal(extension.oid, oid::kSubjectAltName)) return {};
    }
    return fail(ErrorCode::bad_name, static_cast<std::uint32_t>(out.subject_.data() - out.der_.data()));
  }
};

Result<Certificate> Certificate::parse(Bytes der) noexcept {
  CertificateParser parser{Certificate()};
  PEDIGREE_ASSIGN(const SignedObject object, read_signed(der));
  parser.out.der_ = der;
  parser.out.tbs_ = object.to_be_signed.whole;
  parser.out.algorithm_ = object.algorithm;
  parser.out.signature_ = object.signature;
  PEDIGREE_TRY(parser.parse_tbs(object.to_be_signed.reader()));
  return parser.out;
}

}  // namespace pedigree::x509
