// SPDX-License-Identifier: Apache-2.0
// Attestation tokens that go with a request for a certificate: as evidence in a PKCS#10 request
// (draft-ietf-lamps-csr-attestation), or in place of one, where a key signs nothing but tokens
// (docs/formats.md).
#pragma once

#include "core/csr/csr.h"

namespace pedigree::evidence {

/// id-aa-evidence, { id-aa 59 }: content octets of 1.2.840.113549.1.9.16.2.59. Later drafts call it
/// id-aa-attestation.
inline constexpr std::uint8_t kAttribute[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                              0x01, 0x09, 0x10, 0x02, 0x3b};
/// id-pe-cmw, the type of our statements: content octets of 1.3.6.1.5.5.7.1.35 (draft-ietf-rats-msg-wrap).
inline constexpr std::uint8_t kStatementType[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x23};
/// Media type of a token in CBOR (RFC 9782).
inline constexpr std::string_view kMediaType = "application/eat+cwt";
/// What write_attribute_value writes more than a token of up to 65,000 octets, at most.
inline constexpr std::size_t kAttributeOverhead = 64;

/// Writes the attribute's value: AttestationBundle with one AttestationStatement, whose statement is an OCTET
/// STRING that holds the CBOR record [media type, token]. The token may lie at the end of `out`'s buffer, if
/// that has kAttributeOverhead octets more.
void write_attribute_value(Bytes token, der::Builder& out) noexcept;

/// The token in an attribute's value. Certificates beside it, and statements of other types, are passed over.
/// Errors: not_found (no statement of our type), bad_attribute (the value or the record is malformed),
/// too_many (two statements of our type).
[[nodiscard]] Result<Bytes> read_attribute_value(Bytes value) noexcept;
/// The token in a request's evidence. Errors: not_found (also where the request has no such attribute), those
/// of read_attribute_value.
[[nodiscard]] Result<Bytes> find_token(const csr::Request& request) noexcept;

/// A token request: CBOR map {1: SubjectPublicKeyInfo, 2: token}. It begins with 0xa2, a PKCS#10 request with
/// 0x30. The token, signed by that key over Statement::token_request, proves its possession.
struct TokenRequest {
  Bytes spki;   ///< DER
  Bytes token;  ///< COSE_Sign1
  /// Reads one that fills `data`; borrows it. Errors: those of cbor, bad_value (not these two keys in this
  /// order, or an empty string), trailing_data.
  [[nodiscard]] static Result<TokenRequest> parse(Bytes data) noexcept;
};
/// The token may lie at the end of `out`'s buffer, if that has 10 octets more than it and the key.
void write_token_request(const TokenRequest& request, Writer& out) noexcept;
/// Whether this is a token request rather than PKCS#10.
[[nodiscard]] constexpr bool is_token_request(Bytes data) noexcept {
  return !data.empty() && data[0] == 0xa2;
}

}  // namespace pedigree::evidence
