// SPDX-License-Identifier: Apache-2.0
#include "testing/x509/make.h"

#include <gtest/gtest.h>

#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::testing {
namespace {

constexpr std::uint8_t kSerialNumber[] = {0x01, 0x23, 0x45};

template <typename Write>
Octets written(Write write) {
  Octets buffer(4096);
  Writer writer(buffer);
  der::Builder builder(writer);
  write(builder);
  EXPECT_TRUE(writer.fits());
  buffer.resize(writer.size());
  return buffer;
}

}  // namespace

Octets element(der::Tag tag, std::initializer_list<Bytes> parts) {
  Octets content;
  for (const Bytes part : parts) content.insert(content.end(), part.begin(), part.end());
  Octets out(content.size() + 8);
  Writer writer(out);
  der::Builder(writer).element(tag, content);
  out.resize(writer.size());
  return out;
}

Octets common_name(std::string_view text) {
  return written([&](der::Builder& out) {
    const x509::NamePart parts[] = {{x509::oid::kCommonName, text}};
    x509::write_name(parts, out);
  });
}

Octets spki_of(const crypto::Crypto& crypto, const crypto::PrivateKey& key) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  const auto pub = crypto.public_key(key, buffer);
  EXPECT_TRUE(pub);
  return written([&](der::Builder& out) { x509::write_spki(*pub, out); });
}

std::uint32_t find(Bytes whole, Bytes part) {
  const auto at = std::search(whole.begin(), whole.end(), part.begin(), part.end());
  EXPECT_NE(at, whole.end());
  return static_cast<std::uint32_t>(at - whole.begin());
}

Octets make_certificate(const crypto::Crypto& crypto, const CertificateSpec& spec) {
  const Octets subject = spec.subject_der.empty() ? common_name(spec.subject) : spec.subject_der;
  const Octets issuer = spec.issuer_der.empty() ? common_name(spec.issuer) : spec.issuer_der;
  const Octets spki = spki_of(crypto, spec.key);
  x509::CertificateFields fields;
  fields.serial = kSerialNumber;
  fields.issuer = issuer;
  fields.subject = subject;
  fields.not_before = spec.not_before;
  fields.not_after = spec.not_after;
  fields.spki = spki;
  fields.extensions = spec.extensions;
  Octets buffer(8192);
  const auto der = x509::write_certificate(
      crypto, fields, spec.issuer_key,
      spec.algorithm.value_or(crypto::default_algorithm(spec.issuer_key.type)), buffer);
  EXPECT_TRUE(der) << name(der.error().code);
  return der ? Octets(der->begin(), der->end()) : Octets();
}

Octets extension(Bytes oid, bool critical, Bytes value) {
  return written([&](der::Builder& out) {
    const std::size_t sequence_start = out.open(der::kSequence);
    out.oid(oid);
    if (critical) out.boolean(true);
    out.element(der::kOctetString, value);
    out.close(sequence_start);
  });
}

CertificateParts CertificateParts::good() {
  CertificateParts parts;
  parts.version = unhex("a003 020102");
  parts.serial = unhex("0203 012345");
  parts.inner_algorithm = parts.outer_algorithm = unhex("300a 0608 2a8648ce3d040302");
  parts.issuer = common_name("Issuer");
  parts.subject = common_name("Subject");
  parts.validity = written([](der::Builder& out) {
    const std::size_t start = out.open(der::kSequence);
    out.time(1700000000);
    out.time(der::kNoWellDefinedExpiration);
    out.close(start);
  });
  Octets point(65, 0x5a);
  point[0] = 4;
  parts.spki = written([&](der::Builder& out) { x509::write_spki({crypto::KeyType::p256, point}, out); });
  parts.set_extensions({extension(x509::oid::kBasicConstraints, true, unhex("3003 0101ff"))});
  parts.signature = unhex("0309 00 3006 020101 020102");
  return parts;
}

void CertificateParts::set_extensions(std::initializer_list<Bytes> elements) {
  extensions = element(der::context_constructed(3), sequence(elements));
}

Octets CertificateParts::assemble() const {
  const Octets tbs =
      sequence({version, serial, inner_algorithm, issuer, validity, subject, spki, unique_ids, extensions});
  return sequence({tbs, outer_algorithm, signature, tail});
}

}  // namespace pedigree::testing
