// SPDX-License-Identifier: Apache-2.0
// Questions to the registry over /v1: devices, events, batches, stations; and the allow-list with its texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SearchTest : public ::testing::Test {
 protected:
  SearchTest() : operator_(authority_.client("operator")) {
    boost::json::array lines;
    for (std::uint64_t unit = 1; unit <= 3; ++unit) {
      lines.push_back({{"device", Unit(unit).id()},
                       {"profile", "iak"},
                       {"product", "lamp"},
                       {"label", "no " + std::to_string(unit) + " & more"}});
    }
    const Answer imported = operator_->post("/v1/devices", {{"batch", "week 1"}, {"devices", lines}});
    if (imported.status != 200) throw std::runtime_error(imported.body);
    serial_ = enrol(*authority_.client("station"), Unit(2)).json().at("serial").as_string();
  }
  boost::json::object ask(const std::string& target) {
    const Answer answer = operator_->get(target);
    EXPECT_EQ(answer.status, 200U) << target << "\n" << answer.body;
    return answer.json();
  }
  std::vector<std::string> devices(const std::string& query) {
    std::vector<std::string> ids;
    const auto answer = ask("/v1/devices?" + query);
    for (const auto& one : answer.at("devices").as_array()) ids.emplace_back(one.at("device").as_string());
    return ids;
  }
  std::vector<std::string> events(const std::string& query) {
    std::vector<std::string> whats;
    const auto answer = ask("/v1/events?" + query);
    for (const auto& one : answer.at("events").as_array()) whats.emplace_back(one.at("what").as_string());
    return whats;
  }

  ServedAuthority authority_;
  std::unique_ptr<Client> operator_;
  std::string serial_;
};

TEST_F(SearchTest, DevicesAreFoundByAllThatIsKnownOfThem) {
  const std::string one = Unit(1).id();
  const std::string two = Unit(2).id();
  EXPECT_EQ(devices("batch=week%201").size(), 3U);
  EXPECT_EQ(devices("batch=week+1").size(), 3U);
  EXPECT_THAT(devices("batch=week%202"), IsEmpty());
  EXPECT_THAT(devices("label=no%201%20%26%20more"), ElementsAre(one));
  EXPECT_THAT(devices("station=station%201"), ElementsAre(two));
  EXPECT_THAT(devices("profile=iak"), ElementsAre(two));
  EXPECT_THAT(devices("state=expected&prefix=" + one.substr(0, 66)), ElementsAre(one));
  EXPECT_THAT(devices("until=1000"), IsEmpty());
  EXPECT_EQ(devices("from=1000").size(), 3U);
  const auto device = ask("/v1/devices/" + two);
  EXPECT_EQ(device.at("product").as_string(), "lamp");
  EXPECT_EQ(device.at("batch").as_string(), "week 1");
  EXPECT_EQ(device.at("station").as_string(), "station 1");
}

TEST_F(SearchTest, EventsAreFoundByWhoAndWhatAndWhere) {
  EXPECT_THAT(events("batch=week%201"), ElementsAre("imported", "asked", "issued"));
  EXPECT_THAT(events("who=station%201&what=issued"), ElementsAre("issued"));
  EXPECT_THAT(events("who=operator%201"), ElementsAre("imported"));
  EXPECT_THAT(events("serial=" + serial_), ElementsAre("issued"));
  EXPECT_THAT(events("device=" + Unit(2).id()), ElementsAre("imported", "asked", "issued"))
      << "its line of the allow-list too";
  EXPECT_THAT(events("alarms=1"), IsEmpty());
  EXPECT_THAT(events("until=1000"), IsEmpty());
  const auto page = ask("/v1/events?limit=1");
  ASSERT_TRUE(page.contains("next"));
  EXPECT_THAT(events("after=" + std::to_string(page.at("next").to_number<std::int64_t>())),
              ElementsAre("asked", "issued"));
  const auto issued = ask("/v1/events?what=issued").at("events").as_array().front();
  EXPECT_EQ(issued.at("issuer").as_string(), "vendor");
  EXPECT_EQ(issued.at("profile").as_string(), "iak");
  EXPECT_EQ(issued.at("where").as_string(), "127.0.0.1");
}

TEST_F(SearchTest, ABatchSaysWhatBecameOfIt) {
  const auto batches = ask("/v1/batches").at("batches").as_array();
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].at("imported").to_number<int>(), 3);
  EXPECT_EQ(batches[0].at("who").as_string(), "operator 1");
  const auto counts = ask("/v1/batches?name=week%201").at("counts").as_array();
  ASSERT_EQ(counts.size(), 2U) << "expected, and issued by a station";
  EXPECT_EQ(operator_->get("/v1/batches?name=nothing").status, 404U);
  EXPECT_TRUE(ask("/v1/stations").at("stations").as_array().empty());
}

TEST_F(SearchTest, AnImportThatIsRepeatedChangesNothingAndSaysWhatDiffers) {
  boost::json::array lines;
  lines.push_back({{"device", Unit(1).id()}, {"profile", "data"}, {"label", "another"}});
  const auto before = authority_.dump();
  const auto answer = operator_->post("/v1/devices", {{"devices", lines}}).json();
  EXPECT_EQ(answer.at("added").to_number<int>(), 0);
  EXPECT_EQ(answer.at("different").to_number<int>(), 1);
  EXPECT_EQ(authority_.dump(), before);
}

TEST_F(SearchTest, HostileQueriesAreRefusedOrFindNothing) {
  const auto before = authority_.dump();
  for (const char* query : {"state=no", "after=1", "limit=0", "limit=1001", "limit=x", "prefix=0G", "from=-1",
                            "until=9e9", "batch=%", "batch=%4", "batch=%zz", "batch=%00", "batch=%1b[2J",
                            "label=%e2%80%ae", "label=%c0%80", "station=%ff"}) {
    const Answer answer = operator_->get(std::string("/v1/devices?") + query);
    EXPECT_EQ(answer.status, 400U) << query << answer.body;
  }
  for (const char* query : {"device=1", "serial=1", "alarms=2", "after=-1", "limit=9999", "who=%0a"}) {
    EXPECT_EQ(operator_->get(std::string("/v1/events?") + query).status, 400U) << query;
  }
  EXPECT_THAT(devices("label=x%27%29%3B%20DROP%20TABLE%20device%3B--"), IsEmpty());
  EXPECT_THAT(events("who=%27%20OR%20%271%27%3D%271"), IsEmpty());
  for (const char* label : {"\x1b[31m", "\xe2\x80\xae", "a\nb"}) {
    boost::json::array lines;
    lines.push_back({{"device", Unit(7).id()}, {"label", label}});
    EXPECT_EQ(operator_->post("/v1/devices", {{"devices", lines}}).error(), "bad_value");
  }
  EXPECT_EQ(operator_
                ->post("/v1/devices", {{"batch", std::string(65, 'b')},
                                       {"devices", {{{"device", Unit(7).id()}}, {{"device", Unit(8).id()}}}}})
                .status,
            400U);
  EXPECT_EQ(authority_.dump(), before);
  EXPECT_EQ(authority_.client("station")->get("/v1/events").status, 403U);
}

}  // namespace
}  // namespace pedigree::testing
