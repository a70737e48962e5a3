// SPDX-License-Identifier: Apache-2.0
// A signer's statement about an image: COSE_Sign1 with the signer's chain. An image carries its own, and an
// image built from others carries theirs.
#pragma once

#include "core/cose/cose.h"
#include "core/firmware_image/signer.h"

namespace pedigree::image {

/// Bound into the signature, so that no other COSE_Sign1 by the same key passes for a statement.
inline constexpr std::string_view kStatementContext = "Pedigree firmware statement";
/// Octets of a name.
inline constexpr std::size_t kMaxName = 64;
/// Statements that one image may have been built from directly.
inline constexpr std::size_t kMaxParents = 16;

/// The payload is the CBOR map {1: name, 2: [major, minor, revision, build], 3: digest, 4: [* SHA-256 of a
/// parent's statement], 5: vendor id, 6: class id}, keys in this order, 4 to 6 only where there are any.
/// `digest` is that of the image's octets before the statement's TLV, by the hash that the image is signed
/// with; its length tells which.
struct Statement {
  std::string_view name;
  Product product;
  Bytes digest;  ///< 32, 48 or 64 octets
  std::array<Bytes, kMaxParents> parents{};
  std::size_t parent_count = 0;
};

/// Parses a payload that fills `cbor`; the views borrow it. Errors: lineage_refused (offset in `cbor`).
[[nodiscard]] Result<Statement> parse_statement(Bytes cbor) noexcept;
void write_statement(const Statement& statement, Writer& out) noexcept;

/// A statement that was verified, and who made it.
struct SignedStatement {
  Statement statement;
  Signer signer;
};
/// Parses a COSE_Sign1 statement, verifies its signer as one who may sign that product (trust_signer), and
/// its signature. `scratch` holds the Sig_structure: the statement's size and 64 octets more. Errors:
/// lineage_refused (malformed, or without chain), invalid_signature, those of trust_signer.
[[nodiscard]] Result<SignedStatement> verify_statement(const crypto::Crypto& crypto, Bytes message,
                                                       const TrustOptions& options, MutableBytes scratch,
                                                       x509::Verdict& path) noexcept;
/// Parses a COSE_Sign1 statement and verifies nothing: for tools that show it. Errors: lineage_refused.
[[nodiscard]] Result<SignedStatement> read_statement(Bytes message) noexcept;

}  // namespace pedigree::image
