// SPDX-License-Identifier: Apache-2.0
// Random and mutated chains get the same verdict from core over both back ends and from OpenSSL.
// PEDIGREE_LONG=1 tries many more; PEDIGREE_SEED=n tries the cases that begin at seed n.
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <cstdlib>
#include <map>

#include "core/x509/oids.h"
#include "testing/crypto/backends.h"
#include "testing/differential/exceptions.h"

namespace pedigree::testing {
namespace {

constexpr std::uint64_t kFirstSeed = 20261124;
constexpr int kShort = 500;
constexpr int kLong = 10000;

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : std::strtoull(value, nullptr, 10);
}

x509::Verdict core_verdict(const Backend& backend, const Case& subject) {
  const crypto::Crypto& crypto = backend.crypto();
  std::vector<Bytes> chain(subject.chain.begin(), subject.chain.end());
  const auto root = x509::Certificate::parse(chain.back());
  EXPECT_TRUE(root);  // the root is never mutated
  if (!root) return {};
  x509::TrustAnchor anchor;
  if (subject.pin_key) {
    anchor.spki_sha256 = *crypto.sha256(root->spki().whole);
  } else {
    anchor.certificate = *root;
  }
  if (!subject.send_root) chain.pop_back();
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.time = kDifferentialNow;
  options.leaf_may_be_ca = true;  // OpenSSL does not mind
  if (subject.client) {           // OpenSSL asks a TLS client's certificate for this usage too
    options.key_purpose = Bytes(x509::oid::kClientAuth);
    options.leaf_key_usage = x509::kDigitalSignature;
  }
  return x509::validate_path(crypto, chain, options);
}

std::string text_of(const x509::Verdict& verdict) {
  if (verdict.trusted()) return "trusted";
  return std::string(name(*verdict.code)) + " at certificate " + std::to_string(verdict.index);
}

/// For a failure: enough to look at the chain with other tools.
std::string describe(std::uint64_t seed, const Case& subject) {
  std::string text = "seed " + std::to_string(seed) + (subject.client ? ", clientAuth" : "") +
                     (subject.pin_key ? ", pinned key" : "") + ", " + subject.flaws + "\n";
  for (const Octets& der : subject.chain) text += to_pem("CERTIFICATE", der);
  return text;
}

struct Tally {
  int trusted = 0;
  int refused = 0;
  std::map<std::string, int> exceptions;
  std::map<std::string, std::string> unexplained;  ///< each kind of difference once, with its first case
};

/// OpenSSL accepts what it complains of in no way that core must share.
void compare_with_openssl(std::uint64_t seed, const Case& subject, const x509::Verdict& core, Tally& tally) {
  std::string complaints;
  bool accepts = true;
  bool gave_up = false;
  for (const Complaint& complaint : openssl_complaints(subject)) {
    complaints += openssl_sentence(complaint.error) + " (" + std::to_string(complaint.index) + ") ";
    const char* reason = core_may_accept(subject, complaint);
    if (reason != nullptr) ++tally.exceptions[reason];
    accepts = accepts && reason != nullptr;
    // The last: a leaf that names itself as its issuer ends OpenSSL's chain, whoever signed it.
    gave_up = gave_up || complaint.error == X509_V_ERR_UNSPECIFIED || complaint.error == kNotParsed ||
              complaint.error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
              complaint.error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
  }
  // Where OpenSSL gave up it saw nothing of the rest, so it has nothing against a refusal.
  if (core.trusted() == accepts || (gave_up && !core.trusted())) return;
  const char* reason = core.trusted() ? nullptr : core_may_refuse(subject, core);
  if (reason != nullptr) {
    ++tally.exceptions[reason];
    return;
  }
  tally.unexplained.emplace("core: " + text_of(core) + ", OpenSSL: " + complaints, describe(seed, subject));
}

void compare(std::uint64_t seed, const Case& subject, Tally& tally) {
  const x509::Verdict ours = core_verdict(openssl_backend(), subject);
  const x509::Verdict on_psa = core_verdict(psa_backend(), subject);
  const bool lacking = subject.ed25519_signer && on_psa.code == ErrorCode::unsupported_algorithm;
  if (!lacking && (ours.code != on_psa.code || ours.index != on_psa.index)) {
    tally.unexplained.emplace("core on OpenSSL: " + text_of(ours) + ", on Mbed TLS: " + text_of(on_psa),
                              describe(seed, subject));
  }
  ++(ours.trusted() ? tally.trusted : tally.refused);
  compare_with_openssl(seed, subject, ours, tally);
}

/// Makes, changes and compares cases; a good share of both verdicts shows that the test tests something.
void run_cases(void (*change)(Case&, Random&), int least_trusted, int least_refused) {
  const bool lengthy = environment("PEDIGREE_LONG", 0) != 0;
  const std::uint64_t first = environment("PEDIGREE_SEED", kFirstSeed);
  const int count = lengthy ? kLong : kShort;
  Tally tally;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t seed = first + static_cast<std::uint64_t>(i);
    Random random(seed);
    Case subject = make_chain(random);
    if (change != nullptr) change(subject, random);
    compare(seed, subject, tally);
  }
  std::printf("%d trusted, %d refused\n", tally.trusted, tally.refused);
  for (const auto& [reason, times] : tally.exceptions) std::printf("  %4d  %s\n", times, reason.c_str());
  for (const auto& [kind, first_case] : tally.unexplained) ADD_FAILURE() << kind << "\n" << first_case;
  EXPECT_GE(tally.trusted * 100 / count, least_trusted);
  EXPECT_GE(tally.refused * 100 / count, least_refused);
}

TEST(Differential, RandomChains) {
  run_cases(nullptr, 15, 15);
}
TEST(Differential, MutatedChains) {
  run_cases(mutate, 0, 80);
}
TEST(Differential, MutatedAndSignedChains) {
  run_cases(mutate_and_sign, 5, 15);
}

}  // namespace
}  // namespace pedigree::testing
