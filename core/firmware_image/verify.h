// SPDX-License-Identifier: Apache-2.0
// Verifies an image: MCUboot's checks of hash and signature, by the key that the image's own chain certifies
// up to a trusted root, or by a given key as MCUboot does alone.
#pragma once

#include "core/firmware_image/revocation_list.h"
#include "core/firmware_image/statement.h"

namespace pedigree::image {

struct VerifyOptions {
  TrustOptions trust;
  /// Verify by this key, and look at no chain. For images of others.
  std::optional<crypto::PublicKey> key;
  /// SHA-256 of the SubjectPublicKeyInfo of a signer, or of a CA above it: one statement about a parent must
  /// be by it.
  std::optional<Sha256> parent_signer;
  /// A verified list (verify_list): no certificate of the image's chain may be on it, and a statement about a
  /// parent by such a chain does not count for `parent_signer`. Null: not checked.
  const RevocationList* revocations = nullptr;
  /// The image must state at least this security counter.
  std::optional<std::uint32_t> minimum_counter;
  /// Compare the image's own statement with the image: its digest, version, ids and chain.
  bool check_statement = false;
};

/// Memory that verification works in; contents afterwards: see Verified.
struct VerifyBuffers {
  MutableBytes chain;      ///< holds the chain TLV's value, and what Verified borrows
  MutableBytes statement;  ///< one statement and its Sig_structure: twice the longest and 64 octets; empty
                           ///< where lineage is not to be verified, which is then an error if there is any
  MutableBytes block;      ///< pieces to hash, any size; not used where the source is mapped
};

/// What was verified. The signer borrows VerifyBuffers::chain, or VerifyOptions::key.
struct Verified {
  Layout layout;
  Signer signer;  ///< by a given key: without chain
  Product product;
  crypto::Hash hash{};
  std::array<std::uint8_t, crypto::kMaxDigestSize> digest{};  ///< of the image, as MCUboot measures it
  bool is_pure = false;  ///< signed without a hash of the image; `digest` is then what it would be
  bool has_statement = false;
  bool statement_checked = false;
  std::size_t parents = 0;  ///< statements about other images, all of them verified
  std::optional<std::uint32_t> security_counter;
};

/// What went wrong, and where.
struct VerifyFault {
  Error error;         ///< offset in the image: of the TLV's head, or of a field of the header
  TlvType tlv{};       ///< at fault; 0: the header or an area, or a TLV that is not there
  x509::Verdict path;  ///< of path validation, where that refused a chain
};

/// Verifies an image. What is checked, in this order: header and areas; which TLVs may be where; the chain
/// and what it may sign (trust_signer), and that none of it is revoked; hash and signature, with every TLV as
/// MCUboot walks them; the security counter; the image's own statement, and all statements about parents.
/// Errors: bad_image, bad_tlv, missing_tlv, image_transformed, signer_revoked, image_digest_mismatch,
/// image_key_mismatch, invalid_signature, rolled_back, lineage_refused, parent_signer_required,
/// buffer_too_small, those of trust_signer and verify_statement, those of the source.
/// On failure `fault` says where; it is not touched otherwise.
[[nodiscard]] Result<Verified> verify_image(const crypto::Crypto& crypto, const Source& source,
                                            const VerifyOptions& options, const VerifyBuffers& buffers,
                                            VerifyFault& fault) noexcept;

/// The part of it that needs no hash of the image, for boot loaders that check hash, signature and counter
/// themselves: header and areas, which TLVs may be where, the chain and what it may sign, revocation; and
/// where `parent_signer` is set the statements about parents. `digest` of what is returned is not set.
/// Errors: as above.
[[nodiscard]] Result<Verified> verify_signer(const crypto::Crypto& crypto, const Source& source,
                                             const VerifyOptions& options, const VerifyBuffers& buffers,
                                             VerifyFault& fault) noexcept;

/// The hash that an image by a key of this type is signed with where it has no other: SHA-384 for P-384, else
/// SHA-256.
[[nodiscard]] constexpr crypto::Hash image_hash(crypto::KeyType type) noexcept {
  return type == crypto::KeyType::p384 ? crypto::Hash::sha384 : crypto::Hash::sha256;
}
/// The TLV type of a digest, and of a signature by a key. Errors: unsupported_algorithm (RSA-4096).
[[nodiscard]] TlvType hash_tlv(crypto::Hash hash) noexcept;
[[nodiscard]] Result<TlvType> signature_tlv(crypto::KeyType type) noexcept;
/// A public key as KEYHASH hashes it and PUBKEY holds it: SubjectPublicKeyInfo, or for RSA RSAPublicKey; DER.
/// At most kMaxPublicKeySize octets. Errors: buffer_too_small.
[[nodiscard]] Result<Bytes> encode_key(const crypto::PublicKey& key, MutableBytes out) noexcept;
/// Verifies a signature TLV's value over an image's digest. Errors: bad_value (wrong length), those of
/// Crypto::verify.
[[nodiscard]] Result<void> verify_signature(const crypto::Crypto& crypto, const crypto::PublicKey& key,
                                            crypto::Hash hash, Bytes digest, Bytes signature) noexcept;

}  // namespace pedigree::image
