// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/verify.h"

#include <utility>

namespace pedigree::image {
namespace {

using crypto::Hash;
using crypto::KeyType;

/// The longest signature (RSA-3072), and what MCUboot leaves for a PUBKEY beside a signature's length.
constexpr std::size_t kMaxSignature = 384;

/// What may stand in the unprotected area: everything else must be covered by hash and signature (MCUboot's
/// allow-list).
bool may_be_unprotected(TlvType type) noexcept {
  const auto number = static_cast<std::uint16_t>(type);
  return number == 0x01 || number == 0x02 || (number >= 0x10 && number <= 0x12) ||
         (number >= 0x20 && number <= 0x25) || (number >= 0x30 && number <= 0x34);
}

/// Hands out an image's hashed octets, and at the start of the statement's TLV keeps the digest up to there,
/// so that both digests cost one pass.
class MarkedPieces final : public crypto::PieceSource {
 public:
  MarkedPieces(const Source& source, std::uint32_t mark, std::uint32_t size, MutableBytes block) noexcept
      : head_(source, 0, mark, block), tail_(source, mark, size, block) {}
  [[nodiscard]] Result<Bytes> next(const crypto::RunningDigest& so_far) noexcept override {
    if (!at_mark_) {
      PEDIGREE_ASSIGN(const Bytes piece, head_.next(so_far));
      if (!piece.empty()) return piece;
      PEDIGREE_TRY(so_far.value(marked_));
      at_mark_ = true;
    }
    return tail_.next(so_far);
  }
  [[nodiscard]] Bytes marked() const noexcept { return marked_; }

 private:
  ImagePieces head_;
  ImagePieces tail_;
  std::array<std::uint8_t, crypto::kMaxDigestSize> marked_{};
  bool at_mark_ = false;
};

class Verifier {
 public:
  Verifier(const crypto::Crypto& crypto, const Source& source, const VerifyOptions& options,
           const VerifyBuffers& buffers, VerifyFault& fault) noexcept
      : crypto_(crypto), source_(source), options_(options), buffers_(buffers), fault_(fault) {}

  Result<Verified> run() noexcept {
    PEDIGREE_ASSIGN(out_.layout, read_layout(source_));
    out_.product.version = out_.layout.header.version;
    for (const auto step : {&Verifier::survey, &Verifier::trust, &Verifier::choose_hash, &Verifier::hash,
                            &Verifier::check_signatures, &Verifier::check_counter, &Verifier::check_statement,
                            &Verifier::check_lineage}) {
      PEDIGREE_TRY((this->*step)());
    }
    return out_;
  }

  Result<Verified> run_signer() noexcept {
    PEDIGREE_ASSIGN(out_.layout, read_layout(source_));
    out_.product.version = out_.layout.header.version;
    for (const auto step : {&Verifier::survey, &Verifier::trust, &Verifier::choose_hash}) {
      PEDIGREE_TRY((this->*step)());
    }
    if (options_.parent_signer) PEDIGREE_TRY(check_lineage());
    return out_;
  }

 private:
  /// Notes which TLV an error is about.
  std::unexpected<Error> fail_at(const Tlv& tlv, ErrorCode code) noexcept {
    fault_.tlv = tlv.type;
    return fail(code, tlv.offset);
  }

  template <typename Visit>
  Result<void> for_each_tlv(Visit visit) noexcept {
    TlvReader reader(source_, out_.layout);
    while (true) {
      PEDIGREE_ASSIGN(const std::optional<Tlv> tlv, reader.next());
      if (!tlv) return {};
      PEDIGREE_TRY(visit(*tlv));
    }
  }

  /// First walk: what is there, and whether it may be there.
  Result<void> survey() noexcept {
    return for_each_tlv([this](const Tlv& tlv) { return note(tlv); });
  }

  Result<void> note(const Tlv& tlv) noexcept {
    if (!tlv.is_protected && !may_be_unprotected(tlv.type)) return fail_at(tlv, ErrorCode::bad_tlv);
    if (statement_ && tlv.is_protected) return fail_at(tlv, ErrorCode::bad_tlv);  // it must be the last
    switch (tlv.type) {
      case TlvType::key_hash:
        has_key_hash_ = true;
        return {};
      case TlvType::sha256:
        has_sha256_ = true;
        return {};
      case TlvType::sha512:
        has_sha512_ = true;
        return {};
      case TlvType::sig_pure:
        return note_pure(tlv);
      case TlvType::chain:
        return note_once(tlv, chain_);
      case TlvType::statement:
        return note_once(tlv, statement_);
      case TlvType::vendor_id:
        return note_id(tlv, out_.product.vendor);
      case TlvType::class_id:
        return note_id(tlv, out_.product.class_id);
      case TlvType::security_counter:
        return note_counter(tlv);
      case TlvType::lineage:
        ++out_.parents;
        return {};
      default:
        return {};
    }
  }

  Result<void> note_once(const Tlv& tlv, std::optional<Tlv>& out) noexcept {
    if (out) return fail_at(tlv, ErrorCode::bad_tlv);
    out = tlv;
    return {};
  }

  Result<void> note_pure(const Tlv& tlv) noexcept {
    std::array<std::uint8_t, 1> value{};
    if (tlv.size != 1) return fail_at(tlv, ErrorCode::bad_tlv);
    PEDIGREE_TRY(read_value(source_, tlv, value));
    if (value[0] != 1) return fail_at(tlv, ErrorCode::bad_tlv);
    out_.is_pure = true;
    return {};
  }

  Result<void> note_id(const Tlv& tlv, std::optional<Uuid>& out) noexcept {
    Uuid id{};
    if (out || tlv.size != id.size()) return fail_at(tlv, ErrorCode::bad_tlv);
    PEDIGREE_TRY(read_value(source_, tlv, id));
    out = id;
    return {};
  }

  Result<void> note_counter(const Tlv& tlv) noexcept {
    std::array<std::uint8_t, 4> value{};
    if (out_.security_counter || tlv.size != value.size()) return fail_at(tlv, ErrorCode::bad_tlv);
    PEDIGREE_TRY(read_value(source_, tlv, value));
    out_.security_counter = read_little_endian(value);
    counter_ = tlv;
    return {};
  }

  /// Whose signature counts: the given key's, or that of the chain's first certificate.
  Result<void> trust() noexcept {
    if (options_.key) {
      out_.signer.key = *options_.key;
      return {};
    }
    if (!chain_) {
      fault_.tlv = TlvType::chain;
      return fail(ErrorCode::missing_tlv, out_.layout.tlv_start);
    }
    PEDIGREE_ASSIGN(const Bytes octets, read_value(source_, *chain_, buffers_.chain));
    const auto chain = cose::read_chain(octets);
    if (!chain) return fail_at(*chain_, ErrorCode::bad_tlv);
    const auto signer = trust_signer(crypto_, *chain, options_.trust, out_.product, fault_.path);
    if (!signer) return fail_at(*chain_, signer.error().code);
    out_.signer = *signer;
    const auto stands = check_revocation(signer->chain);
    return stands ? Result<void>() : fail_at(*chain_, stands.error().code);
  }

  /// Errors: those of check_not_revoked.
  Result<void> check_revocation(const cose::X5Chain& chain) const noexcept {
    if (options_.revocations == nullptr) return {};
    return check_not_revoked(crypto_, *options_.revocations, chain);
  }

  /// The hash follows from the key; Ed25519 images may have SHA-512 instead of SHA-256.
  Result<void> choose_hash() noexcept {
    const KeyType type = out_.signer.key.type;
    out_.hash = image_hash(type);
    if (type == KeyType::ed25519 && (out_.is_pure || (has_sha512_ && !has_sha256_))) {
      out_.hash = Hash::sha512;
    }
    if (out_.is_pure && type != KeyType::ed25519) return fail(ErrorCode::bad_tlv, out_.layout.hashed_size);
    PEDIGREE_ASSIGN(signature_type_, signature_tlv(type));
    return {};
  }

  Result<void> hash() noexcept {
    // Of a pure image, whose signature covers its octets, the digest only matters to a statement.
    if (out_.is_pure && !(options_.check_statement && statement_)) return {};
    if (!options_.check_statement || !statement_) {
      ImagePieces pieces(source_, 0, out_.layout.hashed_size, buffers_.block);
      return crypto_.digest(out_.hash, pieces, out_.digest);
    }
    MarkedPieces pieces(source_, statement_->offset, out_.layout.hashed_size, buffers_.block);
    PEDIGREE_TRY(crypto_.digest(out_.hash, pieces, out_.digest));
    std::copy(pieces.marked().begin(), pieces.marked().end(), marked_.begin());
    return {};
  }

  /// Second walk, as MCUboot's: each hash must match, a key's TLV says whose the next signature is, and the
  /// last signature by the key that counts decides.
  Result<void> check_signatures() noexcept {
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
    PEDIGREE_ASSIGN(const Bytes key, encode_key(out_.signer.key, buffer));
    std::array<std::uint8_t, crypto::kMaxDigestSize> key_digest{};
    PEDIGREE_TRY(crypto_.digest(out_.hash, {&key, 1}, key_digest));
    const Bytes key_hash = Bytes(key_digest).first(crypto::digest_size(out_.hash));
    PEDIGREE_TRY(for_each_tlv([&](const Tlv& tlv) -> Result<void> {
      if (tlv.type == hash_tlv(out_.hash) && !out_.is_pure) return check_hash(tlv);
      if (tlv.type == TlvType::key_hash) return match_key(tlv, key_hash, crypto::digest_size(out_.hash));
      if (tlv.type == TlvType::public_key && !has_key_hash_) {
        return match_key(tlv, key, crypto::kMaxPublicKeySize);
      }
      if (tlv.type == signature_type_) return check_signature(tlv);
      return {};
    }));
    if (!hash_matches_ && !out_.is_pure) {
      fault_.tlv = hash_tlv(out_.hash);
      return fail(ErrorCode::missing_tlv, out_.layout.hashed_size);
    }
    if (signature_is_valid_) return {};
    if (other_key_) return fail_at(*other_key_, ErrorCode::image_key_mismatch);
    fault_.tlv = signature_type_;
    return fail(ErrorCode::missing_tlv, out_.layout.hashed_size);
  }

  Result<void> check_hash(const Tlv& tlv) noexcept {
    std::array<std::uint8_t, crypto::kMaxDigestSize> buffer{};
    const std::size_t size = crypto::digest_size(out_.hash);
    if (tlv.size != size) return fail_at(tlv, ErrorCode::bad_tlv);
    PEDIGREE_ASSIGN(const Bytes stated, read_value(source_, tlv, buffer));
    if (!equal_secret(stated, Bytes(out_.digest).first(size))) {
      return fail_at(tlv, ErrorCode::image_digest_mismatch);
    }
    hash_matches_ = true;
    return {};
  }

  Result<void> match_key(const Tlv& tlv, Bytes expected, std::size_t most) noexcept {
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
    if (tlv.size > most) return fail_at(tlv, ErrorCode::bad_tlv);
    PEDIGREE_ASSIGN(const Bytes value, read_value(source_, tlv, buffer));
    key_is_next_ = equal(value, expected);
    if (!key_is_next_) other_key_ = tlv;
    return {};
  }

  Result<void> check_signature(const Tlv& tlv) noexcept {
    if (!std::exchange(key_is_next_, false)) return {};
    std::array<std::uint8_t, kMaxSignature> buffer{};
    if (tlv.size > buffer.size()) return fail_at(tlv, ErrorCode::bad_tlv);
    PEDIGREE_ASSIGN(const Bytes signature, read_value(source_, tlv, buffer));
    const auto verified = out_.is_pure ? verify_pure(signature) : verify_over_digest(signature);
    if (verified) {
      signature_is_valid_ = true;
      return {};
    }
    // What is no signature by its form is one that does not verify.
    const bool form = verified.error().code != ErrorCode::unsupported_algorithm &&
                      verified.error().code != ErrorCode::crypto_failure &&
                      verified.error().code != ErrorCode::invalid_key;
    return fail_at(tlv, form ? ErrorCode::invalid_signature : verified.error().code);
  }

  Result<void> verify_over_digest(Bytes signature) noexcept {
    return verify_signature(crypto_, out_.signer.key, out_.hash,
                            Bytes(out_.digest).first(crypto::digest_size(out_.hash)), signature);
  }

  /// Ed25519 hashes a message twice, so it must be addressable as a whole.
  Result<void> verify_pure(Bytes signature) noexcept {
    const Bytes mapped = source_.mapped();
    if (mapped.empty()) return fail(ErrorCode::unsupported_algorithm);
    return crypto_.verify(out_.signer.key, {crypto::Scheme::eddsa, Hash::sha512},
                          mapped.first(out_.layout.hashed_size), signature);
  }

  /// Not older than the device allows, whatever its version says.
  Result<void> check_counter() noexcept {
    if (!options_.minimum_counter) return {};
    if (!counter_) {
      fault_.tlv = TlvType::security_counter;
      return fail(ErrorCode::missing_tlv, out_.layout.tlv_start);
    }
    if (*out_.security_counter < *options_.minimum_counter) return fail_at(*counter_, ErrorCode::rolled_back);
    return {};
  }

  /// The image's own statement says of it what is so, and is by the image's signer.
  Result<void> check_statement() noexcept {
    out_.has_statement = statement_.has_value();
    if (!options_.check_statement || !statement_ || options_.key) return {};
    const auto signed_statement = verify(*statement_);
    if (!signed_statement) return std::unexpected(signed_statement.error());
    const Statement& stated = signed_statement->statement;
    const bool holds = equal(stated.digest, Bytes(marked_).first(crypto::digest_size(out_.hash))) &&
                       stated.product.version == out_.product.version &&
                       stated.product.vendor == out_.product.vendor &&
                       stated.product.class_id == out_.product.class_id &&
                       equal(signed_statement->signer.key.key, out_.signer.key.key);
    if (!holds) return fail_at(*statement_, ErrorCode::lineage_refused);
    out_.statement_checked = true;
    return {};
  }

  Result<SignedStatement> verify(const Tlv& tlv) noexcept {
    if (tlv.size > buffers_.statement.size()) return fail_at(tlv, ErrorCode::buffer_too_small);
    PEDIGREE_ASSIGN(const Bytes message, read_value(source_, tlv, buffers_.statement));
    const MutableBytes scratch = buffers_.statement.subspan(tlv.size);
    auto verified = verify_statement(crypto_, message, options_.trust, scratch, fault_.path);
    if (!verified) return fail_at(tlv, verified.error().code);
    return verified;
  }

  /// Every statement about a parent holds, and one is by the signer that is required.
  Result<void> check_lineage() noexcept {
    if (options_.key) return {};
    bool found = !options_.parent_signer;
    PEDIGREE_TRY(for_each_tlv([&](const Tlv& tlv) -> Result<void> {
      if (tlv.type != TlvType::lineage) return {};
      PEDIGREE_ASSIGN(const SignedStatement parent, verify(tlv));
      if (found || !check_revocation(parent.signer.chain)) return {};
      PEDIGREE_ASSIGN(found, has_key(crypto_, parent.signer.chain, *options_.parent_signer));
      return {};
    }));
    if (!found) {
      fault_.tlv = TlvType::lineage;
      return fail(ErrorCode::parent_signer_required, out_.layout.tlv_start);
    }
    return {};
  }

  const crypto::Crypto& crypto_;
  const Source& source_;
  const VerifyOptions& options_;
  const VerifyBuffers& buffers_;
  VerifyFault& fault_;
  Verified out_{};
  std::optional<Tlv> chain_{};
  std::optional<Tlv> statement_{};
  std::optional<Tlv> counter_{};
  std::optional<Tlv> other_key_{};
  std::array<std::uint8_t, crypto::kMaxDigestSize> marked_{};
  TlvType signature_type_{};
  bool has_key_hash_ = false;
  bool has_sha256_ = false;
  bool has_sha512_ = false;
  bool hash_matches_ = false;
  bool key_is_next_ = false;
  bool signature_is_valid_ = false;
};

/// On failure the fault is handed out with the error.
Result<Verified> noted(const Result<Verified>& verified, VerifyFault& found, VerifyFault& fault) noexcept {
  if (!verified) {
    found.error = verified.error();
    fault = found;
  }
  return verified;
}

}  // namespace

Result<Verified> verify_image(const crypto::Crypto& crypto, const Source& source,
                              const VerifyOptions& options, const VerifyBuffers& buffers,
                              VerifyFault& fault) noexcept {
  VerifyFault found;
  return noted(Verifier(crypto, source, options, buffers, found).run(), found, fault);
}

Result<Verified> verify_signer(const crypto::Crypto& crypto, const Source& source,
                               const VerifyOptions& options, const VerifyBuffers& buffers,
                               VerifyFault& fault) noexcept {
  VerifyFault found;
  return noted(Verifier(crypto, source, options, buffers, found).run_signer(), found, fault);
}

}  // namespace pedigree::image
