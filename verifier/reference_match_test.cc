// SPDX-License-Identifier: Apache-2.0
// Software components of tokens against reference values.
#include <gtest/gtest.h>

#include "testing/support/octets.h"
#include "verifier/reference.h"

namespace pedigree::verifier {
namespace {

using psa_token::SoftwareComponent;
using Answer = ReferenceMatch::Result;
using testing::Octets;

const Octets kImplementation(32, 0xaa);
const Octets kFirst(32, 1);
const Octets kSecond(32, 2);
const Octets kSigner(32, 9);

Octets claims_of(std::initializer_list<SoftwareComponent> components) {
  static const Octets nonce(32, 5);
  static const Octets instance = [] {
    Octets id(33, 7);
    id[0] = 1;
    return id;
  }();
  psa_token::ClaimFields fields;
  fields.nonce = nonce;
  fields.instance_id = instance;
  fields.implementation_id = kImplementation;
  fields.client_id = 1;
  fields.security_lifecycle = 0x3000;
  fields.software_components = {components.begin(), components.size()};
  return testing::written([&](Writer& out) { psa_token::write_claims(fields, out); });
}

ReferenceMatch match(const std::vector<ReferenceComponent>& references,
                     std::initializer_list<SoftwareComponent> components) {
  ReferenceValues values;
  ReferenceImplementation implementation;
  std::ranges::copy(kImplementation, implementation.implementation_id.begin());
  implementation.components = references;
  values.add(implementation);
  const Octets payload = claims_of(components);
  const ReferenceMatch answer = values.match(psa_token::Claims::parse(payload).value());
  EXPECT_EQ(answer.result == Answer::unknown_implementation, answer.implementation == nullptr);
  return answer;
}

SoftwareComponent component(std::string_view type, Bytes value, std::string_view version) {
  return {.measurement_type = type, .measurement_value = value, .version = version, .signer_id = kSigner};
}
ReferenceComponent reference(std::string type, Octets value, std::string version,
                             std::string min_version = "") {
  return {.measurement_type = std::move(type),
          .measurement_value = std::move(value),
          .version = std::move(version),
          .min_version = std::move(min_version),
          .signer_id = {}};
}

TEST(ReferenceMatch, AnyAcceptableStateWillDo) {
  const std::vector<ReferenceComponent> references{reference("SPE", kFirst, ""),
                                                   reference("SPE", kSecond, "")};
  EXPECT_EQ(match(references, {component("SPE", kSecond, "2")}).result, Answer::match);
  EXPECT_EQ(match(references, {component("SPE", kSigner, "2")}).result, Answer::mismatch);
}

TEST(ReferenceMatch, EveryComponentMustBeAllowed) {
  const std::vector<ReferenceComponent> references{reference("SPE", kFirst, "")};
  const ReferenceMatch answer =
      match(references, {component("SPE", kFirst, "1"), component("NSPE", kFirst, "1")});
  EXPECT_EQ(answer.result, Answer::mismatch);
  EXPECT_EQ(answer.component, 1U);
}

TEST(ReferenceMatch, SignerAndVersionCount) {
  ReferenceComponent signer = reference("", {}, "");
  signer.signer_id = kSigner;
  EXPECT_EQ(match({signer}, {component("SPE", kFirst, "1")}).result, Answer::match);
  signer.signer_id = kFirst;
  EXPECT_EQ(match({signer}, {component("SPE", kFirst, "1")}).result, Answer::mismatch);
  EXPECT_EQ(match({reference("SPE", {}, "1.2")}, {component("SPE", kFirst, "1.2")}).result, Answer::match);
  EXPECT_EQ(match({reference("SPE", {}, "1.2")}, {component("SPE", kFirst, "1.3")}).result, Answer::mismatch);
}

TEST(ReferenceMatch, OldSoftwareIsOutdatedUnlessAnotherStateAllowsIt) {
  const std::vector<ReferenceComponent> references{reference("SPE", {}, "", "2.0")};
  EXPECT_EQ(match(references, {component("SPE", kFirst, "2.0.1")}).result, Answer::match);
  const ReferenceMatch old =
      match(references, {component("SPE", kFirst, "2.1"), component("SPE", kFirst, "1.9")});
  EXPECT_EQ(old.result, Answer::outdated);
  EXPECT_EQ(old.component, 1U);
  EXPECT_EQ(match({reference("SPE", {}, "", "2.0"), reference("SPE", kFirst, "")},
                  {component("SPE", kFirst, "1.9")})
                .result,
            Answer::match);
  EXPECT_EQ(match(references, {component("SPE", kFirst, "1.9"), component("BL", kFirst, "1")}).result,
            Answer::mismatch)
      << "a mismatch says more than an old version before it";
}

TEST(ReferenceMatch, AnImplementationMayBeKnownWithoutItsSoftware) {
  EXPECT_EQ(match({}, {component("SPE", kFirst, "1")}).result, Answer::match);
  const Octets payload = claims_of({component("SPE", kFirst, "1")});
  EXPECT_EQ(ReferenceValues().match(psa_token::Claims::parse(payload).value()).result,
            Answer::unknown_implementation);
}

}  // namespace
}  // namespace pedigree::verifier
