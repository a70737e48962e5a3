// SPDX-License-Identifier: Apache-2.0
// BoringSSL's verify_certificate_chain_unittest: chains with the time, the purpose and the errors that its
// own path builder reports. Ours must give the same verdict, for one of the reasons listed.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

namespace fs = std::filesystem;
using x509::TrustAnchor;
using x509::Verdict;

// "DEFAULT" in the test files, 2021-10-05 12:00:00 (verify_certificate_chain_typed_unittest.h).
constexpr der::UnixTime kDefaultTime = 1633435200;

struct TestFile {
  std::map<std::string, std::string> fields;
  std::set<std::string> errors;  ///< texts after "ERROR: "
};

TestFile read_test(const fs::path& path) {
  TestFile test;
  std::istringstream in(read_text(path));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("ERROR: ")) test.errors.insert(line.substr(7));
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) test.fields.emplace(line.substr(0, colon), line.substr(colon + 2));
  }
  return test;
}

der::UnixTime time_of(const std::string& text) {
  if (text == "DEFAULT") return kDefaultTime;
  Octets element = {der::kUtcTime, static_cast<std::uint8_t>(text.size())};
  element.insert(element.end(), text.begin(), text.end());
  Reader in(element);
  return der::read_time(in).value();
}

// Our reason for each of BoringSSL's errors, by the start of its text.
const std::multimap<std::string, ErrorCode> kReasons = {
    {"Basic Constraints indicates not a CA", ErrorCode::not_a_ca},
    {"Does not have Basic Constraints", ErrorCode::not_a_ca},
    {"Certificate has Basic Constraints", ErrorCode::target_is_ca},
    {"Certificate is not a trust anchor", ErrorCode::untrusted_root},
    {"Distrusted by trust store", ErrorCode::untrusted_root},
    {"Couldn't parse SubjectPublicKeyInfo", ErrorCode::truncated},
    {"The extended key usage does not include", ErrorCode::eku_forbids},
    {"Time is after notAfter", ErrorCode::expired},
    {"Time is before notBefore", ErrorCode::not_yet_valid},
    {"Too many name constraints checks", ErrorCode::too_many},
    {"Unacceptable signature algorithm", ErrorCode::weak_algorithm},
    {"Unconsumed critical extension", ErrorCode::unknown_critical_extension},
    {"VerifySignedData failed", ErrorCode::invalid_signature},
    // Found before the signature: the wrong key's identifier; or an anchor that did not sign the chain's end.
    {"VerifySignedData failed", ErrorCode::key_identifier_mismatch},
    {"VerifySignedData failed", ErrorCode::untrusted_root},
    {"keyCertSign bit is not set", ErrorCode::key_usage_forbids},
    {"max_path_length reached", ErrorCode::path_too_long},
};

std::set<ErrorCode> reasons_for(const TestFile& test) {
  std::set<ErrorCode> codes;
  for (const std::string& error : test.errors) {
    for (const auto& [text, code] : kReasons) {
      if (error.starts_with(text)) codes.insert(code);
    }
  }
  return codes;
}

Verdict validate(const TestFile& test, const std::vector<Octets>& certificates) {
  const crypto::OpenSslCrypto crypto;
  std::vector<Bytes> chain(certificates.begin(), certificates.end());
  const std::string& trust = test.fields.at("last_cert_trust");
  const std::string& purpose = test.fields.at("key_purpose");
  TrustAnchor anchor;
  x509::PathOptions options;
  options.time = time_of(test.fields.at("utc_time"));
  options.leaf_may_be_ca = !purpose.contains("_STRICT");
  if (purpose.starts_with("SERVER_AUTH")) options.key_purpose = x509::oid::kServerAuth;
  if (purpose.starts_with("CLIENT_AUTH")) options.key_purpose = x509::oid::kClientAuth;
  if (trust == "UNSPECIFIED" || trust == "DISTRUSTED") return x509::validate_path(crypto, chain, options);
  const auto last = x509::Certificate::parse(chain.back());
  if (!last) {
    Verdict verdict;
    verdict.code = last.error().code;
    return verdict;
  }
  if (trust == "TRUSTED_ANCHOR" && chain.size() > 1) {
    // An anchor without constraints is a key.
    anchor.root_spki = last->spki().whole;
    anchor.spki_sha256 = crypto.sha256(*anchor.root_spki).value();
    chain.pop_back();
  } else {
    anchor.certificate = *last;
  }
  options.anchors = std::span(&anchor, 1);
  return x509::validate_path(crypto, chain, options);
}

std::string describe(const Verdict& verdict) {
  return verdict.trusted() ? "trusted" : std::string(name(*verdict.code));
}

// Where the verdicts differ by decision: why, and ours.
struct OutOfScope {
  const char* why;
  std::map<std::string, std::string> verdicts;
};

const OutOfScope kOutOfScope[] = {
    {"Certificate policies are not supported: where an extension about them is critical, the chain is "
     "refused.",
     {{"policies-inhibit-anypolicy-by-root-fail/main", "policy_unsupported"},
      {"policies-inhibit-anypolicy-by-root-fail/ta-with-constraints", "policy_unsupported"},
      {"policies-inhibit-anypolicy-by-root-ok/main", "policy_unsupported"},
      {"policies-inhibit-anypolicy-by-root-ok/ta-with-constraints", "policy_unsupported"},
      {"policies-inhibit-mapping-by-root-fail/main", "policy_unsupported"},
      {"policies-inhibit-mapping-by-root-fail/ta-with-constraints", "policy_unsupported"},
      {"policies-inhibit-mapping-by-root-ok/main", "policy_unsupported"},
      {"policies-inhibit-mapping-by-root-ok/ta-with-constraints", "policy_unsupported"},
      {"policies-ok/main", "policy_unsupported"},
      {"policies-ok/ta-with-constraints", "policy_unsupported"},
      {"policies-on-root-ok/main", "policy_unsupported"},
      {"policies-on-root-ok/ta-with-constraints", "policy_unsupported"},
      {"policies-on-root-wrong/main", "policy_unsupported"},
      {"policies-on-root-wrong/ta-with-constraints", "policy_unsupported"},
      {"policies-required-by-root-fail/ta-with-constraints", "policy_unsupported"},
      {"policies-required-by-root-ok/ta-with-constraints", "policy_unsupported"},
      {"policy-mappings-on-root-fail/main", "policy_unsupported"},
      {"policy-mappings-on-root-fail/ta-with-constraints", "policy_unsupported"},
      {"policy-mappings-on-root-ok/main", "policy_unsupported"},
      {"policy-mappings-on-root-ok/ta-with-constraints", "policy_unsupported"},
      {"unknown-critical-policy-qualifier/main", "policy_unsupported"}}},
    {"\"Strict\" purposes of TLS (an EKU must be present, without anyExtendedKeyUsage and without code or "
     "OCSP signing), and those of MLS, C2PA and Microsoft, are rules beyond RFC 5280.",
     {{"intermediate-eku-any-and-clientauth/serverauth-strict", "trusted"},
      {"intermediate-eku-c2pamanifest/c2patimestamp", "trusted"},
      {"intermediate-eku-c2patimestamping/c2pamanifest", "trusted"},
      {"intermediate-eku-mlsclientauth-extra/mlsclientauth", "unknown_critical_extension"},
      {"intermediate-eku-mlsclientauth/mlsclientauth", "unknown_critical_extension"},
      {"target-eku-any/clientauth-strict", "trusted"},
      {"target-eku-any/clientauth-strict-leaf", "trusted"},
      {"target-msapplicationpolicies-and-eku/main", "unknown_critical_extension"},
      {"target-eku-any/mlsclientauth", "trusted"},
      {"target-eku-any/serverauth-strict", "trusted"},
      {"target-eku-any/serverauth-strict-leaf", "trusted"},
      {"target-eku-clientauth/clientauth-strict", "trusted"},
      {"target-eku-many/clientauth-strict", "trusted"},
      {"target-eku-many/clientauth-strict-leaf", "trusted"},
      {"target-eku-many/mlsclientauth", "trusted"},
      {"target-eku-many/serverauth-strict", "trusted"},
      {"target-eku-many/serverauth-strict-leaf", "trusted"},
      {"target-eku-none/clientauth-strict", "trusted"},
      {"target-eku-none/clientauth-strict-leaf", "trusted"},
      {"target-eku-none/mlsclientauth", "trusted"},
      {"target-eku-none/serverauth-strict", "trusted"}}},
    {"SHA-1 signatures and RSA keys under 2048 bits are refused; BoringSSL's test lets them through, or "
     "refuses them for another reason. A leaf's own key is not judged.",
     {{"intermediate-eku-server-gated-crypto/sha1-eku-any", "weak_algorithm"},
      {"issuer-and-subject-not-byte-for-byte-equal/anchor", "unsupported_algorithm"},
      {"issuer-and-subject-not-byte-for-byte-equal/target", "weak_algorithm"},
      {"target-has-512bit-rsa-key/main", "trusted"},
      {"target-signed-by-512bit-rsa/main", "unsupported_algorithm"}}},
    {"A root given as certificate is held to its own basicConstraints, validity and EKU in each case; "
     "BoringSSL has a switch for each.",
     {{"expired-root/not-after-ta-with-constraints", "expired"},
      {"root-eku-clientauth/serverauth-ta-with-expiration", "eku_forbids"},
      {"root-lacks-basic-constraints/ta-with-constraints", "not_a_ca"},
      {"root-lacks-basic-constraints/ta-with-require-basic-constraints", "not_a_ca"}}},
    {"An anchor may be a chain's only certificate, and then is the leaf (target_is_ca unless CAs are "
     "allowed).",
     {{"target-and-intermediate/trusted_leaf-root", "trusted"},
      {"target-has-ca-basic-constraints/target_only-trusted_leaf-strict", "target_is_ca"},
      {"target-only/trusted_anchor", "trusted"},
      {"target-only/trusted_leaf_require_self_signed", "trusted"},
      {"target-selfissued/trusted_anchor", "trusted"},
      {"target-selfissued/trusted_leaf_require_self_signed", "trusted"}}},
    {"Comparisons are counted as they are made; BoringSSL multiplies the numbers of names and subtrees.",
     {{"many-names/toomany-dirnames-permitted", "trusted"},
      {"many-names/toomany-dns-permitted", "trusted"},
      {"many-names/toomany-ips-permitted", "trusted"}}},
    {"URI constraints here are whole URIs where RFC 5280 4.2.1.10 wants a host; BoringSSL does not compare "
     "URIs.",
     {{"many-names/ok-all-types", "name_not_permitted"},
      {"many-names/toomany-all-types", "name_not_permitted"}}},
    {"The rules of a chain are checked before any key is used: the expired leaf comes first.",
     {{"intermediate-invalid-spki/main", "expired"}}},
};

std::map<std::string, std::string> out_of_scope() {
  std::map<std::string, std::string> all;
  for (const OutOfScope& entry : kOutOfScope) all.insert(entry.verdicts.begin(), entry.verdicts.end());
  return all;
}

void expect_verdict(const TestFile& test, const Verdict& verdict) {
  if (test.errors.empty()) {
    EXPECT_TRUE(verdict.trusted()) << describe(verdict);
    return;
  }
  EXPECT_TRUE(verdict.code && reasons_for(test).contains(*verdict.code))
      << describe(verdict) << ", wanted: " << *test.errors.begin();
}

TEST(BoringSslChains, VerdictsAgree) {
  const auto vectors = vectors_dir();
  if (!vectors) GTEST_SKIP() << "no vectors";
  const fs::path folder = *vectors / "boringssl-pki/verify_certificate_chain_unittest";
  std::map<std::string, std::string> exceptions = out_of_scope();
  unsigned agreed = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".test") continue;
    const std::string test_name = fs::relative(entry.path(), folder).replace_extension().string();
    SCOPED_TRACE(test_name);
    const TestFile test = read_test(entry.path());
    const auto chain = pem_ders(read_text(entry.path().parent_path() / test.fields.at("chain")));
    const Verdict verdict = validate(test, chain);
    const auto exception = exceptions.find(test_name);
    if (exception != exceptions.end()) {
      EXPECT_EQ(describe(verdict), exception->second);
      exceptions.erase(exception);
    } else {
      expect_verdict(test, verdict);
      ++agreed;
    }
  }
  EXPECT_TRUE(exceptions.empty()) << "no such test: " << exceptions.begin()->first;
  EXPECT_GE(agreed, 130U);
}

}  // namespace
}  // namespace pedigree::testing
