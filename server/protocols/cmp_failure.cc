// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_failure.h"

#include <array>

namespace pedigree::protocols {
namespace {

constexpr std::uint32_t kVersion = 2;    // cmp2000, which every client reads
constexpr std::uint32_t kRejection = 2;  // PKIStatus
constexpr crypto::SignatureAlgorithm kAlgorithm{crypto::Scheme::ecdsa, crypto::Hash::sha256};
constexpr std::size_t kNonce = 16;

void write_explicit(unsigned number, der::Tag tag, Bytes content, der::Builder& out) {
  const std::size_t field = out.open(der::context_constructed(number));
  out.element(tag, content);
  out.close(field);
}

/// PKIHeader: the fields that RFC 9483 3.1 asks of an answer, in their order.
void write_header(const CmpOutline& about, const x509::Certificate& own, Bytes nonce, der::Builder& out) {
  const std::size_t header = out.open(der::kSequence);
  out.integer(kVersion);
  const std::size_t sender = out.open(der::context_constructed(4));  // directoryName
  out.raw(own.subject());
  out.close(sender);
  out.raw(about.sender);
  const std::size_t algorithm = out.open(der::context_constructed(1));
  x509::write_signature_algorithm(kAlgorithm, out);
  out.close(algorithm);
  if (const auto& identifier = own.extensions().subject_key_identifier) {
    write_explicit(2, der::kOctetString, *identifier, out);
  }
  write_explicit(4, der::kOctetString, about.transaction, out);
  write_explicit(5, der::kOctetString, nonce, out);
  if (!about.nonce.empty()) write_explicit(6, der::kOctetString, about.nonce, out);
  out.close(header);
}

/// PKIBody [23] with PKIStatusInfo: rejection, the sentence, one bit of PKIFailureInfo.
void write_body(const CmpRefusal& refusal, der::Builder& out) {
  const std::size_t body = out.open(der::context_constructed(23));
  const std::size_t content = out.open(der::kSequence);
  const std::size_t status = out.open(der::kSequence);
  out.integer(kRejection);
  const std::size_t text = out.open(der::kSequence);
  out.element(der::kUtf8String, as_bytes(refusal.text));
  out.close(text);
  const auto bit = static_cast<unsigned>(refusal.failure);
  std::array<std::uint8_t, 5> bits{};  // the count of unused bits, and the octets to the last bit that is set
  bits.front() = static_cast<std::uint8_t>(7U - bit % 8U);
  bits.at(1 + bit / 8U) = static_cast<std::uint8_t>(0x80U >> bit % 8U);
  out.element(der::kBitString, Bytes(bits).first(2 + bit / 8U));
  out.close(status);
  out.close(content);
  out.close(body);
}

/// The signature's X.509 form, over SEQUENCE { header, body }.
Result<authority::Der> sign(const crypto::Crypto& crypto, const crypto::PrivateKey& key, Bytes parts) {
  authority::Der to_be_signed(parts.size() + 8);
  Writer writer(to_be_signed);
  der::Builder out(writer);
  const std::size_t sequence = out.open(der::kSequence);
  out.raw(parts);
  out.close(sequence);
  std::array<std::uint8_t, crypto::kMaxSignatureSize> raw{};
  PEDIGREE_ASSIGN(const Bytes signature,
                  crypto.sign(key, kAlgorithm, Bytes(to_be_signed).first(writer.size()), raw));
  authority::Der encoded(128);
  Writer second(encoded);
  der::Builder form(second);
  der::ecdsa_from_raw(signature, form);
  encoded.resize(second.size());
  return encoded;
}

/// A PKIMessage around what `body` writes, which has about so many octets.
template <typename Body>
Result<authority::Der> write_answer(const crypto::Crypto& crypto, const CmpProtection& protection,
                                    const CmpOutline& about, std::size_t size, Body body) {
  std::array<std::uint8_t, kNonce> nonce{};
  PEDIGREE_TRY(crypto.random(nonce));
  const Delegate& delegate = *protection.delegate;
  PEDIGREE_ASSIGN(const x509::Certificate own, x509::Certificate::parse(delegate.certificate));
  std::size_t room = 1024 + own.subject().size() + about.sender.size() + size + delegate.certificate.size();
  for (const authority::Der& one : protection.chain) room += one.size();
  authority::Der buffer(room);
  Writer writer(buffer);
  der::Builder out(writer);
  write_header(about, own, nonce, out);
  body(out);
  if (writer.size() > buffer.size()) return fail(ErrorCode::buffer_too_small);
  PEDIGREE_ASSIGN(const authority::Der signature,
                  sign(crypto, delegate.key, Bytes(buffer).first(writer.size())));
  const std::size_t field = out.open(der::context_constructed(0));
  out.bit_string(signature);
  out.close(field);
  const std::size_t certificates = out.open(der::context_constructed(1));
  const std::size_t list = out.open(der::kSequence);
  out.raw(delegate.certificate);
  for (const authority::Der& one : protection.chain) out.raw(one);
  out.close(list);
  out.close(certificates);
  out.enclose(der::kSequence, 0);
  if (writer.size() > buffer.size()) return fail(ErrorCode::buffer_too_small);
  buffer.resize(writer.size());
  return buffer;
}

}  // namespace

CmpRefusal cmp_refusal(const authority::Refusal& refusal) {
  const auto as = [&](CmpFailure failure) { return CmpRefusal{failure, refusal.detail}; };
  switch (refusal.code) {
    case ErrorCode::not_authorised:
    case ErrorCode::unknown_device:
    case ErrorCode::device_suspended:
    case ErrorCode::retired:
    case ErrorCode::evidence_required:
      return as(CmpFailure::not_authorized);
    case ErrorCode::revoked:
    case ErrorCode::device_revoked:
    case ErrorCode::issuer_revoked:
      return as(CmpFailure::cert_revoked);
    case ErrorCode::duplicate_key:
    case ErrorCode::second_key:
      return as(CmpFailure::duplicate_cert_req);
    case ErrorCode::unknown_profile:
    case ErrorCode::unknown_issuer:
    case ErrorCode::wrong_key_type:
    case ErrorCode::invalid_key:
    case ErrorCode::test_key:
    case ErrorCode::fixed_entropy:
      return as(CmpFailure::bad_cert_template);
    case ErrorCode::invalid_signature:
      return as(CmpFailure::bad_pop);
    case ErrorCode::unsupported_algorithm:
      return as(CmpFailure::bad_alg);
    case ErrorCode::not_found:
      return as(CmpFailure::bad_cert_id);
    case ErrorCode::database_failure:
    case ErrorCode::key_not_found:
    case ErrorCode::timeout:
      return as(CmpFailure::system_unavail);
    case ErrorCode::crypto_failure:
    case ErrorCode::no_entropy:
    case ErrorCode::buffer_too_small:
      return as(CmpFailure::system_failure);
    default:
      return as(CmpFailure::bad_request);
  }
}

Result<authority::Der> write_cmp_error(const crypto::Crypto& crypto, const CmpProtection& protection,
                                       const CmpOutline& about, const CmpRefusal& refusal) {
  return write_answer(crypto, protection, about, refusal.text.size(),
                      [&](der::Builder& out) { write_body(refusal, out); });
}

Result<authority::Der> write_cmp_confirm(const crypto::Crypto& crypto, const CmpProtection& protection,
                                         const CmpOutline& about) {
  return write_answer(crypto, protection, about, 0, [](der::Builder& out) {
    const std::size_t body = out.open(der::context_constructed(19));
    out.element(der::kNull, {});
    out.close(body);
  });
}

}  // namespace pedigree::protocols
