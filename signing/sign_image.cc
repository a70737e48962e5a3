// SPDX-License-Identifier: Apache-2.0
#include "signing/sign_image.h"

#include <algorithm>
#include <utility>

#include "signing/tlv_area.h"

namespace pedigree::signing {
namespace {

using crypto::KeyType;
using image::TlvType;

constexpr std::size_t kPiece = std::size_t{1} << 18U;
constexpr std::size_t kMaxBootRecord = 12;

crypto::Hash hash_of(const SignOptions& options, KeyType type) {
  return options.sha512 || options.pure ? crypto::Hash::sha512 : image::image_hash(type);
}

/// What an image says of itself that limits are about.
image::Product product_of(const SignOptions& options) {
  return {options.version, options.vendor, options.class_id};
}

/// The chain's own limits, so that what no verifier would accept is not signed. Errors: as sign_image.
Result<void> check_chain(const SignOptions& options, const crypto::PublicKey& key) {
  for (std::size_t i = 0; i < options.chain.size(); ++i) {
    PEDIGREE_ASSIGN(const auto certificate, x509::Certificate::parse(options.chain[i]));
    if (i == 0) {
      const auto& certified = certificate.spki().key;
      if (!certified || certified->type != key.type || !equal(certified->key, key.key)) {
        return fail(ErrorCode::key_mismatch);
      }
      continue;
    }
    PEDIGREE_ASSIGN(const auto limits, image::find_limits(certificate));
    if (limits) PEDIGREE_TRY(image::check_limits(*limits, product_of(options)));
  }
  return {};
}

/// imgtool's range, without the types that this library writes itself.
bool is_custom(std::uint16_t type) {
  return type >= 0xa0 && type != 0xffff && image::name(static_cast<TlvType>(type)).empty();
}

/// What the header will cover is zeros, unless the header comes before the input.
Result<void> check_place(const SignOptions& options, const image::Source& input) {
  if (options.pad_header) return {};
  Octets head(options.header_size);
  if (input.size() < head.size()) return fail(ErrorCode::bad_value, input.size());
  PEDIGREE_TRY(input.read(0, head));
  const auto other = std::ranges::find_if(head, [](std::uint8_t octet) { return octet != 0; });
  if (other == head.end()) return {};
  return fail(ErrorCode::bad_value, static_cast<std::uint32_t>(other - head.begin()));
}

/// Errors: as sign_image.
Result<void> check_options(const SignOptions& options, KeyType type, const image::Source& input) {
  if ((options.sha512 || options.pure) && type != KeyType::ed25519) return fail(ErrorCode::wrong_key_type);
  if (options.header_size < image::kHeaderSize) return fail(ErrorCode::bad_value);
  if (options.boot_record.size() > kMaxBootRecord) return fail(ErrorCode::bad_value);
  if (options.parents.size() > image::kMaxParents) return fail(ErrorCode::too_many);
  if (options.chain.size() > cose::kMaxX5Chain) return fail(ErrorCode::too_many);
  if (!options.chain.empty() && (options.name.empty() || options.name.size() > image::kMaxName)) {
    return fail(ErrorCode::bad_value);
  }
  if (options.chain.empty() && !options.parents.empty()) return fail(ErrorCode::empty_chain);
  if (!std::ranges::all_of(options.custom, is_custom, &CustomTlv::type)) return fail(ErrorCode::bad_value);
  if (input.size() > 0xffffffffU - 3 * image::kMaxAreaSize) return fail(ErrorCode::too_long);
  return check_place(options, input);
}

/// The image's statement, over the digest that is known only while it is hashed.
class StatementMaker {
 public:
  StatementMaker(const crypto::Crypto& crypto, const crypto::PrivateKey& key, const SignOptions& options,
                 crypto::Hash hash)
      : crypto_(crypto), key_(key), options_(options), digest_(crypto::digest_size(hash)) {}

  /// Errors: too_many (a chain too long), crypto_failure.
  Result<void> prepare() {
    for (const Parent& parent : options_.parents) {
      PEDIGREE_ASSIGN(const Sha256 digest, crypto_.sha256(parent.statement));
      parents_.push_back(digest);
    }
    chain_.assign(options_.chain.begin(), options_.chain.end());
    PEDIGREE_ASSIGN(size_, cose::sign1_size(fields(payload_ = encode()), key_.type));
    return {};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Where the digest is to be written before `make`.
  [[nodiscard]] MutableBytes digest() noexcept { return digest_; }

  Result<Octets> make() {
    payload_ = encode();
    Octets buffer(2 * size_ + 256);
    PEDIGREE_ASSIGN(const Bytes message, cose::write_sign1(crypto_, fields(payload_), key_, buffer));
    if (message.size() != size_) return fail(ErrorCode::crypto_failure);
    return Octets(message.begin(), message.end());
  }

 private:
  [[nodiscard]] Octets encode() const {
    image::Statement statement;
    statement.name = options_.name;
    statement.product = product_of(options_);
    statement.digest = digest_;
    for (const Sha256& parent : parents_) statement.parents[statement.parent_count++] = parent;
    Octets payload(1024);
    Writer out(payload);
    image::write_statement(statement, out);
    payload.resize(out.size());
    return payload;
  }
  [[nodiscard]] cose::Sign1Fields fields(Bytes payload) const {
    return {.payload = payload, .external_aad = as_bytes(image::kStatementContext), .x5chain = chain_};
  }

  const crypto::Crypto& crypto_;
  const crypto::PrivateKey& key_;
  const SignOptions& options_;
  Octets digest_;
  std::vector<Sha256> parents_;
  std::vector<Bytes> chain_;
  Octets payload_;
  std::size_t size_ = 0;
};

/// Hands out everything that is hashed, and writes it to the sink on the way: the header, the code from
/// `start` of the input on, the protected area, and the statement.
class ImageWriter final : public crypto::PieceSource {
 public:
  ImageWriter(Bytes head, const image::Source& input, std::uint32_t start, Bytes protected_area,
              StatementMaker* statement, Sink& sink, bool keep)
      : block_(input.mapped().empty() ? kPiece : 0),
        head_(head),
        code_(input, start, input.size(), block_),
        has_code_(input.size() != start),
        protected_(protected_area),
        statement_(statement),
        sink_(sink),
        keep_(keep) {}

  [[nodiscard]] Result<Bytes> next(const crypto::RunningDigest& so_far) noexcept override {
    PEDIGREE_ASSIGN(const Bytes piece, take(so_far));
    size_ += piece.size();
    if (keep_) kept_.insert(kept_.end(), piece.begin(), piece.end());
    if (!piece.empty()) PEDIGREE_TRY(sink_.write(piece));
    return piece;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Octets& kept() const noexcept { return kept_; }

 private:
  Result<Bytes> take(const crypto::RunningDigest& so_far) {
    if (!head_.empty()) return std::exchange(head_, Bytes{});
    if (has_code_) {
      PEDIGREE_ASSIGN(const Bytes piece, code_.next(so_far));
      if (!piece.empty()) return piece;
      has_code_ = false;
    }
    if (!protected_.empty()) return std::exchange(protected_, Bytes{});
    if (statement_ == nullptr) return Bytes{};
    StatementMaker& maker = *std::exchange(statement_, nullptr);
    PEDIGREE_TRY(so_far.value(maker.digest()));
    PEDIGREE_ASSIGN(const Octets message, maker.make());
    append_head(tail_, static_cast<std::uint16_t>(TlvType::statement), message.size());
    tail_.insert(tail_.end(), message.begin(), message.end());
    return Bytes(tail_);
  }

  Octets block_;
  Bytes head_;
  image::ImagePieces code_;
  bool has_code_;
  Bytes protected_;
  StatementMaker* statement_;
  Sink& sink_;
  bool keep_;
  Octets kept_, tail_;
  std::size_t size_ = 0;
};

/// A signature as its TLV holds it.
Result<Octets> sign_digest(const crypto::Crypto& crypto, const crypto::PrivateKey& key, crypto::Hash hash,
                           Bytes digest) {
  std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
  if (key.type == KeyType::ed25519) {
    PEDIGREE_ASSIGN(const Bytes value, crypto.sign(key, crypto::default_algorithm(key.type), digest, buffer));
    return Octets(value.begin(), value.end());
  }
  const bool is_curve = crypto::belong_together(key.type, crypto::Scheme::ecdsa);
  const crypto::Scheme scheme = is_curve ? crypto::Scheme::ecdsa : crypto::Scheme::rsa_pss;
  PEDIGREE_ASSIGN(const Bytes value, crypto.sign_digest(key, {scheme, hash}, digest, buffer));
  if (!is_curve) return Octets(value.begin(), value.end());
  Octets der(value.size() + 16);
  Writer out(der);
  der::Builder builder(out);
  der::ecdsa_from_raw(value, builder);
  der.resize(out.size());
  return der;
}

/// Signs one image; the steps of sign_image.
class Signing {
 public:
  Signing(const crypto::Crypto& crypto, const crypto::PrivateKey& key, const SignOptions& options,
          const image::Source& input, Sink& sink)
      : crypto_(crypto),
        key_(key),
        options_(options),
        input_(input),
        sink_(sink),
        hash_(hash_of(options, key.type)) {}

  Result<SignedImage> run() {
    PEDIGREE_ASSIGN(signature_type_, image::signature_tlv(key_.type));
    PEDIGREE_TRY(check_options(options_, key_.type, input_));
    PEDIGREE_TRY(encode_key());
    StatementMaker statement(crypto_, key_, options_, hash_);
    if (!options_.chain.empty()) PEDIGREE_TRY(statement.prepare());
    PEDIGREE_TRY(lay_out(statement));
    ImageWriter writer(head_, input_, code_start(), protected_, options_.chain.empty() ? nullptr : &statement,
                       sink_, options_.pure);
    SignedImage made;
    made.hash = hash_;
    made.digest.resize(crypto::digest_size(hash_));
    PEDIGREE_TRY(crypto_.digest(hash_, writer, made.digest));
    PEDIGREE_ASSIGN(const Octets tail, unprotected_area(made.digest, writer.kept()));
    PEDIGREE_TRY(sink_.write(tail));
    made.size = static_cast<std::uint32_t>(writer.size() + tail.size());
    return made;
  }

 private:
  [[nodiscard]] std::uint32_t code_start() const noexcept {
    return options_.pad_header ? 0 : options_.header_size;
  }

  Result<void> encode_key() {
    PEDIGREE_ASSIGN(verifying_key_, crypto_.public_key(key_, key_buffer_));
    PEDIGREE_TRY(check_chain(options_, verifying_key_));
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> encoded{};
    PEDIGREE_ASSIGN(const Bytes octets, image::encode_key(verifying_key_, encoded));
    public_key_.assign(octets.begin(), octets.end());
    key_digest_.resize(crypto::digest_size(hash_));
    return crypto_.digest(hash_, {&octets, 1}, key_digest_);
  }

  /// Writes the header and the protected area without the statement.
  Result<void> lay_out(const StatementMaker& statement) {
    const TlvArea area = protected_area(options_, hash_, key_digest_);
    const bool has_statement = !options_.chain.empty();
    std::size_t total = area.empty() ? 0 : area.size();
    if (has_statement) total += image::kTlvHeadSize + statement.size();
    if (total > image::kMaxAreaSize) return fail(ErrorCode::too_long);
    const std::uint32_t code_size = input_.size() - code_start();
    head_.assign(options_.header_size, options_.pad_header ? options_.erased_value : 0);
    Writer out(head_);
    image::write_header({options_.load_address, options_.header_size, static_cast<std::uint16_t>(total),
                         code_size, options_.flags, options_.version},
                        out);
    if (total != 0) protected_ = area.octets(total);
    return {};
  }

  Result<Octets> unprotected_area(Bytes digest, Bytes whole) {
    constexpr std::uint8_t kTrue[] = {1};
    TlvArea area(image::kTlvInfoMagic);
    area.add(image::hash_tlv(hash_), digest);
    if (options_.pure) area.add(TlvType::sig_pure, kTrue);
    if (options_.whole_public_key) {
      area.add(TlvType::public_key, public_key_);
    } else {
      area.add(TlvType::key_hash, key_digest_);
    }
    const Bytes signed_octets = options_.pure ? whole : digest;
    PEDIGREE_ASSIGN(const Octets signature, sign_digest(crypto_, key_, hash_, signed_octets));
    PEDIGREE_TRY(image::verify_signature(crypto_, verifying_key_, hash_, signed_octets, signature));
    area.add(signature_type_, signature);
    return area.octets();
  }

  const crypto::Crypto& crypto_;
  const crypto::PrivateKey& key_;
  const SignOptions& options_;
  const image::Source& input_;
  Sink& sink_;
  crypto::Hash hash_;
  TlvType signature_type_{};
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> key_buffer_{};
  crypto::PublicKey verifying_key_;
  Octets public_key_, key_digest_, head_, protected_;
};

}  // namespace

Result<SignedImage> sign_image(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                               const SignOptions& options, const image::Source& input, Sink& out) {
  return Signing(crypto, key, options, input, out).run();
}

Result<SignedImage> sign_image(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                               const SignOptions& options, Bytes input, Sink& out) {
  if (input.size() > 0xffffffffU) return fail(ErrorCode::too_long);
  return sign_image(crypto, key, options, image::MemorySource(input), out);
}

Result<Parent> take_parent(const crypto::Crypto& crypto, const image::Source& source,
                           const image::TrustOptions& trust, image::VerifyFault& fault) {
  Octets chain(image::kMaxAreaSize);
  Octets statement(2 * image::kMaxAreaSize + 64);
  Octets block(kPiece);
  image::VerifyOptions options;
  options.trust = trust;
  options.check_statement = true;
  PEDIGREE_ASSIGN(const image::Verified verified,
                  image::verify_image(crypto, source, options, {chain, statement, block}, fault));
  if (!verified.has_statement) {
    fault.error = {ErrorCode::missing_tlv, verified.layout.tlv_start};
    fault.tlv = TlvType::statement;
    return std::unexpected(fault.error);
  }
  Parent parent;
  image::TlvReader reader(source, verified.layout);
  while (true) {
    PEDIGREE_ASSIGN(const auto tlv, reader.next());
    if (!tlv) return parent;
    if (tlv->type != TlvType::statement && tlv->type != TlvType::lineage) continue;
    PEDIGREE_ASSIGN(const Bytes value, image::read_value(source, *tlv, statement));
    const Octets octets(value.begin(), value.end());
    if (tlv->type == TlvType::statement) {
      parent.statement = octets;
    } else {
      parent.lineage.push_back(octets);
    }
  }
}

}  // namespace pedigree::signing
