// SPDX-License-Identifier: Apache-2.0
#include "verifier/reference.h"

#include <gtest/gtest.h>

#include "testing/support/octets.h"

namespace pedigree::verifier {
namespace {

const std::string kId(64, 'a');
const std::string kDigest(64, '1');

std::string document(const std::string& components, const std::string& more = "") {
  return R"({"version": 1, "implementations": [{"implementation_id": ")" + kId + R"(", "components": [)" +
         components + "]" + more + "}]}";
}

std::string outcome(const std::string& json) {
  ReferenceValues values;
  const auto read = read_reference_json(json, values);
  EXPECT_EQ(read.has_value(), !values.empty()) << json;
  return read ? "read" : std::string(name(read.error().code)) + ": " + read.error().what;
}

TEST(ReferenceJson, ReadsEveryKey) {
  ReferenceValues values;
  ASSERT_TRUE(read_reference_json(
      document(R"({"measurement_type": "SPE", "measurement_value": ")" + kDigest +
                   R"(", "version": "2.1.0", "signer_id": ")" + kDigest + R"("}, {"min_version": "1.0"})",
               R"(, "vendor": "ACME", "model": "Gizmo")"),
      values));
  const testing::Octets id = testing::unhex(kId);
  const ReferenceImplementation* found = values.find(id);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->vendor, "ACME");
  EXPECT_EQ(found->model, "Gizmo");
  ASSERT_EQ(found->components.size(), 2U);
  EXPECT_EQ(found->components[0].measurement_type, "SPE");
  EXPECT_EQ(found->components[0].measurement_value, testing::unhex(kDigest));
  EXPECT_EQ(found->components[0].version, "2.1.0");
  EXPECT_EQ(found->components[0].signer_id, testing::unhex(kDigest));
  EXPECT_EQ(found->components[1].min_version, "1.0");
}

TEST(ReferenceJson, JoinsWhatIsKnownOfAnImplementation) {
  ReferenceValues values;
  ASSERT_TRUE(read_reference_json(document(R"({"version": "1"})"), values));
  ASSERT_TRUE(read_reference_json(document(R"({"version": "2"})", R"(, "vendor": "ACME")"), values));
  EXPECT_EQ(values.size(), 1U);
  const auto* found = values.find(testing::unhex(kId));
  EXPECT_EQ(found->components.size(), 2U);
  EXPECT_EQ(found->vendor, "ACME");
}

TEST(ReferenceJson, NamesWhatIsWrong) {
  EXPECT_EQ(outcome(document(R"({"version": "1", "colour": "red"})")),
            R"(unknown_field: implementations[0].components[0] has the unknown key "colour")");
  EXPECT_EQ(outcome(R"({"version": 1, "implementations": [], "more": 1})"),
            R"(unknown_field: the document has the unknown key "more")");
  EXPECT_EQ(outcome(document(R"({"measurement_type": "SPE"})")),
            "missing_field: implementations[0].components[0]: give a value, a version, a min_version or a "
            "signer_id");
  EXPECT_EQ(
      outcome(document(R"({"measurement_value": "1234"})")),
      R"(bad_value: implementations[0].components[0]: "measurement_value" must be hex of 32, 48, 64 octets)");
  EXPECT_EQ(outcome(document(R"({"version": 1})")),
            R"(bad_value: implementations[0].components[0]: "version" must be text that is not empty)");
  EXPECT_EQ(outcome(document(R"({"min_version": "latest"})")),
            R"(bad_value: implementations[0].components[0]: "min_version" must be numbers with dots)");
  EXPECT_EQ(outcome(R"({"version": 2, "implementations": []})"),
            R"(unsupported_version: "version" must be 1)");
  EXPECT_EQ(outcome(R"({"version": 1})"), R"(missing_field: "implementations" must be an array)");
  EXPECT_EQ(outcome(R"({"version": 1, "implementations": [{"components": []}]})"),
            R"(missing_field: implementations[0]: "implementation_id" is missing)");
  EXPECT_EQ(outcome("[]"), "bad_value: the document is no object");
}

TEST(ReferenceJson, RefusesWhatIsNoJson) {
  EXPECT_EQ(outcome(R"({"version": 1, )").substr(0, 9), "bad_value");
  EXPECT_EQ(outcome("").substr(0, 9), "bad_value");
  EXPECT_EQ(outcome(document(R"({"version": "1"})") + "x").substr(0, 13), "trailing_data");
  EXPECT_EQ(outcome(std::string(100000, '[')).substr(0, 9), "bad_value");
}

TEST(ReferenceJson, AddsNothingOnError) {
  ReferenceValues values;
  ASSERT_TRUE(read_reference_json(document(R"({"version": "1"})"), values));
  ASSERT_FALSE(read_reference_json(document(R"({"version": "2"}, {"colour": "red"})"), values));
  EXPECT_EQ(values.find(testing::unhex(kId))->components.size(), 1U);
}

TEST(Versions, AreComparedNumberByNumber) {
  EXPECT_TRUE(is_older("1.9.9", "1.10"));
  EXPECT_TRUE(is_older("2.1.0", "2.1.0+1"));
  EXPECT_FALSE(is_older("2.1.0+0", "2.1"));
  EXPECT_FALSE(is_older("2.1", "2.1.0"));
  EXPECT_FALSE(is_older("10", "9.9"));
  EXPECT_TRUE(is_older("", "0"));
  EXPECT_TRUE(is_older("v2", "1"));
  EXPECT_TRUE(is_older("99999999999999999999999", "1")) << "a number that does not fit is no version";
  for (const char* bad : {"", ".", "1.", "1..2", "1.x", "-1", " 1"}) EXPECT_FALSE(is_dotted(bad)) << bad;
}

}  // namespace
}  // namespace pedigree::verifier
