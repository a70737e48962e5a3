// SPDX-License-Identifier: Apache-2.0
// Answers by other people's responders: `openssl ocsp`, and Python's cryptography for the answers that a
// responder would not give.
#include <gtest/gtest.h>

#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"
#include "verifier/status/ocsp.h"
#include "verifier/status/ocsp_status.h"

namespace pedigree::verifier {
namespace {

using State = CertificateStatus::State;
using testing::hex;
using testing::Octets;
using x509::Certificate;

// Makes ca, other (another CA), leaf and second (leaves of ca, serials 0x1001 and 0x1002), and four
// responders: delegate, old (expired), plain (without the key purpose), foreign (of the other CA).
constexpr const char* kPki = R"py(
import datetime, sys
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
folder = sys.argv[1]
PURPOSE = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.OCSP_SIGNING])
def name(text): return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
def when(seconds): return datetime.datetime.utcfromtimestamp(seconds)
def make(subject, serial, issuer=None, ca=False, purpose=None, until=2000000000):
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_name, issuer_key = (name(issuer), keys[issuer]) if issuer else (name(subject), key)
    b = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(issuer_name).public_key(key.public_key())
    b = b.serial_number(serial).not_valid_before(when(1600000000)).not_valid_after(when(until))
    b = b.add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    if purpose: b = b.add_extension(purpose, False)
    cert = b.sign(issuer_key, hashes.SHA256())
    open(f'{folder}/{subject}.der', 'wb').write(cert.public_bytes(serialization.Encoding.DER))
    open(f'{folder}/{subject}.pem', 'wb').write(cert.public_bytes(serialization.Encoding.PEM))
    open(f'{folder}/{subject}.key', 'wb').write(key.private_bytes(serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    keys[subject], certs[subject] = key, cert
keys, certs = {}, {}
make('ca', 1, ca=True)
make('other', 1, ca=True)
make('leaf', 0x1001, 'ca')
make('second', 0x1002, 'ca')
make('delegate', 0x2001, 'ca', purpose=PURPOSE)
make('old', 0x2002, 'ca', purpose=PURPOSE, until=1700000000)
make('plain', 0x2003, 'ca')
make('foreign', 0x2004, 'other', purpose=PURPOSE)
def answer(file, signer, status='good', target='leaf', issuer='ca', this=1750000000, next=1750086400, hash=hashes.SHA1(),
           by_key=True, send=True, nonce=None):
    s = ocsp.OCSPCertStatus
    b = ocsp.OCSPResponseBuilder().add_response(
        cert=certs[target], issuer=certs[issuer], algorithm=hash, this_update=when(this),
        cert_status={'good': s.GOOD, 'revoked': s.REVOKED, 'unknown': s.UNKNOWN}[status],
        next_update=when(next) if next else None, revocation_time=when(1740000000) if status == 'revoked' else None,
        revocation_reason=x509.ReasonFlags.key_compromise if status == 'revoked' else None)
    encoding = ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME
    b = b.responder_id(encoding, certs[signer])
    if send: b = b.certificates([certs[signer]])
    if nonce: b = b.add_extension(x509.OCSPNonce(nonce), False)
    open(f'{folder}/{file}', 'wb').write(b.sign(keys[signer], hashes.SHA256()).public_bytes(serialization.Encoding.DER))
)py";

class Pki {
 public:
  /// Makes the certificates, and the answers that the Python text asks for.
  explicit Pki(const std::string& answers = "") {
    const auto made =
        testing::run({"/usr/bin/python3", "-W", "ignore", "-c", kPki + answers, folder_.path().string()});
    EXPECT_EQ(made.status, 0) << made.output;
  }
  [[nodiscard]] std::string path(const std::string& file) const { return (folder_ / file).string(); }
  [[nodiscard]] Octets read(const std::string& file) const { return testing::read_file(folder_ / file); }
  void write(const std::string& file, std::string_view content) const {
    testing::write_file(folder_ / file, content);
  }

  /// What `file` says of a certificate.
  [[nodiscard]] CertificateStatus ask(const std::string& file, der::UnixTime now,
                                      const std::string& subject = "leaf", OcspLimits limits = {}) const {
    OcspStatus status(crypto_, limits);
    const auto added = status.add(read(file));
    EXPECT_TRUE(added) << name(added.error().code) << " at " << added.error().offset;
    const Octets certificate = read(subject + ".der");
    const Octets issuer = read("ca.der");
    return status.certificate(Certificate::parse(certificate).value(), Certificate::parse(issuer).value(),
                              now);
  }

 private:
  testing::TempDir folder_;
  crypto::OpenSslCrypto crypto_;
};

/// An answer of `openssl ocsp` from its index file.
void respond(const Pki& pki, const std::string& signer, const std::string& subject,
             std::vector<std::string> more = {}) {
  std::vector<std::string> command{"openssl",  "ocsp",
                                   "-index",   pki.path("index"),
                                   "-CA",      pki.path("ca.pem"),
                                   "-rsigner", pki.path(signer + ".pem"),
                                   "-rkey",    pki.path(signer + ".key"),
                                   "-reqin",   pki.path("request"),
                                   "-respout", pki.path("answer")};
  const auto asked = testing::run({"openssl", "ocsp", "-issuer", pki.path("ca.pem"), "-cert",
                                   pki.path(subject + ".pem"), "-reqout", pki.path("request")});
  ASSERT_EQ(asked.status, 0) << asked.output;
  command.insert(command.end(), more.begin(), more.end());
  const auto result = testing::run(command);
  ASSERT_EQ(result.status, 0) << result.output;
}

TEST(OpensslResponder, TellsGoodRevokedAndUnknown) {
  const Pki pki;
  pki.write("index",
            "V\t330101000000Z\t\t1001\tunknown\t/CN=leaf\n"
            "R\t330101000000Z\t250601120000Z,keyCompromise\t1002\tunknown\t/CN=second\n");
  const der::UnixTime now = std::time(nullptr);
  for (const std::string signer : {"ca", "delegate"}) {
    respond(pki, signer, "leaf", {"-ndays", "1"});
    EXPECT_EQ(pki.ask("answer", now).state, State::good) << signer;
    EXPECT_EQ(pki.ask("answer", now + 2 * 86400).state, State::stale);
    EXPECT_EQ(pki.ask("answer", now, "second").state, State::unknown) << "it speaks of another serial number";
    respond(pki, signer, "second", {"-resp_key_id"});
    const CertificateStatus second = pki.ask("answer", now, "second");
    EXPECT_EQ(second.state, State::revoked);
    EXPECT_EQ(second.revocation->since, 1748779200);
    EXPECT_EQ(second.revocation->reason, 1);
    respond(pki, signer, "plain");
    EXPECT_EQ(pki.ask("answer", now, "plain").state, State::unknown);
    // Without -ndays there is no nextUpdate.
    respond(pki, signer, "leaf");
    EXPECT_EQ(pki.ask("answer", now).state, State::good);
    EXPECT_EQ(pki.ask("answer", now + 2 * 86400).state, State::stale);
  }
}

TEST(OpensslResponder, OthersMayNotAnswer) {
  const Pki pki;
  pki.write("index", "V\t330101000000Z\t\t1001\tunknown\t/CN=leaf\n");
  const der::UnixTime now = std::time(nullptr);
  for (const std::string signer : {"plain", "old", "foreign", "other"}) {
    respond(pki, signer, "leaf", {"-ndays", "1"});
    EXPECT_EQ(pki.ask("answer", now).state, State::unknown) << signer;
  }
}

TEST(OpensslResponder, AnswersWithANonce) {
  const Pki pki;
  pki.write("index", "V\t330101000000Z\t\t1001\tunknown\t/CN=leaf\n");
  respond(pki, "ca", "leaf");
  const Octets der = pki.read("answer");
  const auto response = OcspResponse::parse(der);
  ASSERT_TRUE(response && response->nonce());
  const crypto::OpenSslCrypto crypto;
  OcspStatus status(crypto);
  EXPECT_TRUE(status.add(der, *response->nonce()));
  const Octets other(16, 1);
  EXPECT_EQ(status.add(der, other).error().code, ErrorCode::bad_nonce);
  EXPECT_EQ(status.size(), 1U);
}

TEST(OcspStatus, TakesSha256AndBothFormsOfResponder) {
  const Pki pki(R"py(
answer('by_key', 'delegate', hash=hashes.SHA256())
answer('by_name', 'delegate', hash=hashes.SHA384(), by_key=False)
answer('issuer_by_name', 'ca', by_key=False, send=False)
)py");
  for (const std::string file : {"by_key", "by_name", "issuer_by_name"}) {
    EXPECT_EQ(pki.ask(file, 1750000000).state, State::good) << file;
    EXPECT_EQ(pki.ask(file, 1750000000, "second").state, State::unknown) << file;
  }
}

TEST(OcspStatus, ChecksTimes) {
  const Pki pki(R"py(
answer('dated', 'delegate')
answer('undated', 'delegate', next=None)
answer('revoked', 'delegate', status='revoked')
answer('old', 'old')
answer('early', 'old', this=1699990000)
)py");
  EXPECT_EQ(pki.ask("dated", 1750086400).state, State::good);
  EXPECT_EQ(pki.ask("dated", 1750086401).state, State::stale);
  EXPECT_EQ(pki.ask("dated", 1750000000).fresh_until, 1750086400);
  EXPECT_EQ(pki.ask("dated", 1749999000).fresh_until, 1749999699);
  EXPECT_EQ(pki.ask("dated", 1750000000 - 300).state, State::good);
  EXPECT_EQ(pki.ask("dated", 1750000000 - 301).state, State::stale);
  EXPECT_EQ(pki.ask("undated", 1750003600, "leaf", {.max_age = 3600}).state, State::good);
  EXPECT_EQ(pki.ask("undated", 1750003601, "leaf", {.max_age = 3600}).state, State::stale);
  EXPECT_EQ(pki.ask("revoked", 1850000000).state, State::revoked) << "an old answer still revokes";
  EXPECT_EQ(pki.ask("old", 1700000000).state, State::stale) << "the responder was valid then";
  EXPECT_EQ(pki.ask("early", 1699990000).fresh_until, 1700000000) << "when the responder expires";
  EXPECT_EQ(pki.ask("old", 1750000000).state, State::unknown) << "the responder's certificate has expired";
}

TEST(OcspStatus, AnswersOfOtherIssuersSayNothing) {
  const Pki pki(R"py(
answer('wrong_issuer', 'delegate', issuer='other')
answer('without_certificate', 'delegate', send=False)
)py");
  for (const std::string file : {"wrong_issuer", "without_certificate"}) {
    EXPECT_EQ(pki.ask(file, 1750000000).state, State::unknown) << file;
  }
}

TEST(OcspStatus, NothingThatWasChangedIsBelieved) {
  const Pki pki("answer('answer', 'delegate', hash=hashes.SHA256())");
  const crypto::OpenSslCrypto crypto;
  const Octets good = pki.read("answer");
  const Octets leaf = pki.read("leaf.der");
  const Octets ca = pki.read("ca.der");
  const Certificate certificate = Certificate::parse(leaf).value();
  const Certificate issuer = Certificate::parse(ca).value();
  for (std::size_t at = 0; at < good.size(); ++at) {
    Octets spoilt = good;
    spoilt[at] ^= 1;
    OcspStatus status(crypto);
    if (!status.add(spoilt)) continue;
    const State state = status.certificate(certificate, issuer, 1750000000).state;
    // A P-256 signature has a second form (n - s); a changed octet is never it.
    EXPECT_EQ(state, State::unknown) << "octet " << at;
  }
}

TEST(OcspStatus, TheLatestAnswerCounts) {
  const Pki pki(R"py(
answer('first', 'delegate')
answer('later', 'ca', status='revoked', this=1750000100)
)py");
  const crypto::OpenSslCrypto crypto;
  const Octets leaf = pki.read("leaf.der");
  const Octets ca = pki.read("ca.der");
  OcspStatus status(crypto);
  const auto ask = [&] {
    return status.certificate(Certificate::parse(leaf).value(), Certificate::parse(ca).value(), 1750000100)
        .state;
  };
  const std::uint64_t before = status.generation();
  ASSERT_TRUE(status.add(pki.read("later")));
  ASSERT_TRUE(status.add(pki.read("first")));
  EXPECT_NE(status.generation(), before);
  EXPECT_EQ(ask(), State::revoked);
  status.clear();
  EXPECT_EQ(status.size(), 0U);
  EXPECT_EQ(ask(), State::unknown);
}

TEST(OcspResponse, TheRespondersRefusalIsAnError) {
  const Octets try_later = testing::unhex("3003 0a0103");
  EXPECT_EQ(testing::outcome(OcspResponse::parse(try_later)), "ocsp_refused at 2");
  EXPECT_EQ(testing::outcome(OcspResponse::parse({})), "truncated at 0");
  const Octets other_type = testing::unhex("3014 0a0100 a00f 300d 0609 2b0601050507300102 0400");
  EXPECT_EQ(testing::outcome(OcspResponse::parse(other_type)), "unsupported_version at 9");
}

TEST(OcspResponse, EveryTruncationIsAnError) {
  const Pki pki("answer('answer', 'delegate', nonce=b'12345678')");
  const Octets whole = pki.read("answer");
  ASSERT_TRUE(OcspResponse::parse(whole));
  EXPECT_EQ(hex(*OcspResponse::parse(whole)->nonce()), hex(as_bytes("12345678")));
  EXPECT_EQ(OcspResponse::parse(whole)->responder_key_hash().size(), 20U);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(OcspResponse::parse(Bytes(whole).first(size)));
  Octets longer = whole;
  longer.push_back(0);
  EXPECT_EQ(OcspResponse::parse(longer).error().code, ErrorCode::trailing_data);
}

}  // namespace
}  // namespace pedigree::verifier
