// SPDX-License-Identifier: Apache-2.0
#include "core/x509/builder.h"

#include "core/x509/extension_writer.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

constexpr std::size_t kMaxSerial = 20;
constexpr std::size_t kMaxSignature = kEcdsaOnly ? 96 : crypto::kMaxSignatureSize;

std::size_t size_of_signature(crypto::KeyType type) noexcept {
  return kEcdsaOnly ? 2 * crypto::coordinate_size(type) : crypto::signature_size(type);
}

void write_basic_constraints(const BasicConstraints& constraints, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid::kBasicConstraints, true);
  const std::size_t sequence = out.open(der::kSequence);
  if (constraints.ca) out.boolean(true);
  if (constraints.path_len) out.integer(*constraints.path_len);
  out.close(sequence);
}

void write_ext_key_usage(std::span<const Bytes> purposes, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid::kExtKeyUsage, false);
  const std::size_t sequence = out.open(der::kSequence);
  for (const Bytes purpose : purposes) out.oid(purpose);
  out.close(sequence);
}

void write_sequence_extension(Bytes oid, bool critical, Bytes content, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid, critical);
  out.element(der::kSequence, content);
}

void write_tbs(const CertificateFields& fields, crypto::SignatureAlgorithm algorithm,
               der::Builder& out) noexcept {
  const std::size_t tbs = out.open(der::kSequence);
  const std::size_t version = out.open(der::context_constructed(0));
  out.integer(2);
  out.close(version);
  out.unsigned_integer(fields.serial);
  write_signature_algorithm(algorithm, out);
  out.raw(fields.issuer);
  const std::size_t validity = out.open(der::kSequence);
  out.time(fields.not_before);
  out.time(fields.not_after);
  out.close(validity);
  out.raw(fields.subject);
  out.raw(fields.spki);
  const std::size_t start = out.writer().size();
  write_extensions(fields.extensions, out);
  // Extensions is SIZE (1..MAX): an empty one is not written.
  if (out.writer().size() != start) {
    out.enclose(der::kSequence, start);
    out.enclose(der::context_constructed(3), start);
  }
  out.close(tbs);
}

// A positive number of 1 to 20 octets, its sign octet counted (RFC 5280 4.1.2.2).
bool is_serial(Bytes serial) noexcept {
  while (!serial.empty() && serial[0] == 0) serial = serial.subspan(1);
  if (serial.empty()) return false;
  return serial.size() + (serial[0] >= 0x80 ? 1 : 0) <= kMaxSerial;
}

}  // namespace

void write_distribution_point_name(std::string_view uri, der::Builder& out) noexcept {
  const std::size_t name = out.open(der::context_constructed(0));
  const std::size_t full_name = out.open(der::context_constructed(0));
  out.element(der::context(6), as_bytes(uri));
  out.close(full_name);
  out.close(name);
}

void write_distribution_points(Bytes oid, std::string_view uri, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid, false);
  const std::size_t points = out.open(der::kSequence);
  const std::size_t point = out.open(der::kSequence);
  write_distribution_point_name(uri, out);
  out.close(point);
  out.close(points);
}

void write_extensions(const ExtensionSet& extensions, der::Builder& out) noexcept {
  if (extensions.basic_constraints) write_basic_constraints(*extensions.basic_constraints, out);
  if (extensions.key_usage != 0) {
    const ExtensionWriter extension(out, oid::kKeyUsage, true);
    out.named_bits(extensions.key_usage);
  }
  if (!extensions.ext_key_usage.empty()) write_ext_key_usage(extensions.ext_key_usage, out);
  if (!extensions.subject_alt_name.empty()) {
    write_sequence_extension(oid::kSubjectAltName, extensions.subject_alt_name_critical,
                             extensions.subject_alt_name, out);
  }
  if (!extensions.name_constraints.empty()) {
    write_sequence_extension(oid::kNameConstraints, true, extensions.name_constraints, out);
  }
  if (!extensions.crl_distribution_point.empty()) {
    write_distribution_points(oid::kCrlDistributionPoints, extensions.crl_distribution_point, out);
  }
  if (!extensions.subject_key_identifier.empty()) {
    const ExtensionWriter extension(out, oid::kSubjectKeyIdentifier, false);
    out.element(der::kOctetString, extensions.subject_key_identifier);
  }
  if (!extensions.authority_key_identifier.empty()) {
    const ExtensionWriter extension(out, oid::kAuthorityKeyIdentifier, false);
    const std::size_t sequence = out.open(der::kSequence);
    out.element(der::context(0), extensions.authority_key_identifier);
    out.close(sequence);
  }
  out.raw(extensions.extra);
}

Result<Bytes> sign_and_close(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                             crypto::SignatureAlgorithm algorithm, std::size_t start,
                             der::Builder& out) noexcept {
  Writer& writer = out.writer();
  std::array<std::uint8_t, kMaxSignature> buffer;
  // Where there is nothing to sign: the largest signature, to name the size that is enough.
  buffer.fill(0xff);
  const Bytes signature = Bytes(buffer).first(size_of_signature(key.type));
  if (writer.fits()) {
    const auto made = crypto.sign(key, algorithm, writer.written(start), buffer);
    if (!made) return made;
  }
  write_signature_algorithm(algorithm, out);
  const std::size_t bits = out.open_bit_string();
  if (kEcdsaOnly || algorithm.scheme == crypto::Scheme::ecdsa) {
    der::ecdsa_from_raw(signature, out);
  } else {
    out.raw(signature);
  }
  out.close(bits);
  out.enclose(der::kSequence, start);
  return writer.finish(start);
}

Result<Bytes> write_certificate(const crypto::Crypto& crypto, const CertificateFields& fields,
                                const crypto::PrivateKey& issuer_key, crypto::SignatureAlgorithm algorithm,
                                MutableBytes buffer) noexcept {
  if (!is_serial(fields.serial)) return fail(ErrorCode::bad_serial);
  Writer writer(buffer);
  der::Builder out(writer);
  write_tbs(fields, algorithm, out);
  return sign_and_close(crypto, issuer_key, algorithm, 0, out);
}

}  // namespace pedigree::x509
