// SPDX-License-Identifier: Apache-2.0
// BoringSSL's parse_certificate_unittest: certificates that its parsers accept or refuse.
#include <gtest/gtest.h>

#include <map>

#include "core/x509/certificate.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

namespace fs = std::filesystem;

// Where the verdicts differ by decision: why, and ours.
struct OutOfScope {
  const char* why;
  std::map<std::string, std::string> verdicts;
};

const OutOfScope kOutOfScope[] = {
    {"Only the outer structure is tested there; the fields hold NULL or other fillers.",
     {{"cert_skeleton", "bad_tag"},
      {"signature_algorithm_null", "bad_tag"},
      {"tbs_v1", "bad_tag"},
      {"tbs_v2_issuer_and_subject_unique_id", "bad_tag"},
      {"tbs_v2_issuer_unique_id", "bad_tag"},
      {"tbs_v2_no_optionals", "bad_tag"},
      {"tbs_v3_all_optionals", "bad_tag"},
      {"tbs_v3_extensions", "bad_tag"},
      {"tbs_v3_extensions_not_sequence", "bad_tag"},
      {"tbs_v3_no_optionals", "bad_tag"},
      {"tbs_validity_both_generalized_time", "bad_tag"},
      {"tbs_validity_both_utc_time", "bad_tag"},
      {"tbs_validity_generalized_time_and_utc_time", "bad_tag"},
      {"tbs_validity_utc_time_and_generalized_time", "bad_tag"}}},
    {"DER leaves a BOOLEAN out that has its default value (X.690 11.5): cA FALSE is written there.",
     {{"basic_constraints_ca_false", "bad_value"},
      {"cert_version3", "bad_value"},
      {"tbs_v3_real", "bad_value"}}},
    {"A PrintableString holds characters that X.680 41.4 does not allow.",
     {{"subject_printable_string_containing_utf8_client_cert", "bad_name"}}},
    {"The signature algorithms are altered; BoringSSL does not compare them when it parses.",
     {{"failed_signature_algorithm", "bad_tag"}}},
    {"A path length of more than 255 is a number like others.",
     {{"basic_constraints_pathlen_256", "accepted"}}},
    {"Certificate policies are not read.",
     {{"bad_policy_qualifiers", "accepted"},
      {"policy_constraints_empty", "accepted"},
      {"policy_qualifiers_empty_sequence", "accepted"}}},
};

// The first block with this label. The files hold other text that looks like PEM.
Octets block_of(const std::string& text, const std::string& label) {
  const std::string begin = "-----BEGIN " + label + "-----";
  const std::size_t start = text.find(begin);
  if (start == std::string::npos) return {};
  return pem_blocks(text.substr(start, text.find("-----END", start) + begin.size() - start)).at(0).der;
}

Octets sequence(std::initializer_list<Bytes> parts) {
  Octets out(16384);
  Writer writer(out);
  der::Builder builder(writer);
  const std::size_t start = builder.open(der::kSequence);
  for (const Bytes part : parts) builder.raw(part);
  builder.close(start);
  out.resize(writer.size());
  return out;
}

// A TBSCertificate stands alone in some files: put into a certificate, with its own algorithm and no
// signature.
Octets wrap(const Octets& tbs) {
  Reader in(tbs);
  Reader fields = der::read(in, der::kSequence).value().reader();
  while (!der::next_is(fields, der::kSequence)) (void)der::read_any(fields).value();
  const Octets signature = {der::kBitString, 1, 0};
  return sequence({tbs, der::read_any(fields).value().whole, signature});
}

Octets certificate_of(const std::string& text) {
  const Octets certificate = block_of(text, "CERTIFICATE");
  return certificate.empty() ? wrap(block_of(text, "TBS CERTIFICATE")) : certificate;
}

std::string parse(const Octets& der) {
  const auto certificate = x509::Certificate::parse(der);
  return certificate ? "accepted" : std::string(name(certificate.error().code));
}

TEST(BoringSslCertificates, VerdictsAgree) {
  const auto vectors = vectors_dir();
  if (!vectors) GTEST_SKIP() << "no vectors";
  const fs::path folder = *vectors / "boringssl-pki/parse_certificate_unittest";
  std::map<std::string, std::string> exceptions;
  for (const OutOfScope& entry : kOutOfScope) exceptions.insert(entry.verdicts.begin(), entry.verdicts.end());
  unsigned agreed = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".pem") continue;
    const std::string test_name = entry.path().stem().string();
    SCOPED_TRACE(test_name);
    const std::string text = read_text(entry.path());
    const bool refused = text.contains("-----BEGIN ERRORS-----");
    const std::string verdict = parse(certificate_of(text));
    const auto exception = exceptions.find(test_name);
    if (exception != exceptions.end()) {
      EXPECT_EQ(verdict, exception->second);
      exceptions.erase(exception);
    } else {
      EXPECT_EQ(refused, verdict != "accepted") << verdict;
      ++agreed;
    }
  }
  EXPECT_TRUE(exceptions.empty()) << "no such test: " << exceptions.begin()->first;
  EXPECT_GE(agreed, 40U);
}

}  // namespace
}  // namespace pedigree::testing
