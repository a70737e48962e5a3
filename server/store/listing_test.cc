// SPDX-License-Identifier: Apache-2.0
// The allow-list, searches, stations and quotas, as a database keeps them.
#include "registry/listing.h"

#include <gtest/gtest.h>

#include <future>

#include "crypto/openssl/openssl_crypto.h"
#include "server/store/audit_verify.h"
#include "testing/postgres/test_database.h"

namespace pedigree::store {
namespace {

using registry::DeviceId;
using registry::DeviceState;

constexpr der::UnixTime kNow = 1'800'000'000;

class Listing : public ::testing::TestWithParam<Dialect> {
 protected:
  Listing() : store_(open_store(database_.options(), crypto_).value()) {}

  template <typename T, typename Call>
  static registry::Outcome<T> wait(Call call) {
    std::promise<registry::Outcome<T>> answer;
    call([&](registry::Outcome<T> outcome) { answer.set_value(std::move(outcome)); });
    return answer.get_future().get();
  }
  static DeviceId id(unsigned number) {
    return {0x01, static_cast<std::uint8_t>(number * 37), static_cast<std::uint8_t>(number >> 8U),
            static_cast<std::uint8_t>(number)};
  }
  registry::Outcome<registry::Imported> import(std::string batch, unsigned first, unsigned count,
                                               const std::string& product = "lamp") {
    registry::Import lines{{}, {"an operator", "local"}, kNow, std::move(batch)};
    for (unsigned i = first; i < first + count; ++i) {
      lines.devices.push_back({id(i), "iak,tls-client", product, "label " + std::to_string(i)});
    }
    return wait<registry::Imported>([&](auto done) { store_->import(lines, done); });
  }
  registry::Outcome<registry::Issued> issue(unsigned number, std::optional<registry::StationClaim> station,
                                            der::UnixTime when = kNow, std::uint8_t key = 0) {
    registry::Issuance made;
    made.certificate.serial = {0x11, static_cast<std::uint8_t>(number >> 8U),
                               static_cast<std::uint8_t>(number), key};
    made.certificate.device = id(number);
    made.certificate.key = {static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number), 7,
                            key};
    made.certificate.profile = "iak";
    made.certificate.issuer = "acme";
    made.certificate.issued_at = when;
    made.certificate.der.assign(600, 0x30);
    made.actor = {station ? station->name : "somebody", "192.0.2.1"};
    made.station = std::move(station);
    return wait<registry::Issued>([&](auto done) { store_->issue(made, done); });
  }
  static registry::StationClaim line(std::string name, std::uint32_t per_day = 0) {
    return {std::move(name), Sha256{1}, false, per_day};
  }
  void set_station(const registry::Station& station) {
    ASSERT_TRUE(wait<registry::Station>(
        [&](auto done) { store_->set_station({station, "a test", {"an operator", "local"}, kNow}, done); }));
  }
  std::vector<registry::LoggedEvent> events(const registry::EventQuery& query) {
    const auto found = store_->search_events(query);
    EXPECT_TRUE(found);
    return found ? found->events : std::vector<registry::LoggedEvent>();
  }
  /// All pages.
  std::vector<registry::Device> devices(registry::DevicePage page) {
    std::vector<registry::Device> all;
    for (;;) {
      const auto list = store_->devices(page);
      EXPECT_TRUE(list);
      if (!list) return all;
      all.insert(all.end(), list->devices.begin(), list->devices.end());
      if (!list->next) return all;
      page.after = list->next;
    }
  }
  std::vector<std::string> findings() {
    Connection database = database_.connect();
    const auto report = verify_audit(database, crypto_, {}, {});
    EXPECT_TRUE(report);
    if (!report) return {"none"};
    std::vector<std::string> found = report->findings;
    // Certificates here are no certificates.
    std::erase_if(found, [](const std::string& one) { return one.starts_with("certificate "); });
    return found;
  }

  crypto::OpenSslCrypto crypto_;
  testing::TestDatabase database_{GetParam()};
  std::unique_ptr<registry::Store> store_;
};

TEST_P(Listing, TheSameAgainChangesNothingAndADifferentLineIsTold) {
  EXPECT_EQ(import("week 47", 0, 300)->added, 300U);
  const auto again = import("week 47", 0, 300);
  EXPECT_EQ(again->added, 0U);
  EXPECT_EQ(again->known, 300U);
  EXPECT_TRUE(again->different.empty());
  const auto other = import("week 47", 298, 4, "kettle");
  EXPECT_EQ(other->added, 2U);
  EXPECT_EQ(other->different, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(store_->device(id(298))->product, "lamp");
  EXPECT_EQ(store_->device(id(300))->product, "kettle");
  EXPECT_EQ(store_->batch("week 47")->imported, 302U);
  EXPECT_EQ(store_->log_head()->size, 2U) << "an event for each import that added something";
  EXPECT_EQ(store_->events(id(5))->size(), 1U) << "a device's history begins with its import";
  EXPECT_TRUE(findings().empty());
}

TEST_P(Listing, LinesThatWereChangedByHandAreNamed) {
  ASSERT_TRUE(import("week 47", 0, 300));
  ASSERT_TRUE(import("", 300, 5));
  ASSERT_TRUE(issue(3, line("Line 1")));
  EXPECT_TRUE(findings().empty());
  const std::string one = registry::hex(id(17));
  database_.edit("UPDATE device SET profiles = 'iak,data' WHERE id = " + database_.octets(one));
  const auto found = findings();
  ASSERT_EQ(found.size(), 2U) << "the row, and the import";
  EXPECT_NE(found[0].find(one), std::string::npos) << found[0];
  database_.edit("UPDATE device SET profiles = 'iak,tls-client' WHERE id = " + database_.octets(one));
  EXPECT_TRUE(findings().empty());
  database_.edit("DELETE FROM device WHERE label = 'label 20'");
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_NE(findings()[0].find("the 299 devices of import 1 (\"week 47: 300 devices\")"), std::string::npos);
  database_.edit("UPDATE batch SET name = 'week 48'");
  EXPECT_GT(findings().size(), 50U);
}

TEST_P(Listing, SearchesFindWhatWasAskedAndNothingElse) {
  ASSERT_TRUE(import("week 47", 0, 200));
  ASSERT_TRUE(import("week 48", 200, 100));
  for (unsigned i = 0; i < 30; ++i) ASSERT_TRUE(issue(i, line("Line 1"), kNow + 100 + i));
  for (unsigned i = 200; i < 210; ++i) ASSERT_TRUE(issue(i, line("Line 2"), kNow + 500));
  ASSERT_TRUE(wait<DeviceState>([&](auto done) {
    store_->change_state({id(7), DeviceState::suspended, "a test", {"x", "y"}, kNow + 600}, done);
  }));
  EXPECT_EQ(devices({.state = {}, .after = {}, .limit = 7}).size(), 300U);
  registry::DevicePage page{.state = {}, .after = {}, .limit = 11};
  page.batch = "week 48";
  EXPECT_EQ(devices(page).size(), 100U);
  page.state = DeviceState::issued;
  EXPECT_EQ(devices(page).size(), 10U);
  page.station = "Line 1";
  EXPECT_TRUE(devices(page).empty());
  page = {.state = {}, .after = {}, .limit = 11};
  page.station = "Line 1";
  EXPECT_EQ(devices(page).size(), 30U);
  page.profile = "iak";
  EXPECT_EQ(devices(page).size(), 30U);
  page.profile = "data";
  EXPECT_TRUE(devices(page).empty());
  page = {.state = DeviceState::suspended, .after = {}, .limit = 11};
  ASSERT_EQ(devices(page).size(), 1U);
  EXPECT_EQ(devices(page)[0].id, id(7));
  page = {.state = {}, .after = {}, .limit = 11};
  page.label = "label 250";
  ASSERT_EQ(devices(page).size(), 1U);
  EXPECT_EQ(devices(page)[0].batch, "week 48");
  page = {.state = {}, .after = {}, .limit = 11};
  page.from = kNow + 110;
  page.until = kNow + 120;
  EXPECT_EQ(devices(page).size(), 10U);
  for (unsigned digits = 2; digits <= 66; ++digits) {
    page = {.state = {}, .after = {}, .limit = 3};
    page.prefix = registry::hex(id(77)).substr(0, digits);
    unsigned expected = 0;
    for (unsigned i = 0; i < 300; ++i) expected += registry::hex(id(i)).starts_with(page.prefix) ? 1 : 0;
    EXPECT_EQ(devices(page).size(), expected) << digits;
  }
  const auto counts = store_->batch_counts("week 47").value();
  ASSERT_EQ(counts.size(), 3U) << "expected, issued by line 1, suspended";
  EXPECT_EQ(counts[0].devices, 170U);
  EXPECT_EQ(counts[1].station, "Line 1");
  EXPECT_EQ(counts[1].devices, 29U);
  EXPECT_EQ(counts[1].last, kNow + 129);
  EXPECT_EQ(store_->batches("", 10)->size(), 2U);
  EXPECT_EQ(store_->batches("week 47", 10)->front().name, "week 48");
}

TEST_P(Listing, OnePageExaminesABoundedNumberAndTheNextGoesOn) {
  for (unsigned i = 0; i < 24; ++i) {
    registry::Import lines{{}, {"an operator", "local"}, kNow, "many"};
    for (unsigned k = 0; k < 1000; ++k) {
      lines.devices.push_back({DeviceId{0x01, static_cast<std::uint8_t>(i),
                                        static_cast<std::uint8_t>(k >> 8U), static_cast<std::uint8_t>(k)},
                               {},
                               {},
                               i == 23 ? "last" : ""});
    }
    ASSERT_TRUE(wait<registry::Imported>([&](auto done) { store_->import(lines, done); }));
  }
  registry::DevicePage page{.state = {}, .after = {}, .limit = 5000};
  page.label = "last";
  const auto first = store_->devices(page);
  EXPECT_TRUE(first->devices.empty());
  ASSERT_TRUE(first->next);
  EXPECT_EQ(devices(page).size(), 1000U);
}

TEST_P(Listing, QuotasHoldInTheDatabaseWhoeverIssues) {
  auto other = open_store(database_.options(), crypto_).value();
  const auto first = line("Line 1", 10);
  unsigned issued = 0;
  for (unsigned i = 0; i < 20; ++i) {
    std::swap(store_, other);
    const auto outcome = issue(i, first);
    issued += outcome ? 1 : 0;
    if (outcome) continue;
    EXPECT_EQ(outcome.error().code, ErrorCode::not_authorised);
    EXPECT_NE(outcome.error().detail.find("the 10 certificates of its day"), std::string::npos);
  }
  EXPECT_EQ(issued, 10U);
  EXPECT_TRUE(issue(3, first)->reused) << "what was issued is answered again, and counts once";
  EXPECT_TRUE(issue(100, line("Line 2", 10)));
  EXPECT_TRUE(issue(15, first, kNow + 86400)) << "the next day";
  set_station({"Line 1", {}, true, 0, 0, 0});
  const auto stations = store_->stations(kNow / 86400).value();
  ASSERT_EQ(stations.size(), 1U);
  EXPECT_EQ(stations[0].issued, 10U);
  EXPECT_EQ(stations[0].refused, 10U);
  registry::EventQuery query;
  query.alarms = true;
  EXPECT_EQ(events(query).size(), 4U) << "of ten refusals 1, 2, 4 and 8";
  EXPECT_TRUE(findings().empty());
}

TEST_P(Listing, StationsAreKnownByTheirCertificateAndCanBeDisabled) {
  set_station({"Line 1", Sha256{1}, true, 0, 0, 0});
  EXPECT_TRUE(issue(1, line("Line 1")));
  auto stranger = line("Line 1");
  stranger.certificate = Sha256{2};
  EXPECT_EQ(issue(2, stranger).error().code, ErrorCode::not_authorised);
  auto unknown = line("Line 9");
  EXPECT_TRUE(issue(3, unknown)) << "nobody asked for registered stations only";
  unknown.registered_only = true;
  EXPECT_EQ(issue(4, unknown).error().code, ErrorCode::not_authorised);
  set_station({"Line 1", Sha256{1}, false, 0, 0, 0});
  EXPECT_NE(issue(5, line("Line 1")).error().detail.find("is disabled"), std::string::npos);
  const auto asked = wait<void>([&](auto done) {
    store_->ask({id(5), "iak", {"Line 1", "192.0.2.1"}, kNow, false, line("Line 1")}, done);
  });
  EXPECT_FALSE(asked);
  EXPECT_FALSE(store_->device(id(5))) << "a refusal makes no device";
  EXPECT_TRUE(findings().empty());
  database_.edit("UPDATE station SET enabled = 1");
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_NE(findings()[0].find("a station is not what was logged: Line 1: enabled"), std::string::npos);
}

TEST_P(Listing, TheLogTellsWhoDidWhatWhenForWhichBatch) {
  ASSERT_TRUE(import("week 47", 0, 20));
  ASSERT_TRUE(import("week 4", 20, 20));
  for (unsigned i = 0; i < 10; ++i) ASSERT_TRUE(issue(i, line("Line 1"), kNow + 100 * i));
  for (unsigned i = 20; i < 25; ++i) ASSERT_TRUE(issue(i, line("Line 2"), kNow + 5000));
  EXPECT_FALSE(issue(1, line("Line 2"), kNow + 6000, 9)) << "a second key";
  registry::EventQuery query;
  query.who = "Line 1";
  ASSERT_EQ(events(query).size(), 10U);
  EXPECT_EQ(events(query)[0].profile, "iak");
  EXPECT_EQ(events(query)[0].issuer, "acme");
  EXPECT_EQ(events(query)[0].batch, "week 47");
  query.from = kNow + 200;
  query.until = kNow + 500;
  EXPECT_EQ(events(query).size(), 3U);
  query = {};
  query.batch = "week 4";
  ASSERT_EQ(events(query).size(), 6U) << "its import, and five certificates";
  EXPECT_EQ(events(query)[0].event.what, "imported");
  query.batch = "week";
  EXPECT_TRUE(events(query).empty());
  query = {};
  query.alarms = true;
  ASSERT_EQ(events(query).size(), 1U);
  EXPECT_EQ(events(query)[0].event.what, "alarm");
  query = {};
  query.serial = registry::Serial{0x11, 0, 3};
  EXPECT_EQ(events(query).size(), 1U);
  query = {};
  query.device = id(3);
  EXPECT_EQ(events(query).size(), 2U) << "import and issuance";
  query.limit = 1;
  const auto page = store_->search_events(query).value();
  ASSERT_TRUE(page.next);
  query.after = *page.next;
  EXPECT_EQ(events(query)[0].event.what, "issued");
}

TEST_P(Listing, HostileTextsAreRefusedOrAreTextsAndNeverSql) {
  for (const std::string& bad : {std::string("a\x1b[2J"), std::string("a\nb"),
                                 std::string("\xe2\x80\xae"
                                             "txt"),
                                 std::string("\xff\xfe"), std::string("a\0b", 3), std::string(65536, 'a')}) {
    EXPECT_EQ(import(bad, 0, 1).error().code, ErrorCode::bad_value) << bad.substr(0, 20);
    EXPECT_EQ(import("batch", 0, 1, bad).error().code, ErrorCode::bad_value) << bad.substr(0, 20);
  }
  const std::string sql = "x'); DROP TABLE device; --";
  ASSERT_TRUE(import(sql, 0, 3, sql));
  set_station({sql, {}, true, 0, 0, 0});
  EXPECT_TRUE(issue(1, line(sql)));
  registry::DevicePage page{.state = {}, .after = {}, .limit = 10};
  page.batch = page.station = sql;
  EXPECT_EQ(devices(page).size(), 1U);
  page = {.state = {}, .after = {}, .limit = 10};
  page.batch = "x' OR '1' = '1";
  EXPECT_TRUE(devices(page).empty());
  page.batch.clear();
  page.profile = page.label = page.station = "x' OR '1' = '1";
  EXPECT_TRUE(devices(page).empty());
  registry::EventQuery query;
  query.who = query.what = "x' OR '1' = '1";
  EXPECT_TRUE(events(query).empty());
  for (const std::string& bad : {std::string("\xff\xfe"), std::string("a\0b", 3)}) {
    page.profile = page.label = page.station = bad;
    EXPECT_TRUE(devices(page).empty()) << "no failure of the database";
    query.who = query.what = query.batch = bad;
    EXPECT_TRUE(events(query).empty());
    const auto refused = wait<DeviceState>([&](auto done) {
      store_->change_state({id(1), DeviceState::suspended, bad, {"x", "y"}, kNow}, done);
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::bad_value);
  }
  query = {};
  query.who = sql;
  EXPECT_EQ(events(query).size(), 1U);
  EXPECT_TRUE(findings().empty());
}

INSTANTIATE_TEST_SUITE_P(Databases, Listing, testing::kEachDatabase, testing::name_of);

}  // namespace
}  // namespace pedigree::store
