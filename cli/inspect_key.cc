// SPDX-License-Identifier: Apache-2.0
// Keys: of a private one only its type and public half are shown.
#include "cli/describe.h"
#include "cli/files.h"
#include "cli/inspect.h"
#include "core/x509/certificate.h"
#include "core/x509/test_keys.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

/// Which of the three private forms, by the tags after the version.
std::string_view private_label(Bytes der) {
  Reader in(der);
  const auto outer = der::read(in, der::kSequence);
  if (!outer) return "PRIVATE KEY";
  Reader inside = outer->reader();
  (void)der::read_any(inside);
  if (der::next_is(inside, der::kOctetString)) return "EC PRIVATE KEY";
  return der::next_is(inside, der::kInteger) ? "RSA PRIVATE KEY" : "PRIVATE KEY";
}

}  // namespace

void add_key_facts(Report& report, Bytes spki) {
  const auto parsed = x509::parse_spki(spki);
  if (!parsed) return;
  report.add("key", key_text(*parsed));
  report.add("spki sha256", sha256_hex(spki));
  if (!parsed->key) report.warnings.emplace_back("the key is of a type or size that is not supported");
  const auto hash = from_hex(sha256_hex(spki));
  if (!hash) return;
  if (const auto origin = x509::test_key_origin(*hash)) {
    report.warnings.push_back("the key is a published test key: " + std::string(*origin));
  }
}

ReportResult report_public_key(Bytes der) {
  const auto spki = x509::parse_spki(der);
  if (!spki) return std::unexpected(to_inspect_error(spki.error(), "the public key"));
  Report report{.kind = "public key", .title = "public key", .remark = key_text(*spki)};
  add_key_facts(report, der);
  if (spki->key) report.add("octets", to_hex(spki->key->key));
  return report;
}

ReportResult report_private_key(Bytes der) {
  Reader in(der);
  const auto outer = der::read(in, der::kSequence);
  if (!outer) return std::unexpected(to_inspect_error(outer.error(), "the private key"));
  if (const auto end = in.finish(); !end)
    return std::unexpected(to_inspect_error(end.error(), "the private key"));
  const std::string_view label = private_label(der);
  std::string pem = to_pem(label, der);
  const auto key = crypto::OpenSslKey::from_pem(pem, {});
  wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
  if (!key)
    return std::unexpected(
        InspectError{"the private key: " + std::string(sentence(key.error().code)), {}, {}});
  const crypto::OpenSslCrypto crypto;
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  const auto public_key = crypto.public_key(key->view(), buffer);
  if (!public_key) return std::unexpected(to_inspect_error(public_key.error(), "the private key"));
  std::array<std::uint8_t, 600> spki{};
  Writer out(spki);
  der::Builder builder(out);
  x509::write_spki(*public_key, builder);
  Report report{.kind = "private key", .title = "private key", .remark = std::string(name(key->type()))};
  report.add("form", label == "PRIVATE KEY" ? "PKCS#8" : label == "EC PRIVATE KEY" ? "SEC 1" : "PKCS#1");
  add_key_facts(report, out.written());
  report.add("public half", to_hex(public_key->key));
  report.warnings.emplace_back("this file holds a private key that is not encrypted");
  return report;
}

ReportResult report_encrypted_key(Bytes der) {
  Reader in(der);
  const auto outer = der::read(in, der::kSequence);
  if (!outer) return std::unexpected(to_inspect_error(outer.error(), "the encrypted key"));
  if (const auto end = in.finish(); !end)
    return std::unexpected(to_inspect_error(end.error(), "the encrypted key"));
  Reader inside = outer->reader();
  const auto algorithm = der::read(inside, der::kSequence);
  if (!algorithm) return std::unexpected(to_inspect_error(algorithm.error(), "the encrypted key"));
  Reader fields = algorithm->reader();
  const auto oid = der::read_oid(fields);
  if (!oid) return std::unexpected(to_inspect_error(oid.error(), "the encrypted key"));
  Report report{.kind = "encrypted private key", .title = "private key", .remark = "encrypted"};
  const std::string text = oid_text(*oid);
  report.add("encryption", text == "1.2.840.113549.1.5.13" ? "PBES2 (PKCS#5)" : text);
  return report;
}

}  // namespace pedigree::cli
