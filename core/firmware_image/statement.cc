// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/statement.h"

namespace pedigree::image {
namespace {

constexpr std::uint64_t kName = 1;
constexpr std::uint64_t kVersion = 2;
constexpr std::uint64_t kDigest = 3;
constexpr std::uint64_t kParents = 4;
constexpr std::uint64_t kVendor = 5;
constexpr std::uint64_t kClass = 6;

Result<std::uint32_t> read_number(Reader& in, std::uint64_t most) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t number, cbor::read_uint(in));
  if (number > most) return fail(ErrorCode::too_long, offset);
  return static_cast<std::uint32_t>(number);
}

Result<Version> read_version(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count != 4) return fail(ErrorCode::bad_value, offset);
  PEDIGREE_ASSIGN(const std::uint32_t major, read_number(in, 0xff));
  PEDIGREE_ASSIGN(const std::uint32_t minor, read_number(in, 0xff));
  PEDIGREE_ASSIGN(const std::uint32_t revision, read_number(in, 0xffff));
  PEDIGREE_ASSIGN(const std::uint32_t build, read_number(in, 0xffffffff));
  return Version{static_cast<std::uint8_t>(major), static_cast<std::uint8_t>(minor),
                 static_cast<std::uint16_t>(revision), build};
}

Result<std::string_view> read_name(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::string_view text, cbor::read_tstr(in));
  if (text.empty() || text.size() > kMaxName) return fail(ErrorCode::bad_value, offset);
  return text;
}

Result<Bytes> read_digest(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const Bytes octets, cbor::read_bstr(in));
  if (octets.size() != 32 && octets.size() != 48 && octets.size() != 64) {
    return fail(ErrorCode::bad_value, offset);
  }
  return octets;
}

Result<void> read_parents(Reader& in, Statement& out) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count == 0 || count > kMaxParents) return fail(ErrorCode::too_many, offset);
  while (out.parent_count < count) {
    PEDIGREE_ASSIGN(const Bytes digest, cbor::read_bstr(in));
    if (digest.size() != sizeof(Sha256)) return fail(ErrorCode::bad_value, offset);
    out.parents[out.parent_count++] = digest;
  }
  return {};
}

Result<Uuid> read_uuid(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const Bytes octets, cbor::read_bstr(in));
  Uuid id{};
  if (octets.size() != id.size()) return fail(ErrorCode::bad_value, offset);
  std::copy(octets.begin(), octets.end(), id.begin());
  return id;
}

/// Reads the value of one key.
Result<void> read_field(std::uint64_t key, Reader& in, Statement& out) noexcept {
  switch (key) {
    case kName: {
      PEDIGREE_ASSIGN(out.name, read_name(in));
      return {};
    }
    case kVersion: {
      PEDIGREE_ASSIGN(out.product.version, read_version(in));
      return {};
    }
    case kDigest: {
      PEDIGREE_ASSIGN(out.digest, read_digest(in));
      return {};
    }
    case kParents:
      return read_parents(in, out);
    case kVendor: {
      PEDIGREE_ASSIGN(out.product.vendor, read_uuid(in));
      return {};
    }
    case kClass: {
      PEDIGREE_ASSIGN(out.product.class_id, read_uuid(in));
      return {};
    }
    default:
      return fail(ErrorCode::bad_value, in.offset());
  }
}

Result<Statement> read_payload(Reader& in) noexcept {
  Statement statement;
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_map(in));
  std::uint64_t last = 0;
  std::size_t required = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::uint64_t key, cbor::read_uint(in));
    if (key <= last) return fail(ErrorCode::bad_value, offset);  // in order, so no key is there twice
    last = key;
    required += key <= kDigest ? 1 : 0;
    PEDIGREE_TRY(read_field(key, in, statement));
  }
  if (required != kDigest) return fail(ErrorCode::missing_field, in.offset());
  PEDIGREE_TRY(in.finish());
  return statement;
}

void write_version(const Version& version, cbor::Encoder& out) noexcept {
  out.array(4);
  out.uint(version.major);
  out.uint(version.minor);
  out.uint(version.revision);
  out.uint(version.build);
}

/// The parts of a message that are looked at before anything is verified.
struct Parts {
  cose::Sign1 message;
  SignedStatement content;
};

Result<Parts> split(Bytes message) noexcept {
  const auto parsed = cose::Sign1::parse(message);
  if (!parsed) return fail(ErrorCode::lineage_refused, parsed.error().offset);
  if (!parsed->payload() || !parsed->x5chain()) return fail(ErrorCode::lineage_refused);
  PEDIGREE_ASSIGN(const Statement statement, parse_statement(*parsed->payload()));
  return Parts{*parsed, {statement, {*parsed->x5chain(), {}}}};
}

}  // namespace

Result<Statement> parse_statement(Bytes cbor) noexcept {
  Reader in(cbor);
  auto statement = read_payload(in);
  if (!statement) return fail(ErrorCode::lineage_refused, statement.error().offset);
  return statement;
}

void write_statement(const Statement& statement, Writer& out) noexcept {
  const Product& product = statement.product;
  cbor::Encoder encoder(out);
  encoder.map(3 + std::size_t{statement.parent_count != 0} + std::size_t{product.vendor.has_value()} +
              std::size_t{product.class_id.has_value()});
  encoder.uint(kName);
  encoder.tstr(statement.name);
  encoder.uint(kVersion);
  write_version(product.version, encoder);
  encoder.uint(kDigest);
  encoder.bstr(statement.digest);
  if (statement.parent_count != 0) {
    encoder.uint(kParents);
    encoder.array(statement.parent_count);
    for (std::size_t i = 0; i < statement.parent_count; ++i) encoder.bstr(statement.parents[i]);
  }
  if (product.vendor) {
    encoder.uint(kVendor);
    encoder.bstr(*product.vendor);
  }
  if (product.class_id) {
    encoder.uint(kClass);
    encoder.bstr(*product.class_id);
  }
}

Result<SignedStatement> verify_statement(const crypto::Crypto& crypto, Bytes message,
                                         const TrustOptions& options, MutableBytes scratch,
                                         x509::Verdict& path) noexcept {
  PEDIGREE_ASSIGN(Parts parts, split(message));
  PEDIGREE_ASSIGN(parts.content.signer, trust_signer(crypto, parts.content.signer.chain, options,
                                                     parts.content.statement.product, path));
  PEDIGREE_TRY(parts.message.verify(crypto, parts.content.signer.key, as_bytes(kStatementContext), scratch));
  return parts.content;
}

Result<SignedStatement> read_statement(Bytes message) noexcept {
  PEDIGREE_ASSIGN(const Parts parts, split(message));
  return parts.content;
}

}  // namespace pedigree::image
