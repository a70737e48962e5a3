// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/boot_image.h"

#include "core/firmware_image/boot_der.h"

namespace pedigree::image {
namespace {

constexpr std::size_t kScalar = 32;
constexpr std::size_t kPoint = 65;
/// TLV types below it say how an image is hashed, signed or encrypted: those are for the unprotected area.
constexpr std::uint16_t kFirstOther = 0x40;

/// The next TLV of an area.
struct Piece {
  TlvType type{};
  Bytes value;
};
bool take(Bytes& area, Piece& out) noexcept {
  if (area.size() < kTlvHeadSize) return false;
  const std::size_t size = read_little_endian(area.subspan(2, 2));
  out.type = static_cast<TlvType>(read_little_endian(area.first(2)));
  if (size > area.size() - kTlvHeadSize) return false;
  out.value = area.subspan(kTlvHeadSize, size);
  area = area.subspan(kTlvHeadSize + size);
  return true;
}

/// What the protected area says.
struct Stated {
  Bytes chain, vendor, class_id, counter;
  bool ended = false;  ///< by the statement
};

/// Whether a TLV that may be there once, of this size (0: any), is there for the first time.
bool note(Bytes value, std::size_t size, Bytes& out) noexcept {
  const bool first = out.data() == nullptr && (size == 0 || value.size() == size);
  out = value;
  return first;
}

bool note(const Piece& piece, Stated& out) noexcept {
  if (out.ended) return false;
  switch (piece.type) {
    case TlvType::chain:
      return note(piece.value, 0, out.chain);
    case TlvType::vendor_id:
      return note(piece.value, sizeof(Uuid), out.vendor);
    case TlvType::class_id:
      return note(piece.value, sizeof(Uuid), out.class_id);
    case TlvType::security_counter:
      return note(piece.value, 4, out.counter);
    case TlvType::statement:
      out.ended = true;
      return true;
    default:
      return static_cast<std::uint16_t>(piece.type) >= kFirstOther;
  }
}

/// An area without its info, of `size` octets in all. False where it is malformed or goes beyond the image.
bool open_area(Bytes image, std::size_t start, std::uint16_t magic, std::size_t size, Bytes& out) noexcept {
  if (size < kTlvHeadSize || start > image.size() || size > image.size() - start) return false;
  const Bytes area = image.subspan(start, size);
  if (read_little_endian(area.first(2)) != magic || read_little_endian(area.subspan(2, 2)) != size) {
    return false;
  }
  out = area.subspan(kTlvHeadSize);
  return true;
}

/// The unprotected area.
struct Proof {
  Bytes digest, key_hash, signature;
};
ErrorCode read_proof(Bytes area, Proof& out) noexcept {
  const struct {
    TlvType type;
    Bytes& value;
  } wanted[] = {
      {TlvType::sha256, out.digest}, {TlvType::key_hash, out.key_hash}, {TlvType::ecdsa, out.signature}};
  for (const auto& one : wanted) {
    Piece piece;
    if (area.empty()) return ErrorCode::missing_tlv;
    if (!take(area, piece)) return ErrorCode::bad_tlv;
    // Of another hash or key, or what may never stand here.
    if (piece.type != one.type) {
      return piece.type <= TlvType::sig_pure ? ErrorCode::unsupported_algorithm : ErrorCode::bad_tlv;
    }
    one.value = piece.value;
  }
  return area.empty() ? ErrorCode{} : ErrorCode::bad_tlv;
}

/// As limits have it: big-endian.
std::array<std::uint8_t, 8> version_octets(const Version& version) noexcept {
  std::array<std::uint8_t, 8> octets{};
  Writer out(octets);
  out.u8(version.major);
  out.u8(version.minor);
  out.big_endian(version.revision, 2);
  out.big_endian(version.build, 4);
  return octets;
}

/// Hash, key and signature of the octets that are signed.
ErrorCode check_proof(const crypto::Crypto& crypto, Bytes hashed, const Proof& proof, Bytes spki,
                      BootImage& out) noexcept {
  ErrorCode code = hash_for_boot(crypto, hashed, out.digest);
  if (code == ErrorCode{}) code = hash_for_boot(crypto, spki, out.signer);
  if (code != ErrorCode{}) return code;
  if (!equal(proof.digest, out.digest)) return ErrorCode::image_digest_mismatch;
  if (!equal(proof.key_hash, out.signer)) return ErrorCode::image_key_mismatch;
  return verify_boot_signature(crypto, spki, out.digest, proof.signature);
}

}  // namespace

ErrorCode hash_for_boot(const crypto::Crypto& crypto, Bytes octets, Sha256& out) noexcept {
  return crypto.digest(crypto::Hash::sha256, {&octets, 1}, out) ? ErrorCode{} : ErrorCode::crypto_failure;
}

ErrorCode verify_boot_signature(const crypto::Crypto& crypto, Bytes spki, const Sha256& digest,
                                Bytes signature) noexcept {
  bool bad = false;
  BootDer outer(signature, bad);
  BootDer numbers = outer.open(0x30);
  outer.finish();
  std::array<std::uint8_t, 2 * kScalar> raw{};
  for (const std::size_t end : {kScalar, 2 * kScalar}) {
    Bytes number = numbers.open(0x02).rest();
    const bool padded = number.size() > 1 && number[0] == 0;
    if (padded) number = number.subspan(1);
    const bool good =
        !number.empty() && number.size() <= kScalar && (number[0] >= 0x80) == padded && number[0] != 0;
    numbers.require(good);
    if (good)
      std::copy(number.begin(), number.end(), raw.begin() + static_cast<std::ptrdiff_t>(end - number.size()));
  }
  numbers.finish();
  if (bad) return ErrorCode::invalid_signature;
  const auto verified = crypto.verify_digest({crypto::KeyType::p256, spki.last(kPoint)},
                                             {crypto::Scheme::ecdsa, crypto::Hash::sha256}, digest, raw);
  return verified ? ErrorCode{} : verified.error().code;
}

ErrorCode verify_boot_image(const crypto::Crypto& crypto, Bytes image, const Sha256& root,
                            const RevocationList& revoked, BootImage& out) noexcept {
  if (image.size() < kHeaderSize) return ErrorCode::bad_image;
  const auto header = parse_header(image.first<kHeaderSize>());
  if (!header) return header.error().code;
  out.header = *header;
  const std::size_t start = out.header.header_size + out.header.payload_size;
  const std::size_t hashed = start + out.header.protected_size;
  Bytes area;
  if (out.header.protected_size == 0) return ErrorCode::missing_tlv;
  if (!open_area(image, start, kProtectedInfoMagic, out.header.protected_size, area))
    return ErrorCode::bad_image;
  Stated stated;
  for (Piece piece; !area.empty();) {
    if (!take(area, piece) || !note(piece, stated)) return ErrorCode::bad_tlv;
  }
  if (image.size() - hashed < kTlvHeadSize) return ErrorCode::bad_image;
  const std::size_t proof_size = read_little_endian(image.subspan(hashed + 2, 2));
  if (!open_area(image, hashed, kTlvInfoMagic, proof_size, area)) return ErrorCode::bad_image;
  Proof proof;
  ErrorCode code = read_proof(area, proof);
  if (code != ErrorCode{}) return code;
  Bytes spki;
  const BootProduct product{version_octets(out.header.version), stated.vendor.data(), stated.class_id.data()};
  code = trust_boot_chain(crypto, stated.chain, root, revoked, product, spki);
  if (code != ErrorCode{}) return code;
  out.size = static_cast<std::uint32_t>(hashed + proof_size);
  if (stated.counter.data() != nullptr) out.security_counter = read_little_endian(stated.counter);
  return check_proof(crypto, image.first(hashed), proof, spki, out);
}

}  // namespace pedigree::image
