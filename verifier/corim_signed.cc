// SPDX-License-Identifier: Apache-2.0
#include "core/cose/cose.h"
#include "core/x509/oids.h"
#include "verifier/corim.h"

namespace pedigree::verifier {
namespace {

constexpr std::int64_t kContentType = 3;   // RFC 9052 3.1
constexpr std::int64_t kCorimMeta = 8;     // draft-ietf-rats-corim 4.2.1
constexpr std::int64_t kCwtClaims = 15;    // RFC 9597
constexpr std::uint64_t kTagSigned = 502;  // older drafts put it before the COSE_Sign1

// The signature's own validity: CWT claims exp (4) and nbf (5).
Result<void> check_cwt_claims(Reader& in, der::UnixTime now) noexcept {
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t offset = in.offset();
    const auto key = cbor::read_int(in);
    if (!key) PEDIGREE_TRY(cbor::skip(in));
    if (!key || (*key != 4 && *key != 5)) {
      PEDIGREE_TRY(cbor::skip(in));
      continue;
    }
    PEDIGREE_ASSIGN(const der::UnixTime when, read_corim_time(in));
    if (*key == 4 && now > when) return fail(ErrorCode::expired, offset);
    if (*key == 5 && now < when) return fail(ErrorCode::not_yet_valid, offset);
  }
  return {};
}

// corim-meta-map: {0: signer, 1: signature-validity}.
Result<void> check_meta(Reader in, der::UnixTime now) noexcept {
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const std::int64_t key, cbor::read_int(in));
    if (key == 1) {
      PEDIGREE_TRY(check_corim_validity(in, now));
    } else {
      PEDIGREE_TRY(cbor::skip(in));
    }
  }
  return in.finish();
}

Result<void> check_protected_header(Bytes header, der::UnixTime now) noexcept {
  Reader in(header);
  bool is_corim = false;
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  for (std::size_t i = 0; i < count; ++i) {
    const auto label = cbor::read_int(in);
    if (!label) PEDIGREE_TRY(cbor::skip(in));
    if (label && *label == kContentType) {
      const auto type = cbor::read_tstr(in);
      if (!type || *type != "application/rim+cbor") return fail(ErrorCode::bad_header);
      is_corim = true;
    } else if (label && *label == kCwtClaims) {
      PEDIGREE_TRY(check_cwt_claims(in, now));
    } else if (label && *label == kCorimMeta) {
      PEDIGREE_ASSIGN(const Bytes meta, cbor::read_bstr(in));
      PEDIGREE_TRY(check_meta(Reader(meta), now));
    } else {
      PEDIGREE_TRY(cbor::skip(in));
    }
  }
  if (!is_corim) return fail(ErrorCode::bad_header);
  return {};
}

Result<void> verify_by_keys(const crypto::Crypto& crypto, const cose::Sign1& message, const CorimTrust& trust,
                            MutableBytes scratch) {
  Error error{ErrorCode::unknown_key, 0};
  for (const std::vector<std::uint8_t>& der : trust.keys) {
    PEDIGREE_ASSIGN(const x509::SubjectPublicKeyInfo spki, x509::parse_spki(der));
    if (!spki.key) continue;
    const auto verified = message.verify(crypto, *spki.key, {}, scratch);
    if (verified) return {};
    error = verified.error();
  }
  return std::unexpected(error);
}

Result<void> verify_by_chain(const crypto::Crypto& crypto, const cose::Sign1& message,
                             const CorimTrust& trust, der::UnixTime now, MutableBytes scratch) {
  const std::span<const Bytes> chain = message.x5chain()->view();
  PEDIGREE_ASSIGN(const x509::Certificate leaf, x509::Certificate::parse(chain.front()));
  if (!leaf.extensions().ext_key_usage) return fail(ErrorCode::eku_forbids);
  x509::PathOptions options;
  options.anchors = trust.anchors;
  options.time = now;
  options.key_purpose = Bytes(x509::oid::kCodeSigning);
  options.leaf_key_usage = x509::kDigitalSignature;
  const x509::Verdict verdict = x509::validate_path(crypto, chain, options);
  if (verdict.code) return fail(*verdict.code);
  if (!leaf.spki().key) return fail(ErrorCode::unsupported_algorithm);
  return message.verify(crypto, *leaf.spki().key, {}, scratch);
}

Result<Bytes> open_signed(const crypto::Crypto& crypto, Bytes cbor, const CorimTrust& trust,
                          der::UnixTime now) {
  Reader in(cbor);
  Reader ahead = in;
  if (const auto tag = cbor::read_tag(ahead); tag && *tag == kTagSigned) in = ahead;
  PEDIGREE_ASSIGN(const cose::Sign1 message, cose::Sign1::parse(in.rest()));
  if (!message.payload()) return fail(ErrorCode::payload_missing);
  std::vector<std::uint8_t> scratch(cbor.size() + 64);
  if (message.x5chain() && !trust.anchors.empty()) {
    PEDIGREE_TRY(verify_by_chain(crypto, message, trust, now, scratch));
  } else {
    PEDIGREE_TRY(verify_by_keys(crypto, message, trust, scratch));
  }
  PEDIGREE_TRY(check_protected_header(message.protected_header(), now));
  return *message.payload();
}

}  // namespace

std::expected<void, ReferenceError> read_signed_corim(const crypto::Crypto& crypto, Bytes cbor,
                                                      const CorimTrust& trust, der::UnixTime now,
                                                      ReferenceValues& values) {
  const auto payload = open_signed(crypto, cbor, trust, now);
  if (!payload) {
    ReferenceError error = corim_error(payload.error());
    if (error.code == ErrorCode::bad_header) {
      error.what = "what is signed is no reference manifest: its content type is not application/rim+cbor";
    }
    if (error.code == ErrorCode::unknown_key) {
      error.what = "the signer is none that the policy trusts for reference values";
    }
    return std::unexpected(std::move(error));
  }
  return read_corim(*payload, values, now);
}

}  // namespace pedigree::verifier
