// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/revocation_list.h"

#include "core/x509/oids.h"

namespace pedigree::image {
namespace {

constexpr std::uint64_t kNumber = 1;
constexpr std::uint64_t kIssuedAt = 2;
constexpr std::uint64_t kKeys = 3;
/// First octet of a tagged COSE_Sign1 (tag 18).
constexpr std::uint8_t kSign1Tag = 0xd2;

/// Reads the next key, which must be this one, as the keys have one order.
Result<void> expect_key(Reader& in, std::uint64_t key) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t found, cbor::read_uint(in));
  if (found != key) return fail(ErrorCode::wrong_order, offset);
  return {};
}

/// The array's items, checked to be hashes that ascend.
Result<Bytes> read_entries(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count > kMaxRevocations) return fail(ErrorCode::too_many, in.offset());
  const Bytes start = in.rest();
  Bytes last;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const Bytes hash, cbor::read_bstr(in));
    if (hash.size() != sizeof(Sha256)) return fail(ErrorCode::bad_value, offset);
    if (!last.empty() && !less(last, hash)) return fail(ErrorCode::wrong_order, offset);
    last = hash;
  }
  return start.first(start.size() - in.size());
}

Result<RevocationList> read_payload(Reader& in) noexcept {
  RevocationList list;
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_map(in));
  if (count != kKeys) return fail(ErrorCode::missing_field);
  PEDIGREE_TRY(expect_key(in, kNumber));
  PEDIGREE_ASSIGN(list.number, cbor::read_uint(in));
  if (list.number == 0) return fail(ErrorCode::bad_value, in.offset());
  PEDIGREE_TRY(expect_key(in, kIssuedAt));
  PEDIGREE_ASSIGN(list.issued_at, cbor::read_int(in));
  if (list.issued_at < 0) return fail(ErrorCode::bad_value, in.offset());
  PEDIGREE_TRY(expect_key(in, kKeys));
  PEDIGREE_ASSIGN(list.entries, read_entries(in));
  PEDIGREE_TRY(in.finish());
  return list;
}

bool states_purpose(const x509::Certificate& certificate, bool alone) noexcept {
  if (!certificate.extensions().ext_key_usage) return false;
  Reader purposes(*certificate.extensions().ext_key_usage);
  bool found = false;
  std::size_t count = 0;
  for (; !purposes.empty(); ++count) {
    const auto purpose = der::read_oid(purposes);
    if (!purpose) return false;
    found = found || equal(*purpose, kSignerRevocationPurpose);
  }
  return found && (!alone || count == 1);
}

/// Errors: crypto_failure.
Result<Sha256> anchor_key(const crypto::Crypto& crypto, const x509::TrustAnchor& anchor) noexcept {
  if (!anchor.certificate) return anchor.spki_sha256;
  return crypto.sha256(anchor.certificate->spki().whole);
}

/// Whether the chain's certificates state the purpose, and who they end at. The root need not: it names
/// everybody. Errors: list_refused, crypto_failure.
Result<void> check_purposes(const crypto::Crypto& crypto, const cose::X5Chain& chain,
                            const Sha256& root) noexcept {
  for (std::size_t i = 0; i < chain.count; ++i) {
    PEDIGREE_ASSIGN(const auto certificate, x509::Certificate::parse(chain.certificates[i]));
    if (states_purpose(certificate, i == 0)) continue;
    PEDIGREE_ASSIGN(const Sha256 key, crypto.sha256(certificate.spki().whole));
    const bool is_root = i > 0 && i + 1 == chain.count && key == root;
    if (!is_root) return fail(ErrorCode::list_refused, static_cast<std::uint32_t>(i));
  }
  return {};
}

/// The signer's key. Errors: list_refused, unsupported_algorithm, crypto_failure.
Result<crypto::PublicKey> trust_list_signer(const crypto::Crypto& crypto, const SignedRevocations& content,
                                            const TrustOptions& options, x509::Verdict& path) noexcept {
  x509::PathOptions path_options;
  path_options.anchors = options.anchors;
  path_options.time = options.time;
  path_options.key_purpose = Bytes(kSignerRevocationPurpose);
  path_options.leaf_key_usage = x509::kDigitalSignature;
  path = x509::validate_path(crypto, content.chain.view(), path_options);
  if (path.code || !path.anchor) return fail(ErrorCode::list_refused, path.offset);
  PEDIGREE_ASSIGN(const Sha256 root, anchor_key(crypto, options.anchors[*path.anchor]));
  PEDIGREE_TRY(check_purposes(crypto, content.chain, root));
  if (content.list.contains(root)) return fail(ErrorCode::list_refused);
  PEDIGREE_ASSIGN(const auto leaf, x509::Certificate::parse(content.chain.certificates[0]));
  if (!leaf.spki().key) return fail(ErrorCode::unsupported_algorithm);
  return *leaf.spki().key;
}

/// What is read before anything is verified. Errors: list_refused.
Result<SignedRevocations> content_of(const cose::Sign1& message) noexcept {
  if (!message.payload() || !message.x5chain()) return fail(ErrorCode::list_refused);
  PEDIGREE_ASSIGN(const RevocationList list, parse_revocations(*message.payload()));
  return SignedRevocations{list, *message.x5chain()};
}

Result<cose::Sign1> parse_message(Bytes message) noexcept {
  if (message.size() > kMaxRevocationList || message.empty() || message[0] != kSign1Tag) {
    return fail(ErrorCode::list_refused);
  }
  const auto parsed = cose::Sign1::parse(message);
  if (!parsed) return fail(ErrorCode::list_refused, parsed.error().offset);
  return *parsed;
}

}  // namespace

bool RevocationList::contains(const Sha256& spki_sha256) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (equal((*this)[i], spki_sha256)) return true;
  }
  return false;
}

Result<RevocationList> parse_revocations(Bytes cbor) noexcept {
  Reader in(cbor);
  auto list = read_payload(in);
  if (!list) return fail(ErrorCode::list_refused, list.error().offset);
  return list;
}

void write_revocations(std::uint64_t number, der::UnixTime issued_at, std::span<const Sha256> keys,
                       Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(kKeys);
  encoder.uint(kNumber);
  encoder.uint(number);
  encoder.uint(kIssuedAt);
  encoder.integer(issued_at);
  encoder.uint(kKeys);
  encoder.array(keys.size());
  for (const Sha256& key : keys) encoder.bstr(key);
}

Result<RevocationList> verify_list(const crypto::Crypto& crypto, Bytes message, const TrustOptions& options,
                                   MutableBytes scratch, x509::Verdict& path) noexcept {
  PEDIGREE_ASSIGN(const cose::Sign1 parsed, parse_message(message));
  PEDIGREE_ASSIGN(const SignedRevocations content, content_of(parsed));
  PEDIGREE_ASSIGN(const crypto::PublicKey key, trust_list_signer(crypto, content, options, path));
  const auto verified = parsed.verify(crypto, key, as_bytes(kRevocationContext), scratch);
  if (verified) return content.list;
  switch (verified.error().code) {
    case ErrorCode::buffer_too_small:
    case ErrorCode::unsupported_algorithm:
    case ErrorCode::crypto_failure:
      return std::unexpected(verified.error());
    default:
      return fail(ErrorCode::list_refused);
  }
}

Result<SignedRevocations> read_list(Bytes message) noexcept {
  PEDIGREE_ASSIGN(const cose::Sign1 parsed, parse_message(message));
  return content_of(parsed);
}

Result<Bytes> sign_list(const crypto::Crypto& crypto, Bytes payload, std::span<const Bytes> chain,
                        const crypto::PrivateKey& key, MutableBytes buffer) noexcept {
  cose::Sign1Fields fields;
  fields.payload = payload;
  fields.external_aad = as_bytes(kRevocationContext);
  fields.x5chain = chain;
  PEDIGREE_ASSIGN(const std::size_t size, cose::sign1_size(fields, key.type));
  if (size > kMaxRevocationList) return fail(ErrorCode::too_long, static_cast<std::uint32_t>(size));
  return cose::write_sign1(crypto, fields, key, buffer);
}

Result<bool> replaces(const RevocationList& offered, Bytes offered_message, const RevocationList& kept,
                      Bytes kept_message) noexcept {
  if (offered.number > kept.number) return true;
  if (equal(offered_message, kept_message)) return false;
  return fail(ErrorCode::list_rolled_back);
}

Result<void> check_not_revoked(const crypto::Crypto& crypto, const RevocationList& list,
                               const cose::X5Chain& chain) noexcept {
  if (list.size() == 0) return {};
  for (std::size_t i = 0; i < chain.count; ++i) {
    PEDIGREE_ASSIGN(const auto certificate, x509::Certificate::parse(chain.certificates[i]));
    PEDIGREE_ASSIGN(const Sha256 key, crypto.sha256(certificate.spki().whole));
    if (list.contains(key)) return fail(ErrorCode::signer_revoked, static_cast<std::uint32_t>(i));
  }
  return {};
}

}  // namespace pedigree::image
