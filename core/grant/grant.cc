// SPDX-License-Identifier: Apache-2.0
#include "core/grant/grant.h"

#include "core/x509/path.h"

namespace pedigree::grant {
namespace {

constexpr std::uint8_t kOperation = 1;
constexpr std::uint8_t kDeviceId = 2;
constexpr std::uint8_t kNonce = 3;
constexpr std::uint8_t kIssuedAt = 4;
constexpr std::uint8_t kExpiresAt = 5;
constexpr std::uint8_t kSlot = 6;
constexpr std::uint8_t kPurpose = 7;
constexpr std::uint8_t kType = 8;
constexpr std::uint8_t kRoot = 9;

constexpr bool has_slot(Operation operation) noexcept {
  return operation <= Operation::destroy;
}
constexpr bool has_key(Operation operation) noexcept {
  return operation <= Operation::replace;
}
constexpr std::size_t fields_of(Operation operation) noexcept {
  const bool root = operation == Operation::repin;
  return kExpiresAt + (has_slot(operation) || root ? 1U : 0U) + (has_key(operation) ? 2U : 0U);
}

/// A signed grant up to its first certificate: tag 18, array of four, bstr {1: -7}, {33: array of two.
constexpr std::uint8_t kStart[] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26, 0xa1, 0x18, 0x21, 0x82};
/// Its Sig_structure (RFC 9052 4.4) up to the payload: ["Signature1", bstr {1: -7}, kContext,
constexpr std::uint8_t kToBeSigned[] = {0x84, 0x6a, 'S',  'i',  'g',  'n',  'a', 't', 'u', 'r', 'e',
                                        '1',  0x43, 0xa1, 0x01, 0x26, 0x4e, 'P', 'e', 'd', 'i', 'g',
                                        'r',  'e',  'e',  ' ',  'g',  'r',  'a', 'n', 't'};
static_assert(sizeof kToBeSigned == 17 + kContext.size());

/// Reads items one after another and remembers whether all were right: a check of each would be twice the
/// code.
class Items {
 public:
  explicit Items(Bytes data) noexcept : in_(data) {}

  void require(bool holds) noexcept { sound_ = sound_ && holds; }
  [[nodiscard]] bool finished() const noexcept { return sound_ && in_.empty(); }
  [[nodiscard]] std::uint32_t offset() const noexcept { return in_.offset(); }

  /// A number from `first` to `last`; 0 where it is not.
  [[gnu::noinline]] std::uint64_t number(std::uint64_t first, std::uint64_t last) noexcept {
    const auto value = cbor::read_uint(in_);
    require(value && *value >= first && *value <= last);
    return sound_ ? *value : 0;
  }
  /// A byte string.
  [[gnu::noinline]] Bytes octets() noexcept {
    const auto value = cbor::read_bstr(in_);
    require(value.has_value());
    return sound_ ? *value : Bytes();
  }
  /// The key of a map, and its value.
  [[gnu::noinline]] std::uint64_t number_of(std::uint8_t key, std::uint64_t first,
                                            std::uint64_t last) noexcept {
    number(key, key);
    return number(first, last);
  }
  template <typename Enum>
  Enum enumerator_of(std::uint8_t key, Enum first, Enum last) noexcept {
    const std::uint64_t value =
        number_of(key, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last));
    return sound_ ? static_cast<Enum>(value) : first;
  }
  [[gnu::noinline]] Bytes octets_of(std::uint8_t key, std::size_t size) noexcept {
    number(key, key);
    const Bytes value = octets();
    require(value.size() == size);
    return value;
  }
  std::size_t map() noexcept {
    const auto count = cbor::read_map(in_);
    require(count.has_value());
    return count.value_or(0);
  }

 private:
  Reader in_;
  bool sound_ = true;
};

Result<void> check_signer(const x509::Certificate& signer, const Grant& grant, Seen& seen) noexcept {
  const auto& purposes = signer.extensions().ext_key_usage;
  if (!purposes || !equal(*purposes, kKeyPurposes)) return fail(ErrorCode::grant_signer_refused);
  const auto issued_at = static_cast<der::UnixTime>(grant.issued_at);
  const auto since = std::max<der::UnixTime>(signer.not_before(), 0);
  if (since > issued_at || static_cast<std::uint64_t>(since) < seen.signer_since) {
    return fail(ErrorCode::grant_signer_refused);
  }
  const auto now = static_cast<der::UnixTime>(std::max(grant.issued_at, seen.time));
  if (now > signer.not_after() || static_cast<std::uint64_t>(now) > grant.expires_at) {
    return fail(ErrorCode::grant_expired);
  }
  seen = {static_cast<std::uint64_t>(now), static_cast<std::uint64_t>(since)};
  return {};
}

/// Who has signed, as far as its own certificate tells; and its key. In a function of its own, so that the
/// parsed certificate is not on the stack during verification.
[[gnu::noinline]] Result<crypto::PublicKey> find_key(const Signed& content, Seen& seen) noexcept {
  PEDIGREE_ASSIGN(const auto signer, x509::Certificate::parse(content.chain[0]));
  PEDIGREE_TRY(check_signer(signer, content.grant, seen));
  const auto& key = signer.spki().key;
  if (!key || key->type != crypto::KeyType::p256) return fail(ErrorCode::wrong_key_type);
  return *key;
}

[[gnu::noinline]] Result<void> check_path(const crypto::Crypto& crypto, std::span<const Bytes> chain,
                                          const Sha256& root) noexcept {
  x509::TrustAnchor anchor;
  anchor.spki_sha256 = root;
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.leaf_key_usage = x509::kDigitalSignature;
  const x509::Verdict verdict = x509::validate_path(crypto, chain, options);
  if (!verdict.code) return {};
  return fail(*verdict.code == ErrorCode::untrusted_root ? ErrorCode::grant_signer_refused : *verdict.code,
              verdict.offset);
}

}  // namespace

void encode(const Grant& m, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  const auto number = [&encoder](std::uint8_t key, std::uint64_t value) {
    encoder.uint(key);
    encoder.uint(value);
  };
  const auto octets = [&encoder](std::uint8_t key, Bytes value) {
    encoder.uint(key);
    encoder.bstr(value);
  };
  encoder.map(fields_of(m.operation));
  number(kOperation, static_cast<std::uint64_t>(m.operation));
  octets(kDeviceId, m.device_id);
  octets(kNonce, m.nonce);
  number(kIssuedAt, m.issued_at);
  number(kExpiresAt, m.expires_at);
  if (has_slot(m.operation)) number(kSlot, m.slot);
  if (has_key(m.operation)) {
    number(kPurpose, static_cast<std::uint64_t>(m.purpose));
    number(kType, static_cast<std::uint64_t>(m.type));
  }
  if (m.operation == Operation::repin) octets(kRoot, m.root);
}

Result<Grant> decode(Bytes payload) noexcept {
  Items in(payload);
  Grant m;
  const std::size_t count = in.map();
  m.operation = in.enumerator_of(kOperation, Operation::begin, Operation::decommission);
  in.require(count == fields_of(m.operation));
  m.device_id = in.octets_of(kDeviceId, enrol::kDeviceIdSize);
  m.nonce = in.octets_of(kNonce, enrol::kNonceSize);
  // A certificate's times are compared with these, and are signed numbers of seconds.
  m.issued_at = in.number_of(kIssuedAt, 0, INT64_MAX);
  m.expires_at = in.number_of(kExpiresAt, m.issued_at + 1, INT64_MAX);
  if (has_slot(m.operation)) m.slot = static_cast<std::uint8_t>(in.number_of(kSlot, 1, enrol::kMaxSlots));
  if (has_key(m.operation)) {
    m.purpose = in.enumerator_of(kPurpose, Purpose::iak, Purpose::data);
    m.type = in.enumerator_of(kType, crypto::KeyType::p256, crypto::KeyType::rsa4096);
  }
  if (m.operation == Operation::repin) m.root = in.octets_of(kRoot, sizeof(Sha256));
  if (!in.finished()) return fail(ErrorCode::grant_malformed, in.offset());
  return m;
}

Result<Signed> read(Bytes message) noexcept {
  const bool starts = message.size() > sizeof kStart && equal(message.first(sizeof kStart), kStart);
  if (!starts || message.size() > kMaxSize) return fail(ErrorCode::grant_malformed);
  Items in(message.subspan(sizeof kStart));
  Signed content;
  for (Bytes& certificate : content.chain) certificate = in.octets();
  content.payload = in.octets();
  content.signature = in.octets();
  if (!in.finished()) return fail(ErrorCode::grant_malformed, sizeof kStart + in.offset());
  PEDIGREE_ASSIGN(content.grant, decode(content.payload));
  return content;
}

Result<Grant> verify(const crypto::Crypto& crypto, Bytes message, const Sha256& root, Seen& seen,
                     MutableBytes scratch) noexcept {
  PEDIGREE_ASSIGN(const Signed content, read(message));
  Seen now = seen;
  PEDIGREE_ASSIGN(const crypto::PublicKey key, find_key(content, now));
  PEDIGREE_TRY(check_path(crypto, content.chain, root));
  Writer out(scratch);
  out.bytes(kToBeSigned);
  cbor::Encoder(out).bstr(content.payload);
  PEDIGREE_ASSIGN(const Bytes to_be_signed, out.finish());
  PEDIGREE_TRY(crypto.verify(key, crypto::default_algorithm(key.type), to_be_signed, content.signature));
  seen = now;
  return content.grant;
}

}  // namespace pedigree::grant
