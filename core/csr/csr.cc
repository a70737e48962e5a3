// SPDX-License-Identifier: Apache-2.0
#include "core/csr/csr.h"

#include "core/x509/extensions.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"
#include "core/x509/text.h"

namespace pedigree::csr {
namespace {

namespace oid = x509::oid;

constexpr std::size_t kMaxAttributes = 16;
constexpr std::size_t kMaxWrittenAttributes = 8;
constexpr std::size_t kMaxChallenge = 255;  // RFC 2985: pkcs-9-ub-challengePassword
constexpr unsigned kMaxValueDepth = 16;

struct AttributeView {
  Bytes oid;
  der::Element values;  ///< SET OF AttributeValue
};

// Attribute ::= SEQUENCE { type, values SET SIZE(1..MAX) } (RFC 2986 4.1).
Result<AttributeView> read_attribute(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  Reader fields = sequence.reader();
  AttributeView attribute;
  PEDIGREE_ASSIGN(attribute.oid, der::read_oid(fields));
  PEDIGREE_ASSIGN(attribute.values, der::read(fields, der::kSet));
  PEDIGREE_TRY(fields.finish());
  if (attribute.values.content.empty()) return fail(ErrorCode::bad_attribute, fields.offset());
  return attribute;
}

// The value of an attribute that must have exactly one.
Result<der::Element> single_value(const AttributeView& attribute) noexcept {
  Reader in = attribute.values.reader();
  PEDIGREE_ASSIGN(const der::Element value, der::read_any(in));
  if (!in.empty()) return fail(ErrorCode::bad_attribute, in.offset());
  return value;
}

// SET OF: DER wants the encodings in ascending order (X.690 11.6).
Result<void> check_values(const AttributeView& attribute) noexcept {
  Bytes previous;
  for (Reader in = attribute.values.reader(); !in.empty();) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const der::Element value, der::read_any(in));
    if (less(value.whole, previous)) return fail(ErrorCode::wrong_order, offset);
    previous = value.whole;
  }
  return der::check_nesting(attribute.values.content, attribute.values.content_offset, kMaxValueDepth);
}

Result<Bytes> parse_challenge(const AttributeView& attribute) noexcept {
  PEDIGREE_ASSIGN(const der::Element value, single_value(attribute));
  const bool allowed = x509::is_text(value.tag) && !value.content.empty() &&
                       value.content.size() <= kMaxChallenge &&
                       x509::is_well_formed_text(value.tag, value.content);
  if (!allowed) return fail(ErrorCode::bad_attribute, attribute.values.content_offset);
  return value.content;
}

Result<Bytes> parse_requested_extensions(const AttributeView& attribute) noexcept {
  PEDIGREE_ASSIGN(const der::Element value, single_value(attribute));
  if (value.tag != der::kSequence) return fail(ErrorCode::bad_attribute, attribute.values.content_offset);
  PEDIGREE_TRY(x509::parse_extensions(value.reader()));
  return value.content;
}

struct KnownAttributes {
  Bytes challenge;
  Bytes extensions;
};

// SET OF Attribute, ascending, no type twice.
Result<KnownAttributes> parse_attributes(Reader in) noexcept {
  KnownAttributes known;
  std::array<Bytes, kMaxAttributes> types;
  std::size_t count = 0;
  Bytes previous;
  while (!in.empty()) {
    const std::uint32_t offset = in.offset();
    const Bytes rest = in.rest();
    if (count == types.size()) return fail(ErrorCode::too_many, offset);
    PEDIGREE_ASSIGN(const AttributeView attribute, read_attribute(in));
    for (std::size_t i = 0; i < count; ++i) {
      if (equal(types[i], attribute.oid)) return fail(ErrorCode::bad_attribute, offset);
    }
    const Bytes whole = rest.first(rest.size() - in.size());
    if (less(whole, previous)) return fail(ErrorCode::wrong_order, offset);
    types[count++] = attribute.oid;
    previous = whole;
    PEDIGREE_TRY(check_values(attribute));
    if (equal(attribute.oid, oid::kChallengePassword)) {
      PEDIGREE_ASSIGN(known.challenge, parse_challenge(attribute));
    } else if (equal(attribute.oid, oid::kExtensionRequest)) {
      PEDIGREE_ASSIGN(known.extensions, parse_requested_extensions(attribute));
    }
  }
  return known;
}

}  // namespace

Result<Request> Request::parse(Bytes der) noexcept {
  Reader whole(der);
  x509::SignedObject object;
  PEDIGREE_ASSIGN(Reader info, der::read_with_cursor(whole, [&object](der::Cursor& in) {
                    return x509::read_signed(in, object).reader();
                  }));
  Request request;
  request.der_ = der;
  request.info_ = object.to_be_signed;
  request.algorithm_ = object.algorithm;
  request.signature_ = object.signature;
  const std::uint32_t version_offset = info.offset();
  PEDIGREE_ASSIGN(const std::uint32_t version, der::read_u32(info));
  if (version != 0) return fail(ErrorCode::unsupported_version, version_offset);
  PEDIGREE_ASSIGN(request.subject_,
                  der::read_with_cursor(info, [](der::Cursor& in) { return x509::read_name(in); }));
  const std::uint32_t spki_offset = info.offset();
  PEDIGREE_ASSIGN(const der::Element spki, der::read(info, der::kSequence));
  PEDIGREE_ASSIGN(request.spki_, x509::parse_spki(spki.whole, spki_offset));
  // attributes is not OPTIONAL: an empty set is written (RFC 2986 4.1).
  PEDIGREE_ASSIGN(const der::Element attributes, der::read(info, der::context_constructed(0)));
  PEDIGREE_TRY(info.finish());
  PEDIGREE_ASSIGN(const KnownAttributes known, parse_attributes(attributes.reader()));
  request.attributes_ = attributes.content;
  request.challenge_ = known.challenge;
  request.extensions_ = known.extensions;
  return request;
}

Bytes Request::find_attribute(Bytes oid) const noexcept {
  for (Reader in(attributes_); !in.empty();) {
    const auto attribute = read_attribute(in);
    if (!attribute) return {};
    if (!equal(attribute->oid, oid)) continue;
    const auto value = single_value(*attribute);
    return value ? value->whole : Bytes();
  }
  return {};
}

Result<void> Request::verify(const crypto::Crypto& crypto) const noexcept {
  return x509::verify_signature(crypto, spki_, algorithm_, info_, signature_);
}

namespace {

void reverse(const MutableBytes& octets) noexcept {
  for (std::size_t i = 0, j = octets.size(); i + 1 < j; ++i) std::swap(octets[i], octets[--j]);
}

// std::rotate, in a tenth of its code.
void rotate(const MutableBytes& octets, std::size_t first) noexcept {
  reverse(octets.first(first));
  reverse(octets.subspan(first));
  reverse(octets);
}

// Writes attributes one after another and moves each to its place among those before it (X.690 11.6).
class AttributeWriter {
 public:
  AttributeWriter(der::Builder& out, MutableBytes buffer) noexcept : out_(out), buffer_(buffer) {}

  void begin(const Bytes& oid) noexcept {
    starts_[count_] = out_.writer().size();
    attribute_ = out_.open(der::kSequence);
    out_.oid(oid);
    set_ = out_.open(der::kSet);
  }

  void end() noexcept {
    out_.close(set_);
    out_.close(attribute_);
    const std::size_t start = starts_[count_++];
    const std::size_t end = out_.writer().size();
    if (!out_.writer().fits()) return;
    const Bytes added(buffer_.data() + start, end - start);
    std::size_t place = 0;
    while (place + 1 < count_ && less(written(place), added)) ++place;
    const std::size_t to = starts_[place];
    rotate({buffer_.data() + to, end - to}, start - to);
    for (std::size_t i = count_ - 1; i > place; --i) starts_[i] = starts_[i - 1] + (end - start);
  }

 private:
  [[nodiscard]] Bytes written(std::size_t i) const noexcept {
    return {buffer_.data() + starts_[i], starts_[i + 1] - starts_[i]};
  }

  der::Builder& out_;
  MutableBytes buffer_;
  std::array<std::size_t, kMaxWrittenAttributes + 2> starts_{};
  std::size_t count_ = 0;
  std::size_t attribute_ = 0;
  std::size_t set_ = 0;
};

Result<void> check_fields(const RequestFields& fields) noexcept {
  if (fields.attributes.size() > kMaxWrittenAttributes) return fail(ErrorCode::too_many);
  if (fields.challenge_password.size() > kMaxChallenge ||
      !x509::is_well_formed_text(der::kPrintableString, as_bytes(fields.challenge_password))) {
    return fail(ErrorCode::bad_attribute);
  }
  std::array<Bytes, kMaxWrittenAttributes + 2> types;
  std::size_t count = 0;
  if (!fields.challenge_password.empty()) types[count++] = oid::kChallengePassword;
  if (fields.extensions.any()) types[count++] = oid::kExtensionRequest;
  for (const Attribute& attribute : fields.attributes) {
    for (const Bytes& type : std::span(types).first(count)) {
      if (equal(type, attribute.oid)) return fail(ErrorCode::bad_attribute);
    }
    types[count++] = attribute.oid;
  }
  return {};
}

// Extensions is SIZE (1..MAX): a set that writes nothing is not requested.
bool writes_any(const RequestedExtensions& extensions) noexcept {
  Writer counter;
  der::Builder out(counter);
  extensions.write(out);
  return counter.size() != 0;
}

void write_attributes(const RequestFields& fields, MutableBytes buffer, der::Builder& out) noexcept {
  const std::size_t attributes = out.writer().size();
  AttributeWriter writer(out, buffer);
  if (!fields.challenge_password.empty()) {
    writer.begin(oid::kChallengePassword);
    out.element(der::kPrintableString, as_bytes(fields.challenge_password));
    writer.end();
  }
  if (writes_any(fields.extensions)) {
    writer.begin(oid::kExtensionRequest);
    const std::size_t sequence = out.open(der::kSequence);
    fields.extensions.write(out);
    out.close(sequence);
    writer.end();
  }
  for (const Attribute& attribute : fields.attributes) {
    writer.begin(attribute.oid);
    out.raw(attribute.value);
    writer.end();
  }
  out.enclose(der::context_constructed(0), attributes);
}

}  // namespace

Result<Bytes> write_request(const crypto::Crypto& crypto, const RequestFields& fields,
                            const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                            MutableBytes buffer) noexcept {
  PEDIGREE_TRY(check_fields(fields));
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t info = out.open(der::kSequence);
  out.integer(0);
  out.raw(fields.subject);
  out.raw(fields.spki);
  write_attributes(fields, buffer, out);
  out.close(info);
  PEDIGREE_TRY(x509::sign_and_close(crypto, key, algorithm, 0, out));
  return writer.finish();
}

}  // namespace pedigree::csr
