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
constexpr std::size_t kMaxWrittenAttributes = 10;
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
                    return x509::read_signed(in, object);
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

void write_attribute(const Attribute& attribute, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  out.oid(attribute.oid);
  const std::size_t values = out.open(der::kSet);
  out.raw(attribute.value);
  out.close(values);
  out.close(sequence);
}

[[gnu::noinline]] std::size_t size_of(const Attribute& attribute) noexcept {
  Writer counter;
  der::Builder counting(counter);
  write_attribute(attribute, counting);
  return counter.size();
}

// The order of DER's SET OF (X.690 11.6). An encoding begins with its length and then the type, no two of
// which are the same, so that values need not be compared.
bool is_before(const Attribute& a, const Attribute& b) noexcept {
  const std::size_t a_size = size_of(a);
  const std::size_t b_size = size_of(b);
  if (a_size != b_size) return a_size < b_size;
  if (a.oid.size() != b.oid.size()) return a.oid.size() < b.oid.size();
  return less(a.oid, b.oid);
}

class SortedAttributes {
 public:
  /// Errors: too_many, bad_attribute (twice the same).
  ErrorCode add(const Attribute& attribute) noexcept {
    if (count_ == order_.size()) return ErrorCode::too_many;
    for (std::size_t i = 0; i < count_; ++i) {
      if (equal(order_[i]->oid, attribute.oid)) return ErrorCode::bad_attribute;
    }
    std::size_t place = count_++;
    for (; place > 0 && is_before(attribute, *order_[place - 1]); --place) order_[place] = order_[place - 1];
    order_[place] = &attribute;
    return {};
  }

  void write(der::Builder& out) const noexcept {
    const std::size_t attributes = out.open(der::context_constructed(0));
    for (std::size_t i = 0; i < count_; ++i) write_attribute(*order_[i], out);
    out.close(attributes);
  }

 private:
  std::array<const Attribute*, kMaxWrittenAttributes> order_;
  std::size_t count_ = 0;
};

}  // namespace

Result<Attribute> challenge_password(std::string_view password, MutableBytes space) noexcept {
  const Bytes text = as_bytes(password);
  if (text.empty() || text.size() > kMaxChallenge ||
      !x509::is_well_formed_text(der::kPrintableString, text)) {
    return fail(ErrorCode::bad_attribute);
  }
  Writer writer(space);
  der::Builder(writer).element(der::kPrintableString, text);
  PEDIGREE_ASSIGN(const Bytes value, writer.finish());
  return Attribute{oid::kChallengePassword, value};
}

Result<Attribute> extension_request(const x509::ExtensionSet& extensions, MutableBytes space) noexcept {
  Writer writer(space);
  der::Builder out(writer);
  x509::write_extensions(extensions, out);
  if (writer.size() == 0) return fail(ErrorCode::bad_attribute);
  out.enclose(der::kSequence, 0);
  PEDIGREE_ASSIGN(const Bytes value, writer.finish());
  return Attribute{oid::kExtensionRequest, value};
}

Result<Bytes> write_request(const crypto::Crypto& crypto, const RequestFields& fields,
                            const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                            MutableBytes buffer) noexcept {
  static constexpr std::uint8_t kVersion[] = {der::kInteger, 1, 0};
  SortedAttributes attributes;
  for (const Attribute& attribute : fields.attributes) {
    if (const ErrorCode error = attributes.add(attribute); error != ErrorCode{}) return fail(error);
  }
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t info = out.open(der::kSequence);
  out.raw(kVersion);
  out.raw(fields.subject);
  out.raw(fields.spki);
  attributes.write(out);
  out.close(info);
  return x509::sign_and_close(crypto, key, algorithm, 0, out);
}

}  // namespace pedigree::csr
