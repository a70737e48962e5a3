// SPDX-License-Identifier: Apache-2.0
// core on OpenSSL against what OpenSSL's raw operations allow: path validation, parsing, issuing.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "bench/core_peers.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "core/csr/csr.h"
#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::bench {
namespace {

using crypto::KeyType;
using crypto::OpenSslKey;

constexpr der::UnixTime kNow = 1795478400;  // 2026-11-24
constexpr der::UnixTime kYear = 365 * 86400;
constexpr crypto::SignatureAlgorithm kEs256 = crypto::default_algorithm(KeyType::p256);
constexpr std::size_t kRequests = 512;  // keys in turn, so that no cache of keys could help

const crypto::OpenSslCrypto& library() {
  static const crypto::OpenSslCrypto crypto;
  return crypto;
}

template <typename T>
T must(Result<T> result, const char* what) {
  require(result.has_value(), what);
  return *std::move(result);
}

Octets name_of(std::string_view common_name) {
  Octets buffer(256);
  Writer writer(buffer);
  der::Builder builder(writer);
  const std::array<x509::NamePart, 2> parts{x509::NamePart{x509::oid::kOrganizationName, "Example Silicon"},
                                            x509::NamePart{x509::oid::kCommonName, common_name}};
  x509::write_name(parts, builder);
  buffer.resize(writer.size());
  return buffer;
}

struct Party {
  explicit Party(std::string_view common_name)
      : key(must(OpenSslKey::generate(KeyType::p256), "generate")), name(name_of(common_name)) {
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
    spki.resize(200);
    Writer writer(spki);
    der::Builder builder(writer);
    x509::write_spki(must(library().public_key(key.view(), point), "public_key"), builder);
    spki.resize(writer.size());
    key_id = must(library().sha256(spki), "sha256");
  }
  OpenSslKey key;
  Octets name;
  Octets spki;
  Sha256 key_id{};
};

/// Extensions as on a device's chain: CA or leaf, both key identifiers.
x509::ExtensionSet extensions_of(const Party& subject, const Party& issuer, bool ca) {
  static constexpr std::array<Bytes, 1> kPurposes{Bytes(x509::oid::kClientAuth)};
  x509::ExtensionSet set;
  if (ca) set.basic_constraints = x509::BasicConstraints{true, std::nullopt};
  set.key_usage = ca ? x509::kKeyCertSign | x509::kCrlSign : x509::kDigitalSignature;
  if (!ca) set.ext_key_usage = kPurposes;
  set.subject_key_identifier = Bytes(subject.key_id).first(20);
  set.authority_key_identifier = Bytes(issuer.key_id).first(20);
  return set;
}

x509::CertificateFields fields_of(const Party& issuer, Bytes subject, Bytes spki, Bytes serial) {
  x509::CertificateFields fields;
  fields.serial = serial;
  fields.issuer = issuer.name;
  fields.subject = subject;
  fields.not_before = kNow - 86400;
  fields.not_after = kNow + kYear;
  fields.spki = spki;
  return fields;
}

Octets certify(const Party& subject, const Party& issuer, bool ca) {
  std::array<std::uint8_t, 16> serial{};
  require(library().random(serial).has_value(), "random");
  serial[0] = 0x5a;
  auto fields = fields_of(issuer, subject.name, subject.spki, serial);
  fields.extensions = extensions_of(subject, issuer, ca);
  std::array<std::uint8_t, 1024> buffer{};
  const Bytes der = must(x509::write_certificate(library(), fields, issuer.key.view(), kEs256, buffer),
                         "write_certificate");
  return {der.begin(), der.end()};
}

/// What raw verification of a certificate by its issuer needs.
RawVerification raw(const Octets& certificate, const Party& issuer) {
  const auto parsed = must(x509::Certificate::parse(certificate), "parse");
  return {issuer.key.get(),
          {parsed.tbs().begin(), parsed.tbs().end()},
          {parsed.signature().begin(), parsed.signature().end()}};
}

void bench_path() {
  const Party root("Example Silicon Root CA");
  const Party vendor("Example Silicon Device CA");
  const Party device("01a7c3d4e5f60718293a4b5c6d7e8f90");
  const std::vector<Octets> chain{certify(device, vendor, false), certify(vendor, root, true),
                                  certify(root, root, true)};
  const std::array<Bytes, 3> views{Bytes(chain[0]), Bytes(chain[1]), Bytes(chain[2])};
  const std::array<RawVerification, 2> signatures{raw(chain[0], vendor), raw(chain[1], root)};
  x509::TrustAnchor anchor;
  anchor.spki_sha256 = root.key_id;
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.time = kNow;
  options.key_purpose = Bytes(x509::oid::kClientAuth);
  const OpenSslPath peer(chain[2]);
  const auto seconds = best_seconds({
      [&] { require(x509::validate_path(library(), views, options).trusted(), "validate_path"); },
      [&] {
        for (const RawVerification& signature : signatures) raw_verify(signature);
      },
      [&] { peer.verify(chain); },
      [&] { require(x509::Certificate::parse(views[0]).has_value(), "parse"); },
  });
  record({"path_validation_p256_3",
          1 / seconds[0],
          "1/s",
          1 / seconds[1],
          0.9,
          Better::higher,
          {{"openssl_x509_verify_cert", 1 / seconds[2]}}});
  record({"certificate_parse", seconds[3] * 1e9, "ns", 1000, 1.0, Better::lower, {}});
}

Octets request_of(const Party& device) {
  csr::RequestFields fields;
  fields.subject = device.name;
  fields.spki = device.spki;
  std::array<std::uint8_t, 66> space{};
  const csr::Attribute challenge =
      must(csr::challenge_password("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", space),
           "challenge_password");
  fields.attributes = {&challenge, 1};
  std::array<std::uint8_t, 1024> buffer{};
  const Bytes der =
      must(csr::write_request(library(), fields, device.key.view(), kEs256, buffer), "write_request");
  return {der.begin(), der.end()};
}

/// One issuance: proof of possession, serial, key identifier, certificate.
void issue(Bytes der, const Party& issuer) {
  const csr::Request request = must(csr::Request::parse(der), "parse request");
  require(request.verify(library()).has_value(), "verify request");
  std::array<std::uint8_t, 16> serial{};
  require(library().random(serial).has_value(), "random");
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7fU) | 0x40U);
  const Sha256 key_id = must(library().sha256(request.spki().whole), "sha256");
  static constexpr std::array<Bytes, 1> kPurposes{Bytes(x509::oid::kClientAuth)};
  auto fields = fields_of(issuer, request.subject(), request.spki().whole, serial);
  fields.extensions.key_usage = x509::kDigitalSignature;
  fields.extensions.ext_key_usage = kPurposes;
  fields.extensions.subject_key_identifier = Bytes(key_id).first(20);
  fields.extensions.authority_key_identifier = Bytes(issuer.key_id).first(20);
  std::array<std::uint8_t, 1024> buffer;
  must(x509::write_certificate(library(), fields, issuer.key.view(), kEs256, buffer), "write_certificate");
}

void bench_issue() {
  const Party vendor("Example Silicon Device CA");
  const Octets issuer_der = certify(vendor, vendor, true);
  const unsigned char* cursor = issuer_der.data();
  X509* issuer = d2i_X509(nullptr, &cursor, static_cast<long>(issuer_der.size()));
  std::vector<Octets> requests;
  for (std::size_t i = 0; i < kRequests; ++i)
    requests.push_back(request_of(Party(fmt::format("device {}", i))));
  const Party device("device");
  const Octets certificate = certify(device, vendor, false);
  const RawVerification signature = raw(certificate, vendor);
  std::size_t ours = 0;
  std::size_t theirs = 0;
  const auto seconds = best_seconds({
      [&] { issue(requests[ours++ % kRequests], vendor); },
      [&] {
        raw_verify(signature);
        raw_sign(vendor.key.get(), signature.message);
      },
      [&] { openssl_issue(requests[theirs++ % kRequests], issuer, vendor.key.get()); },
  });
  X509_free(issuer);
  record({"issue_in_process",
          1 / seconds[0],
          "1/s",
          1 / seconds[1],
          0.85,
          Better::higher,
          {{"openssl_x509_sign", 1 / seconds[2]}}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  pedigree::bench::bench_path();
  pedigree::bench::bench_issue();
}
