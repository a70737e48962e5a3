// SPDX-License-Identifier: Apache-2.0
// policy.toml: which rule decides, what it says no to, and what is no policy.
#include "authority/policy.h"

#include <gtest/gtest.h>

#include "authority/config.h"

namespace pedigree::authority {
namespace {

Config config() {
  Config out = default_config();
  out.issuers.push_back({"acme", "root", IssuerState::active, {"iak"}});
  return out;
}

Policy policy(std::string_view toml) {
  auto read = read_policy(toml, config());
  EXPECT_TRUE(read) << (read ? "" : read.error().detail);
  return read.value_or(Policy{});
}

std::string fault(std::string_view toml) {
  const auto read = read_policy(toml, config());
  return read ? "" : read.error().detail;
}

registry::DeviceId device(std::uint8_t second) {
  registry::DeviceId id{};
  id[0] = 1;
  id[1] = second;
  return id;
}

std::string refusal(const Policy& rules, const StationWish& wish) {
  const StationRule* rule = find_rule(rules, wish.station);
  if (rule == nullptr) return "no rule";
  const auto checked = check_wish(*rule, wish);
  return checked ? "" : checked.error().detail;
}

constexpr std::string_view kTwoLines = R"(
[policy]
stations = "registered"
[[station]]
name = "line-1"
profiles = ["iak", "tls-client"]
devices = ["01a4*"]
per_day = 500
[[station]]
name = "line-*"
issuers = ["acme"]
batches = ["2026-11-*", "try"]
)";

TEST(Policy, TheFirstRuleThatFitsDecides) {
  const Policy rules = policy(kTwoLines);
  EXPECT_TRUE(rules.registered_only);
  ASSERT_NE(find_rule(rules, "line-1"), nullptr);
  EXPECT_EQ(find_rule(rules, "line-1")->per_day, 500U);
  ASSERT_NE(find_rule(rules, "line-10"), nullptr);
  EXPECT_EQ(find_rule(rules, "line-10")->name, "line-*");
  EXPECT_EQ(find_rule(rules, "lab"), nullptr);
  EXPECT_EQ(find_rule(rules, ""), nullptr);
  EXPECT_EQ(find_rule(policy(""), "line-1"), nullptr) << "an empty policy lets nobody in";
  EXPECT_NE(find_rule(open_policy(), ""), nullptr);
}

TEST(Policy, SaysWhatItDoesNotGive) {
  const Policy rules = policy(kTwoLines);
  EXPECT_EQ(refusal(rules, {"line-1", device(0xA4), "iak", "acme"}), "");
  EXPECT_EQ(refusal(rules, {"line-1", device(0xA4), "data", "acme"}),
            "the policy does not let station \"line-1\" enrol profile data");
  EXPECT_EQ(
      refusal(rules, {"line-1", device(0xA5), "iak", "acme"}),
      "the policy does not let station \"line-1\" enrol this device: its id is not among those of the rule");
  EXPECT_EQ(refusal(rules, {"line-2", device(0xA5), "data", "acme"}), "");
  EXPECT_EQ(refusal(rules, {"line-2", device(0xA5), "data", ""}), "") << "not chosen yet";
  EXPECT_EQ(refusal(rules, {"line-2", device(0xA5), "data", "vendor"}),
            "the policy does not let station \"line-2\" enrol with intermediate vendor");
}

TEST(Policy, AsksTheAllowListOnlyWhereARuleDoes) {
  const Policy rules = policy(kTwoLines);
  EXPECT_FALSE(needs_listing(rules.stations[0]));
  const StationRule& rule = rules.stations[1];
  ASSERT_TRUE(needs_listing(rule));
  const StationWish wish{"line-2", device(1), "iak", "acme"};
  registry::Device known;
  known.batch = "2026-11-27";
  EXPECT_TRUE(check_listing(rule, wish, &known));
  known.batch = "2026-12-01";
  EXPECT_EQ(check_listing(rule, wish, &known).error().detail,
            "the policy does not let station \"line-2\" enrol devices of batch \"2026-12-01\"");
  known.batch = "try2";
  EXPECT_FALSE(check_listing(rule, wish, &known)) << "no star: equal or not";
  known.batch.clear();
  EXPECT_FALSE(check_listing(rule, wish, &known));
  EXPECT_EQ(check_listing(rule, wish, nullptr).error().code, ErrorCode::not_authorised);
}

TEST(Policy, ReadsBackWhatItWrites) {
  Policy rules = policy(kTwoLines);
  rules.stations[1].products = {"a \"lamp\" \\ shade"};
  const std::string text = write_policy(rules);
  const auto again = read_policy(text, config());
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(write_policy(*again), text);
  EXPECT_EQ(again->stations[1].products, rules.stations[1].products);
  EXPECT_TRUE(read_policy(write_policy(open_policy()), config()));
}

TEST(Policy, RefusesWhatIsNoPolicy) {
  struct Case {
    const char* toml;
    const char* part;
  };
  for (const Case& one : {
           Case{"[policy]\nstations = \"all\"", "must be \"any\" or \"registered\""},
           Case{"[policy]\nstation = 1", "line 2: policy.station is not a known setting"},
           Case{"[limits]\n", "line 1: limits is not a known setting"},
           Case{"[station]\nname = \"a\"", "written as [[station]]"},
           Case{"station = [1]", "written as [[station]]"},
           Case{"[[station]]\n", "line 1: station.name must be"},
           Case{"[[station]]\nname = \"a*b\"", "station.name must be"},
           Case{"[[station]]\nname = \"a\\u202e\"", "station.name must be"},
           Case{"[[station]]\nname = \"a\"\nprofiles = [\"none\"]", "line 3: station.profiles does not know"},
           Case{"[[station]]\nname = \"a\"\nprofiles = []", "station.profiles is empty"},
           Case{"[[station]]\nname = \"a\"\nissuers = [\"none\"]", "station.issuers does not know"},
           Case{"[[station]]\nname = \"a\"\ndevices = [\"01A4*\"]", "station.devices does not know"},
           Case{"[[station]]\nname = \"a\"\ndevices = [\"01a4\"]", "station.devices does not know"},
           Case{"[[station]]\nname = \"a\"\nbatches = \"x\"", "must be a list"},
           Case{"[[station]]\nname = \"a\"\nper_day = -1", "station.per_day must be a whole number"},
           Case{"[[station]]\nname = \"a*\"\n[[station]]\nname = \"ab\"",
                "line 3: \"a*\" stands before \"ab\""},
           Case{"[[station]]\nname = \"a\"\n[[station]]\nname = \"a\"", "stands before"},
           Case{"[[station]\n", "line 1: "},
       }) {
    const std::string found = fault(one.toml);
    EXPECT_NE(found.find(one.part), std::string::npos) << one.toml << "\n" << found;
  }
}

}  // namespace
}  // namespace pedigree::authority
