// SPDX-License-Identifier: Apache-2.0
// On the host the same code runs over the host's Mbed TLS, of the same version line.
#include "device/ports/mps2/secure/generator_check.h"

#include <gtest/gtest.h>

#include "testing/support/support.h"

namespace pedigree::mps2 {
namespace {

using testing::Octets;

Octets copy(Bytes octets) {
  return {octets.begin(), octets.end()};
}

TEST(GeneratorCheck, TheGeneratorGivesTheKnownAnswers) {
  EXPECT_TRUE(check_generator().has_value());
}

TEST(GeneratorCheck, AnyOtherAnswerFails) {
  const GeneratorAnswer& known = known_answer();
  for (const auto field : {&GeneratorAnswer::entropy, &GeneratorAnswer::second_output,
                           &GeneratorAnswer::reseed, &GeneratorAnswer::reseeded_output}) {
    const Octets right = copy(known.*field);
    for (std::size_t i = 0; i < right.size(); ++i) {
      Octets wrong = right;
      wrong[i] ^= static_cast<std::uint8_t>(1U << i % 8);
      GeneratorAnswer other = known;
      other.*field = wrong;
      EXPECT_EQ(check_generator(other), fail(ErrorCode::crypto_failure)) << i;
    }
    if (field != &GeneratorAnswer::entropy && field != &GeneratorAnswer::reseed) continue;
    GeneratorAnswer other = known;
    other.*field = Bytes(right).first(right.size() - 1);
    EXPECT_EQ(check_generator(other), fail(ErrorCode::crypto_failure)) << "it asks for all of it";
  }
}

}  // namespace
}  // namespace pedigree::mps2
