// SPDX-License-Identifier: Apache-2.0
#include "core/cose/cose.h"

namespace pedigree::cose {
namespace {

constexpr std::uint64_t kSign1Tag = 18;  // RFC 9052 2
// Common header labels (RFC 9052 3.1) and x5chain (RFC 9360 2).
constexpr std::int64_t kLabelAlgorithm = 1;
constexpr std::int64_t kLabelCritical = 2;
constexpr std::int64_t kLabelContentType = 3;
constexpr std::int64_t kLabelKeyId = 4;
constexpr std::int64_t kLabelX5Chain = 33;

/// A label is an integer or text (RFC 9052 1.5); text and integers beyond 63 bits are none that we know: 0.
Result<std::int64_t> read_label(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const cbor::Major major, cbor::peek(in));
  if (major == cbor::Major::tstr) {
    PEDIGREE_TRY(cbor::read_tstr(in));
    return 0;
  }
  const auto label = cbor::read_int(in);
  if (!label && label.error().code == ErrorCode::too_long) {
    PEDIGREE_TRY(cbor::skip(in));
    return 0;
  }
  return label;
}

Result<Algorithm> read_algorithm(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  const auto number = cbor::read_int(in);
  if (number == static_cast<std::int64_t>(Algorithm::es256)) return Algorithm::es256;
  if (number == static_cast<std::int64_t>(Algorithm::es384)) return Algorithm::es384;
  if (number == static_cast<std::int64_t>(Algorithm::eddsa)) return Algorithm::eddsa;
  if (number == static_cast<std::int64_t>(Algorithm::ps256)) return Algorithm::ps256;
  // Private algorithms may have text for a name: well-formed, and unsupported too.
  if (number || cbor::read_tstr(in)) return fail(ErrorCode::unsupported_algorithm, offset);
  return std::unexpected(number.error());
}

bool is_understood(std::int64_t label) noexcept {
  return label == kLabelAlgorithm || label == kLabelCritical || label == kLabelContentType ||
         label == kLabelKeyId || label == kLabelX5Chain;
}

/// Writes Sig_structure for "Signature1" (RFC 9052 4.4).
void write_sig_structure(Bytes protected_header, Bytes external_aad, Bytes payload, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.array(4);
  encoder.tstr("Signature1");
  encoder.bstr(protected_header);
  encoder.bstr(external_aad);
  encoder.bstr(payload);
}

/// Octets of the protected header {1: alg}, at most.
constexpr std::size_t kMaxProtectedSize = 8;

Result<Bytes> write_protected_header(crypto::KeyType type, MutableBytes out) noexcept {
  PEDIGREE_ASSIGN(const Algorithm algorithm, algorithm_for(type));
  Writer header(out);
  cbor::Encoder encoder(header);
  encoder.map(1);
  encoder.integer(kLabelAlgorithm);
  encoder.integer(static_cast<std::int64_t>(algorithm));
  return header.finish();
}

/// Writes everything of a COSE_Sign1 up to its signature.
void write_head(const Sign1Fields& fields, Bytes protected_header, cbor::Encoder& out) noexcept {
  if (fields.tagged) out.tag(kSign1Tag);
  out.array(4);
  out.bstr(protected_header);
  out.map(std::size_t{!fields.key_id.empty()} + std::size_t{!fields.x5chain.empty()});
  if (!fields.key_id.empty()) {
    out.integer(kLabelKeyId);
    out.bstr(fields.key_id);
  }
  if (!fields.x5chain.empty()) {
    out.integer(kLabelX5Chain);
    write_x5chain(fields.x5chain, out);
  }
  if (fields.detached) {
    out.null();
  } else {
    out.bstr(fields.payload);
  }
}

}  // namespace

Result<Algorithm> algorithm_for(crypto::KeyType type) noexcept {
  switch (type) {
    case crypto::KeyType::p256:
      return Algorithm::es256;
    case crypto::KeyType::p384:
      return Algorithm::es384;
    case crypto::KeyType::ed25519:
      return Algorithm::eddsa;
    case crypto::KeyType::rsa2048:
    case crypto::KeyType::rsa3072:
    case crypto::KeyType::rsa4096:
      return Algorithm::ps256;
  }
  return fail(ErrorCode::unsupported_algorithm);
}

Result<crypto::SignatureAlgorithm> signature_algorithm(Algorithm algorithm) noexcept {
  switch (algorithm) {
    case Algorithm::es256:
      return crypto::default_algorithm(crypto::KeyType::p256);
    case Algorithm::es384:
      return crypto::default_algorithm(crypto::KeyType::p384);
    case Algorithm::eddsa:
      return crypto::default_algorithm(crypto::KeyType::ed25519);
    case Algorithm::ps256:
      return crypto::SignatureAlgorithm{crypto::Scheme::rsa_pss, crypto::Hash::sha256};
  }
  return fail(ErrorCode::unsupported_algorithm);
}

/// The steps of Sign1::parse.
struct Sign1Parser {
  Sign1 message;
  bool has_algorithm = false;

  /// Reads a header map. `other`: the pairs of the protected header while the unprotected one is read.
  Result<void> read_header(Reader& in, Reader other, std::size_t other_count, bool is_protected) noexcept {
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
    const Reader pairs = in;
    for (std::size_t i = 0; i < count; ++i) {
      const Reader key = in;
      PEDIGREE_ASSIGN(const std::int64_t label, read_label(in));
      PEDIGREE_ASSIGN(const bool twice,
                      cbor::has_key(other, other_count, key.rest().first(key.size() - in.size())));
      if (twice) return fail(ErrorCode::duplicate, key.offset());
      if (label == kLabelCritical) {
        if (!is_protected) return fail(ErrorCode::bad_header, key.offset());
        PEDIGREE_TRY(check_critical(in, pairs, count));
      } else {
        PEDIGREE_TRY(read_value(label, in));
      }
    }
    return {};
  }

  Result<void> read_value(std::int64_t label, Reader& in) noexcept {
    switch (label) {
      case kLabelAlgorithm: {
        PEDIGREE_ASSIGN(message.algorithm_, read_algorithm(in));
        has_algorithm = true;
        return {};
      }
      case kLabelKeyId: {
        PEDIGREE_ASSIGN(message.key_id_, cbor::read_bstr(in));
        return {};
      }
      case kLabelX5Chain: {
        PEDIGREE_ASSIGN(message.x5chain_, read_x5chain(in));
        return {};
      }
      default:
        PEDIGREE_TRY(cbor::skip(in));
        return {};
    }
  }

  /// crit: one or more labels, all understood and all in the protected header (RFC 9052 3.1).
  Result<void> check_critical(Reader& in, Reader pairs, std::size_t pair_count) noexcept {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
    if (count == 0) return fail(ErrorCode::bad_value, offset);
    for (std::size_t i = 0; i < count; ++i) {
      const Reader item = in;
      PEDIGREE_ASSIGN(const std::int64_t label, read_label(in));
      if (!is_understood(label)) return fail(ErrorCode::unknown_critical_header, item.offset());
      PEDIGREE_ASSIGN(const bool present,
                      cbor::has_key(pairs, pair_count, item.rest().first(item.size() - in.size())));
      if (!present) return fail(ErrorCode::bad_header, item.offset());
    }
    return {};
  }

  Result<void> read_headers(Reader& in) noexcept {
    PEDIGREE_ASSIGN(message.protected_, cbor::read_bstr(in));
    Reader pairs;
    std::size_t count = 0;
    if (!message.protected_.empty()) {
      const auto size = static_cast<std::uint32_t>(message.protected_.size());
      Reader header(message.protected_, in.offset() - size);
      pairs = header;
      PEDIGREE_TRY(read_header(header, {}, 0, true));
      PEDIGREE_TRY(header.finish());
      PEDIGREE_ASSIGN(count, cbor::read_map(pairs));
    }
    const Reader start = in;
    PEDIGREE_TRY(read_header(in, pairs, count, false));
    message.unprotected_ = start.rest().first(start.size() - in.size());
    if (!has_algorithm) return fail(ErrorCode::missing_field, start.offset());
    return {};
  }

  Result<void> parse(Reader& in) noexcept {
    PEDIGREE_ASSIGN(const cbor::Major major, cbor::peek(in));
    std::uint32_t offset = in.offset();
    if (major == cbor::Major::tag) {
      PEDIGREE_ASSIGN(const std::uint64_t tag, cbor::read_tag(in));
      if (tag != kSign1Tag) return fail(ErrorCode::bad_tag, offset);
    }
    offset = in.offset();
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
    if (count != 4) return fail(ErrorCode::bad_value, offset);
    PEDIGREE_TRY(read_headers(in));
    if (cbor::next_is_null(in)) {
      PEDIGREE_TRY(cbor::read_null(in));
    } else {
      PEDIGREE_ASSIGN(message.payload_, cbor::read_bstr(in));
    }
    PEDIGREE_ASSIGN(message.signature_, cbor::read_bstr(in));
    return in.finish();
  }
};

Result<Sign1> Sign1::parse(Bytes data) noexcept {
  Reader in(data);
  Sign1Parser parser{.message = Sign1()};
  PEDIGREE_TRY(parser.parse(in));
  return parser.message;
}

Result<void> Sign1::verify(const crypto::Crypto& crypto, const crypto::PublicKey& key, Bytes external_aad,
                           MutableBytes scratch, std::optional<Bytes> detached) const noexcept {
  const std::optional<Bytes> content = payload_ ? payload_ : detached;
  if (!content) return fail(ErrorCode::payload_missing);
  // One algorithm for each type of key, so that an unprotected algorithm cannot weaken the check.
  if (algorithm_for(key.type) != algorithm_) return fail(ErrorCode::wrong_key_type);
  PEDIGREE_ASSIGN(const auto algorithm, signature_algorithm(algorithm_));
  // An empty map is signed as no header (RFC 9052 4.4).
  const bool is_empty_map = protected_.size() == 1;
  Writer out(scratch);
  write_sig_structure(is_empty_map ? Bytes{} : protected_, external_aad, *content, out);
  PEDIGREE_ASSIGN(const Bytes to_be_signed, out.finish());
  return crypto.verify(key, algorithm, to_be_signed, signature_);
}

Result<std::size_t> sign1_size(const Sign1Fields& fields, crypto::KeyType type) noexcept {
  std::array<std::uint8_t, kMaxProtectedSize> header{};
  PEDIGREE_ASSIGN(const Bytes protected_header, write_protected_header(type, header));
  Writer sizer;
  cbor::Encoder encoder(sizer);
  write_head(fields, protected_header, encoder);
  encoder.bstr_head(crypto::signature_size(type));
  return sizer.size() + crypto::signature_size(type);
}

Result<Bytes> write_sign1(const crypto::Crypto& crypto, const Sign1Fields& fields,
                          const crypto::PrivateKey& key, MutableBytes buffer) noexcept {
  std::array<std::uint8_t, kMaxProtectedSize> header{};
  PEDIGREE_ASSIGN(const Bytes protected_header, write_protected_header(key.type, header));
  PEDIGREE_ASSIGN(const std::size_t message_size, sign1_size(fields, key.type));
  Writer sizer;
  write_sig_structure(protected_header, fields.external_aad, fields.payload, sizer);
  if (message_size + sizer.size() > buffer.size()) {
    return fail(ErrorCode::buffer_too_small, static_cast<std::uint32_t>(message_size + sizer.size()));
  }
  Writer scratch(buffer.last(sizer.size()));
  write_sig_structure(protected_header, fields.external_aad, fields.payload, scratch);
  Writer out(buffer);
  cbor::Encoder encoder(out);
  write_head(fields, protected_header, encoder);
  encoder.bstr_head(crypto::signature_size(key.type));
  // Signed where it stands in the message: a buffer for the longest would be half a KiB of stack.
  PEDIGREE_ASSIGN(const Algorithm algorithm, algorithm_for(key.type));
  PEDIGREE_ASSIGN(const auto scheme, signature_algorithm(algorithm));
  const MutableBytes signature = buffer.first(message_size).subspan(out.size());
  PEDIGREE_ASSIGN(const Bytes value, crypto.sign(key, scheme, scratch.written(), signature));
  if (value.size() != signature.size()) return fail(ErrorCode::crypto_failure);
  return Bytes(buffer).first(message_size);
}

}  // namespace pedigree::cose
