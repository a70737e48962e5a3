// SPDX-License-Identifier: Apache-2.0
// Any octets as token, chain beside it and nonce: the verdict follows from the checks, views stay inside the
// evidence, every sentence and the JSON can be made, a second look says the same, and nothing is trusted: the
// policy's root and key are held by nobody who writes inputs.
#include <cstdlib>

#include "testing/verifier/fleet.h"
#include "verifier/report.h"
#include "verifier/verifier.h"

namespace {

using namespace pedigree;
using namespace pedigree::verifier;

void require(bool condition) {
  if (!condition) std::abort();
}

bool inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(const Appraisal& appraisal) {
  bool failed = false;
  bool warned = false;
  for (const Check& one : appraisal.checks) {
    failed = failed || one.outcome == Outcome::failed;
    warned = warned || one.outcome == Outcome::warning;
    require(!sentence(appraisal, one).empty());
    require((one.outcome == Outcome::ok) == !one.code.has_value());
  }
  require(appraisal.verdict == (failed ? Verdict::rejected : warned ? Verdict::warning : Verdict::trusted));
  require((appraisal.reason() == nullptr) == (appraisal.verdict == Verdict::trusted));
  const Bytes evidence(appraisal.evidence);
  require(inside(appraisal.payload, evidence));
  for (const Bytes certificate : appraisal.chain) require(inside(certificate, evidence));
  require(!boost::json::serialize(to_json(appraisal)).empty());
}

/// Roots and keys that are made at the start and never leave this process.
const Verifier& verifier_with_roots() {
  static const testing::Fleet fleet;
  static const Verifier made = [] {
    Policy policy;
    policy.roots = {fleet.root().certificate};
    policy.raw_keys = {fleet.oem().spki};
    policy.nonce_required = false;
    policy.lifecycles = {psa_token::Lifecycle::secured, psa_token::Lifecycle::unknown};
    policy.no_reference = Level::warn;
    return Verifier(testing::Fleet::crypto(), std::move(policy));
  }();
  return made;
}

}  // namespace

/// Input: one octet with the number of certificates beside the token (0 to 3), then each of those with two
/// octets of length, then the token.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(Bytes(data, size));
  const auto count = in.u8();
  std::vector<Bytes> chain;
  for (unsigned i = 0; count && i < (*count & 3U); ++i) {
    const auto length = in.big_endian(2);
    if (!length) break;
    const auto certificate = in.take(std::min<std::size_t>(*length, in.size()));
    if (certificate) chain.push_back(*certificate);
  }
  const Verifier& verifier = verifier_with_roots();
  const Evidence evidence{.token = in.rest(), .chain = chain};
  const Appraisal first = verifier.appraise(evidence, testing::kFleetNow);
  const Appraisal second = verifier.appraise(evidence, testing::kFleetNow);
  check(first);
  require(first.verdict == Verdict::rejected);
  for (std::size_t i = 0; i < kCheckKinds; ++i) {
    require(first.checks[i].outcome == second.checks[i].outcome &&
            first.checks[i].code == second.checks[i].code);
  }
  const Appraisal data_appraisal =
      verifier.verify_data({.message = in.rest(), .chain = chain}, testing::kFleetNow);
  check(data_appraisal);
  require(data_appraisal.verdict == Verdict::rejected);
  return 0;
}
