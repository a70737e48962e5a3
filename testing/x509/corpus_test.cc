// SPDX-License-Identifier: Apache-2.0
// Makes the seeds of the fuzzers for DER, X.509 and PKCS#10, and checks that those committed are these.
// PEDIGREE_WRITE_CORPUS=1 writes them instead.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/csr/csr.h"
#include "core/x509/crl.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::testing {
namespace {

namespace fs = std::filesystem;
namespace oid = x509::oid;
using crypto::KeyType;

using Seeds = std::map<std::string, Octets>;  // "folder/case"

Octets nested(std::size_t depth) {
  Octets out = unhex("0500");
  for (std::size_t i = 0; i < depth; ++i) out = sequence({out});
  return out;
}

void add_der(Seeds& seeds) {
  seeds["der/boolean"] = unhex("0101ff");
  seeds["der/integer"] = unhex("0202 0080");
  seeds["der/integer_not_minimal"] = unhex("0202 0001");
  seeds["der/integer_negative"] = unhex("0201ff");
  seeds["der/long_length"] = element(der::kOctetString, Octets(200, 7));
  seeds["der/length_not_minimal"] = unhex("048101 00");
  seeds["der/indefinite"] = unhex("3080 0500 0000");
  seeds["der/high_tag"] = unhex("3f8101 00");
  seeds["der/oid"] = element(der::kOid, oid::kExtensionRequest);
  seeds["der/bit_string"] = unhex("0303 00abcd");
  seeds["der/named_bits"] = unhex("0302 05a0");
  seeds["der/utc_time"] = element(der::kUtcTime, as_bytes("251124120000Z"));
  seeds["der/generalized_time"] = element(der::kGeneralizedTime, as_bytes("99991231235959Z"));
  seeds["der/ecdsa"] = unhex("3007 0202 00ff 0201 05");
  seeds["der/ecdsa_r_zero"] = unhex("3006 020100 020105");
  seeds["der/nested_32"] = nested(31);
  seeds["der/nested_1000"] = nested(1000);
}

CertificateSpec spec(std::string subject, std::string issuer, std::uintptr_t key, std::uintptr_t issuer_key) {
  CertificateSpec out;
  out.subject = std::move(subject);
  out.issuer = std::move(issuer);
  out.key = {KeyType::p256, key};
  out.issuer_key = {KeyType::p256, issuer_key};
  return out;
}

// Every extension that is written, and every form of name.
Octets full_certificate(const FakeCrypto& crypto) {
  const Bytes purposes[] = {oid::kClientAuth, oid::kServerAuth};
  const Octets names = unhex(
      "8209 612e6578616d706c65 8606 75726e3a783a78 8704c0000201 8103614062 a40a 3008 3106 3004 0602 2a03 "
      "88022a03"
      "a008 0602 2a03 a002 0500");
  const Octets constraints = unhex("a00a 3008 8206 612e74657374 a10c 300a 8708 0a000000 ff000000");
  const Octets identifier = {1, 2, 3};
  CertificateSpec out = spec("Full", "Issuer", 1, 2);
  out.extensions.basic_constraints = x509::BasicConstraints{true, 3};
  out.extensions.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  out.extensions.ext_key_usage = purposes;
  out.extensions.subject_alt_name = names;
  out.extensions.name_constraints = constraints;
  out.extensions.crl_distribution_point = "http://ca.example/crl";
  out.extensions.subject_key_identifier = identifier;
  out.extensions.authority_key_identifier = identifier;
  return make_certificate(crypto, out);
}

void add_certificates(Seeds& seeds) {
  const FakeCrypto crypto;
  seeds["certificate/plain"] = CertificateParts::good().assemble();
  seeds["certificate/all_extensions"] = full_certificate(crypto);
  for (const KeyType type : {KeyType::p384, KeyType::ed25519, KeyType::rsa2048}) {
    CertificateSpec one = spec("Leaf", "Root", 1, 2);
    one.key.type = one.issuer_key.type = type;
    if (type == KeyType::rsa2048) one.algorithm = {crypto::Scheme::rsa_pss, crypto::Hash::sha256};
    seeds["certificate/" + std::string(name(type))] = make_certificate(crypto, one);
  }
  CertificateParts parts = CertificateParts::good();
  parts.version.clear();
  parts.extensions.clear();
  seeds["certificate/version_1"] = parts.assemble();
  parts.version = unhex("a003 020101");
  parts.unique_ids = unhex("8102 0001 8202 0001");
  seeds["certificate/version_2"] = parts.assemble();
  parts = CertificateParts::good();
  parts.serial = element(der::kInteger, Octets(21, 0x11));
  seeds["certificate/serial_21_octets"] = parts.assemble();
  parts = CertificateParts::good();
  const Octets usage = extension(oid::kKeyUsage, true, unhex("0302 0780"));
  parts.set_extensions({usage, usage});
  seeds["certificate/duplicate_extension"] = parts.assemble();
}

Octets join(std::initializer_list<Bytes> parts) {
  Octets out;
  for (const Bytes part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

void add_paths(Seeds& seeds) {
  const FakeCrypto crypto;
  const Octets leaf = make_certificate(crypto, spec("Leaf", "CA", 1, 2));
  CertificateSpec ca = spec("CA", "Root", 2, 3);
  ca.extensions.basic_constraints = x509::BasicConstraints{true, 0};
  CertificateSpec root = spec("Root", "Root", 3, 3);
  root.extensions.basic_constraints = x509::BasicConstraints{true, 1};
  const Octets root_der = make_certificate(crypto, root);
  seeds["path/three"] = join({leaf, make_certificate(crypto, ca), root_der});
  const Octets constraints = join({element(0xa0, sequence({element(0xa4, common_name("Leaf"))})),
                                   element(0xa1, sequence({element(der::context(2), as_bytes("test"))}))});
  ca.extensions.name_constraints = constraints;
  seeds["path/name_constraints"] = join({leaf, make_certificate(crypto, ca), root_der});
  ca.extensions.basic_constraints.reset();
  seeds["path/not_a_ca"] = join({leaf, make_certificate(crypto, ca), root_der});
  seeds["path/root_alone"] = root_der;
  seeds["path/second_is_malformed"] = join({leaf, unhex("3000"), root_der});
}

Octets attribute(Bytes type, der::Tag tag, Bytes value) {
  return element(der::kSet, sequence({element(der::kOid, type), element(tag, value)}));
}

void add_names(Seeds& seeds) {
  const Octets a = common_name("Acme  Devices CA");
  const Octets bmp = sequence({attribute(oid::kCommonName, der::kBmpString, unhex("00410063"))});
  const Octets utf8 = sequence({attribute(oid::kCommonName, der::kUtf8String, as_bytes("ac"))});
  const Octets two = sequence({element(
      der::kSet,
      {sequence({element(der::kOid, oid::kCommonName), element(der::kUtf8String, as_bytes("a"))}),
       sequence({element(der::kOid, oid::kOrganizationName), element(der::kUtf8String, as_bytes("b"))})})});
  seeds["name/spaces_and_case"] = join({a, common_name("ACME devices ca ")});
  seeds["name/string_types"] = join({bmp, utf8});
  seeds["name/two_in_one_rdn"] = join({two, two});
  seeds["name/empty"] = unhex("3000 3000");
  seeds["name/controls"] = join({common_name("a\x1b[31m\xe2\x80\xae"), a});
  seeds["name/no_string"] = sequence({attribute(oid::kCommonName, der::kOctetString, unhex("01ff"))});
}

void add_crls(Seeds& seeds) {
  const FakeCrypto crypto;
  const Octets issuer = common_name("CA");
  const Octets serial = unhex("0123");
  const Octets number = unhex("0102");
  const Octets identifier = unhex("0708");
  const x509::RevokedEntry entries[] = {{serial, 1700000000, x509::RevocationReason::key_compromise},
                                        {number, 2600000000, x509::RevocationReason::unspecified}};
  x509::CrlFields fields;
  fields.issuer = issuer;
  fields.this_update = 1700000000;
  fields.next_update = 1700600000;
  fields.crl_number = number;
  fields.authority_key_identifier = identifier;
  Octets buffer(1000);
  const auto write = [&] {
    const auto der = x509::write_crl(crypto, fields, {KeyType::p256, 1},
                                     {crypto::Scheme::ecdsa, crypto::Hash::sha256}, buffer);
    return Octets(der->begin(), der->end());
  };
  seeds["crl/empty"] = write();
  fields.entries = entries;
  seeds["crl/two"] = write();
  const Octets long_serial(21, 0x11);
  const x509::RevokedEntry bad[] = {{long_serial, 1700000000, x509::RevocationReason::unspecified}};
  fields.entries = bad;
  seeds["crl/serial_21_octets"] = write();
}

void add_requests(Seeds& seeds) {
  const FakeCrypto crypto;
  const Octets subject = common_name("Device");
  const Octets spki = spki_of(crypto, {KeyType::p256, 1});
  const Octets type = unhex("2a0301");
  const Octets value = unhex("0500");
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  Octets space(20);
  Octets more_space(20);
  const csr::Attribute attributes[] = {{type, value},
                                       csr::challenge_password("0123456789abcdef", space).value(),
                                       csr::extension_request(extensions, more_space).value()};
  csr::RequestFields fields;
  fields.subject = subject;
  fields.spki = spki;
  Octets buffer(1000);
  const auto write = [&] {
    const auto der = csr::write_request(crypto, fields, {KeyType::p256, 1},
                                        {crypto::Scheme::ecdsa, crypto::Hash::sha256}, buffer);
    return Octets(der->begin(), der->end());
  };
  seeds["csr/plain"] = write();
  fields.attributes = attributes;
  seeds["csr/attributes"] = write();
}

TEST(Corpus, IsTheCommittedOne) {
  Seeds seeds;
  add_der(seeds);
  add_certificates(seeds);
  add_paths(seeds);
  add_names(seeds);
  add_crls(seeds);
  add_requests(seeds);
  const bool write = std::getenv("PEDIGREE_WRITE_CORPUS") != nullptr;
  for (const auto& [file, octets] : seeds) {
    const fs::path path = fs::path("fuzz/corpus") / file;
    if (write) {
      fs::create_directories(path.parent_path());
      write_file(path, Bytes(octets));
    } else {
      EXPECT_EQ(read_file(path), octets) << file;
    }
  }
}

}  // namespace
}  // namespace pedigree::testing
