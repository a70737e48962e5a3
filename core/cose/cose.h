// SPDX-License-Identifier: Apache-2.0
// COSE_Sign1 (RFC 9052 4.2) with ES256, ES384, EdDSA (RFC 9053), PS256 (RFC 8230) and x5chain (RFC 9360).
#pragma once

#include <optional>

#include "core/cbor/cbor.h"
#include "core/crypto/crypto.h"

namespace pedigree::cose {

/// COSE algorithm numbers (RFC 9053 2.1, 2.2; RFC 8230 2).
enum class Algorithm : std::int32_t { es256 = -7, eddsa = -8, es384 = -35, ps256 = -37 };
[[nodiscard]] Result<Algorithm> algorithm_for(crypto::KeyType type) noexcept;
[[nodiscard]] Result<crypto::SignatureAlgorithm> signature_algorithm(Algorithm algorithm) noexcept;

/// Certificates of an x5chain, leaf first (RFC 9360 2): one bstr or an array of two or more.
inline constexpr std::size_t kMaxX5Chain = 8;
struct X5Chain {
  std::array<Bytes, kMaxX5Chain> certificates{};
  std::size_t count = 0;
  [[nodiscard]] std::span<const Bytes> view() const noexcept { return std::span(certificates).first(count); }
};
/// Reads an x5chain value: bstr or array of at least two bstr. Errors: bad_tag, too_many, empty_chain, those
/// of cbor, bad_value (an array of one, or an empty certificate). On error `in` is unchanged.
[[nodiscard]] Result<X5Chain> read_x5chain(Reader& in) noexcept;
void write_x5chain(std::span<const Bytes> chain, cbor::Encoder& out) noexcept;

/// Writes a finished COSE_Sign1 once more, with an x5chain added to its unprotected header, which the
/// signature does not cover: so a chain goes with a token that another service signed. `x5chain` is the value
/// as write_x5chain writes it. Nothing else of the message changes; a tag stays. Both inputs may lie at the
/// end of `out`'s buffer, x5chain first: what is written never overtakes what is still to be read, if the
/// header and 4 octets have room before them. Errors: those of cbor, bad_tag (another tag than 18), bad_value
/// (not an array of four), bad_header (x5chain is not one item), duplicate (label 33 is in a header already),
/// too_many.
[[nodiscard]] Result<void> add_x5chain(Bytes message, Bytes x5chain, Writer& out) noexcept;

/// The chain "on the wire" of Pedigree: a CBOR array of 1..kMaxX5Chain DER byte strings, leaf first, always
/// an array, that fills `cbor`. Errors: as read_x5chain, trailing_data.
[[nodiscard]] Result<X5Chain> read_chain(Bytes cbor) noexcept;
void write_chain(std::span<const Bytes> chain, cbor::Encoder& out) noexcept;

class Sign1 {
 public:
  /// Parses a COSE_Sign1, tagged (18) or not, that fills `data`. Errors: those of cbor, duplicate (a label
  /// twice, or in both headers), unknown_critical_header, bad_header (crit outside the protected header, or
  /// naming a label that is not there), missing_field (no algorithm), unsupported_algorithm. The algorithm
  /// may stand in either header, as RFC 9052 3.1 allows; verify ties it to the type of the key.
  [[nodiscard]] static Result<Sign1> parse(Bytes data) noexcept;
  [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] Bytes protected_header() const noexcept { return protected_; }      ///< content of the bstr
  [[nodiscard]] Bytes unprotected_header() const noexcept { return unprotected_; }  ///< the map, whole
  /// Empty optional: detached (nil).
  [[nodiscard]] std::optional<Bytes> payload() const noexcept { return payload_; }
  [[nodiscard]] Bytes signature() const noexcept { return signature_; }
  [[nodiscard]] const std::optional<Bytes>& key_id() const noexcept { return key_id_; }
  /// From either header (label 33).
  [[nodiscard]] const std::optional<X5Chain>& x5chain() const noexcept { return x5chain_; }

  /// Verifies by `key`. `scratch` must hold the Sig_structure: payload + external_aad + headers + 64 octets.
  /// `detached` is the payload where the message has none. Errors: payload_missing, buffer_too_small,
  /// wrong_key_type (the key is not of the one type that the algorithm goes with), those of Crypto::verify.
  [[nodiscard]] Result<void> verify(const crypto::Crypto& crypto, const crypto::PublicKey& key,
                                    Bytes external_aad, MutableBytes scratch,
                                    std::optional<Bytes> detached = {}) const noexcept;

 private:
  Sign1() noexcept = default;
  friend struct Sign1Parser;
  Algorithm algorithm_{};
  Bytes protected_, unprotected_, signature_;
  std::optional<Bytes> payload_{};
  std::optional<Bytes> key_id_{};
  std::optional<X5Chain> x5chain_{};
};

struct Sign1Fields {
  Bytes payload{};
  bool detached = false;  ///< payload is signed but not carried
  Bytes external_aad{};
  std::span<const Bytes> x5chain{};  ///< to the unprotected header; empty: not written
  Bytes key_id{};                    ///< to the unprotected header; empty: not written
  bool tagged = true;
};

/// Octets of the message that write_sign1 makes with a key of this type. Errors: unsupported_algorithm.
[[nodiscard]] Result<std::size_t> sign1_size(const Sign1Fields& fields, crypto::KeyType type) noexcept;

/// Writes and signs a COSE_Sign1 into `buffer` (scratch for the Sig_structure is taken from its end, so give
/// about twice the message's size); protected header {1: alg}. No input may overlap `buffer`. Errors:
/// buffer_too_small, unsupported_algorithm, those of Crypto::sign.
[[nodiscard]] Result<Bytes> write_sign1(const crypto::Crypto& crypto, const Sign1Fields& fields,
                                        const crypto::PrivateKey& key, MutableBytes buffer) noexcept;

}  // namespace pedigree::cose
