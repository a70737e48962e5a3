// SPDX-License-Identifier: Apache-2.0
// What we write, others read and verify: certificates, requests and CRLs of every key type, with every
// extension, by the openssl command, GnuTLS's certtool and Mbed TLS. Each is also spoilt by one bit, which
// they must refuse. dumpasn1, which looks for what is not DER, must find nothing: of linters, Debian 12 has
// no other that reads certificates. The rules about content are openssl's -x509_strict.
#include <gtest/gtest.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include <map>
#include <sstream>

#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/x509/crl.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/support.h"
#include "testing/x509/make.h"

namespace pedigree::testing {
namespace {

namespace oid = x509::oid;
using crypto::Hash;
using crypto::KeyType;
using crypto::Scheme;
using crypto::SignatureAlgorithm;

struct Signer {
  const char* name;
  KeyType type;
  SignatureAlgorithm algorithm;
};

const Signer kSigners[] = {
    {"P256", KeyType::p256, {Scheme::ecdsa, Hash::sha256}},
    {"P256Sha512", KeyType::p256, {Scheme::ecdsa, Hash::sha512}},
    {"P384", KeyType::p384, {Scheme::ecdsa, Hash::sha384}},
    {"Ed25519", KeyType::ed25519, {Scheme::eddsa, Hash::sha512}},
    {"Rsa2048", KeyType::rsa2048, {Scheme::rsa_pkcs1, Hash::sha256}},
    {"Rsa3072Sha384", KeyType::rsa3072, {Scheme::rsa_pkcs1, Hash::sha384}},
    {"Rsa4096Sha512", KeyType::rsa4096, {Scheme::rsa_pkcs1, Hash::sha512}},
    {"Rsa2048Pss", KeyType::rsa2048, {Scheme::rsa_pss, Hash::sha256}},
    {"Rsa3072PssSha384", KeyType::rsa3072, {Scheme::rsa_pss, Hash::sha384}},
};

// Names of every form that all three programs read.
const Octets& alternative_names() {
  static const Octets names = [] {
    Octets out = element(der::context(2), as_bytes("device.example.com"));
    for (const Octets& name :
         {element(der::context(6), as_bytes("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")),
          element(der::context(7), unhex("c0000201")),
          element(der::context(1), as_bytes("device@example.com")),
          element(0xa4, common_name("Directory"))}) {
      out.insert(out.end(), name.begin(), name.end());
    }
    return out;
  }();
  return names;
}

class InteropTest : public ::testing::TestWithParam<Signer> {
 protected:
  InteropTest() : root_key_(key_of(GetParam().type, 0)), leaf_key_(key_of(GetParam().type, 1)) {}

  // RSA keys take seconds: each is made once.
  static const crypto::OpenSslKey& key_of(KeyType type, int which) {
    static std::map<std::pair<KeyType, int>, crypto::OpenSslKey> keys;
    const auto wanted = std::pair(type, which);
    if (!keys.contains(wanted)) keys.emplace(wanted, crypto::OpenSslKey::generate(type).value());
    return keys.at(wanted);
  }

  [[nodiscard]] bool mbedtls_reads() const { return GetParam().type != KeyType::ed25519; }

  CertificateSpec root_spec() const {
    CertificateSpec root;
    root.subject = root.issuer = "Root";
    root.key = root.issuer_key = root_key_.view();
    root.algorithm = GetParam().algorithm;
    root.extensions.basic_constraints = x509::BasicConstraints{true, 1};
    root.extensions.key_usage = x509::kKeyCertSign | x509::kCrlSign;
    root.extensions.subject_key_identifier = key_id_;
    root.not_after = der::kNoWellDefinedExpiration;
    return root;
  }

  CertificateSpec leaf_spec() const {
    CertificateSpec leaf;
    leaf.key = leaf_key_.view();
    leaf.issuer_key = root_key_.view();
    leaf.algorithm = GetParam().algorithm;
    leaf.extensions.basic_constraints = x509::BasicConstraints{};
    leaf.extensions.key_usage = x509::kDigitalSignature;
    leaf.extensions.ext_key_usage = purposes_;
    leaf.extensions.subject_alt_name = alternative_names();
    leaf.extensions.crl_distribution_point = "http://ca.example.com/root.crl";
    leaf.extensions.subject_key_identifier = leaf_id_;
    leaf.extensions.authority_key_identifier = key_id_;
    leaf.not_after = der::kNoWellDefinedExpiration;
    return leaf;
  }

  void put(const char* file, const char* label, const Octets& der) const {
    write_file(dir_ / file, to_pem(label, der));
  }
  [[nodiscard]] std::string path(const char* file) const { return (dir_ / file).string(); }

  crypto::OpenSslCrypto crypto_;
  const crypto::OpenSslKey& root_key_;
  const crypto::OpenSslKey& leaf_key_;
  Octets key_id_ = Octets(20, 0x11);
  Octets leaf_id_ = Octets(20, 0x22);
  std::array<Bytes, 2> purposes_ = {oid::kClientAuth, oid::kServerAuth};
  TempDir dir_;
};

// The last octet belongs to the signature.
Octets spoilt(Octets der) {
  der.back() ^= 1U;
  return der;
}

// What dumpasn1 has against it, "" if nothing. That it finds the year 9999 too far away is passed over: RFC
// 5280 4.1.2.5 prescribes 99991231235959Z. -z: what is empty may be so; a request's attributes (RFC 2986 4.1)
// are written even then. -e: a key or signature is not taken for DER where it happens to begin like it.
std::string lint(const TempDir& dir, const Octets& der) {
  const auto file = dir / "lint.der";
  write_file(file, Bytes(der));
  std::istringstream lines(run({"dumpasn1", "-z", "-e", file.string()}).output);
  std::string found = "dumpasn1 said nothing\n";
  for (std::string line; std::getline(lines, line);) {
    if (line.contains(" warnings, ") || line.contains(" warning, ")) found.erase(0, found.find('\n') + 1);
    if (line.contains("Error: Time value ")) continue;
    if (line.contains("Error: ") || line.contains("Warning: ")) found += line + "\n";
  }
  return found;
}

bool openssl_verifies(const std::string& root, const std::string& leaf) {
  return run({"openssl", "verify", "-x509_strict", "-CAfile", root, leaf}).status == 0;
}

bool certtool_verifies(const std::string& root, const std::string& leaf) {
  const CommandResult result = run({"certtool", "--verify", "--load-ca-certificate", root, "--infile", leaf});
  return result.status == 0 && result.output.contains("Chain verification output: Verified");
}

bool mbedtls_verifies(const Octets& root, const Octets& leaf) {
  mbedtls_x509_crt trusted;
  mbedtls_x509_crt chain;
  mbedtls_x509_crt_init(&trusted);
  mbedtls_x509_crt_init(&chain);
  std::uint32_t flags = 0;
  const bool verified =
      mbedtls_x509_crt_parse_der(&trusted, root.data(), root.size()) == 0 &&
      mbedtls_x509_crt_parse_der(&chain, leaf.data(), leaf.size()) == 0 &&
      mbedtls_x509_crt_verify(&chain, &trusted, nullptr, nullptr, &flags, nullptr, nullptr) == 0;
  mbedtls_x509_crt_free(&chain);
  mbedtls_x509_crt_free(&trusted);
  return verified;
}

bool core_trusts(const crypto::Crypto& crypto, const Octets& root, const Octets& leaf) {
  const x509::TrustAnchor anchor{x509::Certificate::parse(root).value(), {}, {}};
  x509::PathOptions options;
  options.anchors = std::span(&anchor, 1);
  options.key_purpose = oid::kClientAuth;
  const Bytes chain[] = {leaf};
  return x509::validate_path(crypto, chain, options).trusted();
}

TEST_P(InteropTest, CertificatesVerify) {
  const Octets root = make_certificate(crypto_, root_spec());
  const Octets leaf = make_certificate(crypto_, leaf_spec());
  put("root.pem", "CERTIFICATE", root);
  put("leaf.pem", "CERTIFICATE", leaf);
  put("bad.pem", "CERTIFICATE", spoilt(leaf));
  EXPECT_EQ(lint(dir_, root), "");
  EXPECT_EQ(lint(dir_, leaf), "");
  const x509::Certificate parsed = x509::Certificate::parse(leaf).value();
  EXPECT_TRUE(x509::for_each_extension(parsed.extensions_content(), [&](const x509::Extension& one) {
    EXPECT_EQ(lint(dir_, Octets(one.value.begin(), one.value.end())), "");
  }));
  EXPECT_TRUE(core_trusts(crypto_, root, leaf));
  EXPECT_FALSE(core_trusts(crypto_, root, spoilt(leaf)));
  const CommandResult openssl =
      run({"openssl", "verify", "-x509_strict", "-CAfile", path("root.pem"), path("leaf.pem")});
  EXPECT_EQ(openssl.status, 0) << openssl.output;
  EXPECT_FALSE(openssl_verifies(path("root.pem"), path("bad.pem")));
  const CommandResult certtool =
      run({"certtool", "--verify", "--load-ca-certificate", path("root.pem"), "--infile", path("leaf.pem")});
  EXPECT_TRUE(certtool_verifies(path("root.pem"), path("leaf.pem"))) << certtool.output;
  EXPECT_FALSE(certtool_verifies(path("root.pem"), path("bad.pem")));
  if (!mbedtls_reads()) return;  // Mbed TLS 2.28 has no Ed25519
  EXPECT_TRUE(mbedtls_verifies(root, leaf));
  EXPECT_FALSE(mbedtls_verifies(root, spoilt(leaf)));
}

// The extensions one by one, and none at all.
TEST_P(InteropTest, EachExtensionIsRead) {
  put("root.pem", "CERTIFICATE", make_certificate(crypto_, root_spec()));
  const x509::ExtensionSet all = leaf_spec().extensions;
  for (unsigned i = 0; i < 8; ++i) {
    CertificateSpec spec = leaf_spec();
    spec.extensions = {};
    if (i == 1) spec.extensions.basic_constraints = all.basic_constraints;
    if (i == 2) spec.extensions.key_usage = all.key_usage;
    if (i == 3) spec.extensions.ext_key_usage = all.ext_key_usage;
    if (i == 4) spec.extensions.subject_alt_name = all.subject_alt_name;
    if (i == 5) spec.extensions.crl_distribution_point = all.crl_distribution_point;
    if (i == 6) spec.extensions.subject_key_identifier = all.subject_key_identifier;
    if (i == 7) spec.extensions.authority_key_identifier = all.authority_key_identifier;
    const Octets leaf = make_certificate(crypto_, spec);
    SCOPED_TRACE(i);
    put("leaf.pem", "CERTIFICATE", leaf);
    EXPECT_EQ(run({"openssl", "verify", "-CAfile", path("root.pem"), path("leaf.pem")}).status, 0);
    EXPECT_EQ(run({"certtool", "-i", "--infile", path("leaf.pem")}).status, 0);
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    if (mbedtls_reads()) {
      EXPECT_EQ(mbedtls_x509_crt_parse_der(&certificate, leaf.data(), leaf.size()), 0);
    }
    mbedtls_x509_crt_free(&certificate);
  }
}

TEST_P(InteropTest, NameConstraintsAreRead) {
  const Octets constraints = unhex("a00f 300d 820b 6578616d706c652e636f6d a107 3005 8203 626164");
  CertificateSpec spec = root_spec();
  spec.extensions.name_constraints = constraints;
  const Octets root = make_certificate(crypto_, spec);
  spec = leaf_spec();
  const auto verdicts = [&](std::string_view dns) {
    const Octets names = element(der::context(2), as_bytes(dns));
    spec.extensions.subject_alt_name = names;
    const Octets leaf = make_certificate(crypto_, spec);
    put("root.pem", "CERTIFICATE", root);
    put("leaf.pem", "CERTIFICATE", leaf);
    return std::array{core_trusts(crypto_, root, leaf), openssl_verifies(path("root.pem"), path("leaf.pem")),
                      certtool_verifies(path("root.pem"), path("leaf.pem"))};
  };
  EXPECT_EQ(verdicts("a.example.com"), (std::array{true, true, true}));
  EXPECT_EQ(verdicts("a.example.org"), (std::array{false, false, false}));
}

TEST_P(InteropTest, RequestsVerify) {
  const Octets subject = common_name("Device");
  const Octets spki = spki_of(crypto_, leaf_key_.view());
  const Octets type = unhex("2b0601040182a76801");
  const Octets value = element(der::kOctetString, Octets(300, 0x5a));
  Octets space(100);
  Octets more_space(1000);
  const auto entropy = enrol::entropy_value(enrol::Entropy::fixed);
  const csr::Attribute attributes[] = {
      {type, value},
      {enrol::kEntropyAttribute, entropy},
      csr::challenge_password("00112233445566778899aabbccddeeff", space).value(),
      csr::extension_request(leaf_spec().extensions, more_space).value()};
  csr::RequestFields fields;
  fields.subject = subject;
  fields.spki = spki;
  for (const bool full : {false, true}) {
    if (full) fields.attributes = attributes;
    Octets buffer(4096);
    const auto written = csr::write_request(crypto_, fields, leaf_key_.view(), GetParam().algorithm, buffer);
    ASSERT_TRUE(written);
    const Octets der(written->begin(), written->end());
    put("request.pem", "CERTIFICATE REQUEST", der);
    put("bad.pem", "CERTIFICATE REQUEST", spoilt(der));
    EXPECT_EQ(lint(dir_, der), "");
    EXPECT_TRUE(csr::Request::parse(der)->verify(crypto_));
    const CommandResult openssl = run({"openssl", "req", "-verify", "-noout", "-in", path("request.pem")});
    EXPECT_TRUE(openssl.status == 0 && openssl.output.contains("verify OK")) << openssl.output;
    EXPECT_FALSE(
        run({"openssl", "req", "-verify", "-noout", "-in", path("bad.pem")}).output.contains("verify OK"));
    const CommandResult certtool = run({"certtool", "--crq-info", "--infile", path("request.pem")});
    EXPECT_TRUE(certtool.status == 0 && certtool.output.contains("Self signature: verified"))
        << certtool.output;
    EXPECT_FALSE(run({"certtool", "--crq-info", "--infile", path("bad.pem")})
                     .output.contains("Self signature: verified"));
    mbedtls_x509_csr request;
    mbedtls_x509_csr_init(&request);
    if (mbedtls_reads()) {
      EXPECT_EQ(mbedtls_x509_csr_parse_der(&request, der.data(), der.size()), 0);
    }
    mbedtls_x509_csr_free(&request);
  }
}

TEST(Interop, TheLinterSeesWhatIsNotDer) {
  const TempDir dir;
  EXPECT_EQ(lint(dir, unhex("3003 020105")), "");
  EXPECT_NE(lint(dir, unhex("308103 020105")), "");
  EXPECT_NE(lint(dir, unhex("3004 02020001")), "");
}

TEST_P(InteropTest, CrlsVerify) {
  put("root.pem", "CERTIFICATE", make_certificate(crypto_, root_spec()));
  const Octets issuer = common_name("Root");
  const Octets number = unhex("0102030405");
  const Octets serials[] = {unhex("01"), unhex("8123"), Octets(20, 0x71)};
  const x509::RevokedEntry entries[] = {{serials[0], 1700000000, x509::RevocationReason::unspecified},
                                        {serials[1], 1700000001, x509::RevocationReason::key_compromise},
                                        {serials[2], 1700000002, x509::RevocationReason::superseded}};
  x509::CrlFields fields;
  fields.issuer = issuer;
  fields.this_update = 1700000000;
  fields.next_update = 4000000000;
  fields.crl_number = number;
  fields.authority_key_identifier = key_id_;
  for (const std::size_t count : {std::size_t{0}, std::size_t{3}, std::size_t{2}}) {
    fields.entries = std::span(entries).first(count);
    // A part of a CRL, whose scope is not critical: Mbed TLS passes over it.
    if (count == 2) fields.distribution_point = "http://ca.example.com/crl/00000001";
    Octets buffer(4096);
    const auto written = x509::write_crl(crypto_, fields, root_key_.view(), GetParam().algorithm, buffer);
    ASSERT_TRUE(written);
    const Octets der(written->begin(), written->end());
    EXPECT_EQ(lint(dir_, der), "");
    put("crl.pem", "X509 CRL", der);
    put("bad.pem", "X509 CRL", spoilt(der));
    const CommandResult openssl =
        run({"openssl", "crl", "-noout", "-CAfile", path("root.pem"), "-in", path("crl.pem")});
    EXPECT_TRUE(openssl.output.contains("verify OK")) << openssl.output;
    EXPECT_FALSE(run({"openssl", "crl", "-noout", "-CAfile", path("root.pem"), "-in", path("bad.pem")})
                     .output.contains("verify OK"));
    const CommandResult certtool = run(
        {"certtool", "--verify-crl", "--load-ca-certificate", path("root.pem"), "--infile", path("crl.pem")});
    EXPECT_TRUE(certtool.output.contains("Verification output: Verified")) << certtool.output;
    EXPECT_FALSE(run({"certtool", "--verify-crl", "--load-ca-certificate", path("root.pem"), "--infile",
                      path("bad.pem")})
                     .output.contains("Verification output: Verified"));
    mbedtls_x509_crl crl;
    mbedtls_x509_crl_init(&crl);
    if (mbedtls_reads()) {
      EXPECT_EQ(mbedtls_x509_crl_parse_der(&crl, der.data(), der.size()), 0);
    }
    mbedtls_x509_crl_free(&crl);
  }
}

INSTANTIATE_TEST_SUITE_P(AllSigners, InteropTest, ::testing::ValuesIn(kSigners),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace pedigree::testing
