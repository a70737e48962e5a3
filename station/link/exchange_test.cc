// SPDX-License-Identifier: Apache-2.0
#include "station/link/exchange.h"

#include <gtest/gtest.h>

#include <map>
#include <queue>
#include <random>

namespace pedigree::station {
namespace {

using namespace std::chrono_literals;
using Time = Exchange::Time;

Request ask(std::uint8_t command, bool slow = false) {
  return {
      .operation = smp::Operation::read, .group = 80, .command = command, .payload = {0xa0}, .slow = slow};
}

std::vector<std::uint8_t> answer(Bytes request, std::vector<std::uint8_t> payload = {0xa0},
                                 std::optional<smp::Version> version = {}) {
  auto header = smp::parse_packet(request)->header;
  header.operation = static_cast<smp::Operation>(static_cast<unsigned>(header.operation) + 1);
  if (version) header.version = *version;
  std::vector<std::uint8_t> packet(smp::kHeaderSize + payload.size());
  Writer out(packet);
  smp::write_packet(header, payload, out);
  return packet;
}

smp::Header header_of(Bytes packet) {
  return smp::parse_packet(packet)->header;
}

TEST(Exchange, MatchesAnswersBySequenceInAnyOrder) {
  Exchange exchange({});
  exchange.set_limits(4, 512);
  for (std::uint8_t i = 0; i < 4; ++i) exchange.submit(i, ask(i));
  const auto work = exchange.poll(Time{});
  ASSERT_EQ(work.send.size(), 4U);
  for (const int i : {2, 0, 3, 1}) {
    exchange.receive(answer(work.send[static_cast<std::size_t>(i)]), Time{} + 1ms);
  }
  const auto done = exchange.poll(Time{} + 1ms).done;
  ASSERT_EQ(done.size(), 4U);
  EXPECT_EQ(done[0].id, 2U);
  EXPECT_EQ(done[3].id, 1U);
  EXPECT_TRUE(exchange.idle());
}

TEST(Exchange, AnotherNumberOfTheGroupStaysOnTheLine) {
  Exchange exchange({.pedigree_group = 300});
  exchange.submit(0, ask(0));
  const auto work = exchange.poll(Time{});
  ASSERT_EQ(work.send.size(), 1U);
  EXPECT_EQ(header_of(work.send[0]).group, 300);
  auto foreign = answer(work.send[0]);
  foreign[4] = 0;
  foreign[5] = 80;
  exchange.receive(foreign, Time{} + 1ms);
  EXPECT_EQ(exchange.counters().ignored, 1U);

  std::vector<std::uint8_t> refusal(32);
  Writer out(refusal);
  smp::write_error(smp::Version::v2, ErrorCode::slot_not_found, out, 300);
  refusal.resize(out.size());
  exchange.receive(answer(work.send[0], refusal), Time{} + 2ms);
  const auto done = exchange.poll(Time{} + 2ms).done;
  ASSERT_EQ(done.size(), 1U);
  ASSERT_TRUE(done[0].outcome.has_value());
  EXPECT_EQ(done[0].outcome->header.group, smp::kPedigreeGroup);
  const auto status = status_of(*done[0].outcome);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(code_of(*status), ErrorCode::slot_not_found);
}

TEST(Exchange, SendsOneAtATimeUntilTheDeviceSaysMore) {
  Exchange exchange({});
  exchange.submit(0, ask(0));
  exchange.submit(1, ask(1));
  EXPECT_EQ(exchange.poll(Time{}).send.size(), 1U);
}

TEST(Exchange, RepeatsWithDoublingPausesThenGivesUp) {
  Exchange exchange({.give_up = 24s});
  exchange.submit(7, ask(0));
  std::vector<double> sent;
  Time now{};
  for (;;) {
    const auto work = exchange.poll(now);
    if (!work.send.empty()) sent.push_back(std::chrono::duration<double>(now.time_since_epoch()).count());
    if (!work.done.empty()) {
      EXPECT_EQ(work.done[0].outcome.error().code, ErrorCode::timeout);
      break;
    }
    now = *work.wake;
  }
  EXPECT_EQ(sent, (std::vector<double>{0, 1, 3, 6, 9, 12, 15, 18, 21}));
  EXPECT_EQ(now, Time{} + 24s);
}

TEST(Exchange, TimeoutFollowsTheRoundTripAndIgnoresRepeatedRequests) {
  Exchange exchange({.minimum_timeout = 1ms});
  Time now{};
  for (std::uint64_t i = 0; i < 20; ++i) {
    exchange.submit(i, ask(0));
    const auto work = exchange.poll(now);
    now += 10ms;
    exchange.receive(answer(work.send[0]), now);
    EXPECT_EQ(exchange.poll(now).done.size(), 1U);
  }
  exchange.submit(99, ask(0));
  const auto first = exchange.poll(now);
  EXPECT_LT(*first.wake - now, 15ms);
  now = *first.wake;
  const auto second = exchange.poll(now);
  ASSERT_EQ(second.send.size(), 1U);
  const auto backed_off = *second.wake - now;
  EXPECT_GT(backed_off, 19ms);
  // Karn: the answer may belong to either transmission, so the longer timeout stays.
  exchange.receive(answer(second.send[0]), now + 1ms);
  exchange.submit(100, ask(0));
  const auto third = exchange.poll(now + 1ms);
  EXPECT_EQ(*third.wake - (now + 1ms), backed_off);
}

TEST(Exchange, SlowRequestsAreTimedApart) {
  Exchange exchange({});
  exchange.set_limits(2, 512);
  exchange.submit(0, ask(2, true));
  EXPECT_EQ(*exchange.poll(Time{}).wake, Time{} + 3s);
  exchange.submit(1, ask(0));
  EXPECT_EQ(*exchange.poll(Time{}).wake, Time{} + 1s);
}

// A line that loses half of all packets: a request is still sent often enough, whatever was lost before it.
TEST(Exchange, SlowRequestsAreRepeatedOftenEnough) {
  Exchange exchange({});
  Time now{};
  exchange.submit(0, ask(2, true));
  (void)exchange.poll(now);
  std::vector<std::vector<std::uint8_t>> sent;
  for (int lost = 0; lost < 4; ++lost) {
    now += 3s;
    sent = exchange.poll(now).send;
    ASSERT_EQ(sent.size(), 1U);
  }
  exchange.receive(answer(sent[0]), now);
  EXPECT_EQ(exchange.poll(now).done.size(), 1U);
  exchange.submit(1, ask(2, true));
  EXPECT_EQ(*exchange.poll(now).wake, now + 3s);
  // Once a round trip is known the wait is shorter.
  Exchange quick({});
  quick.submit(0, ask(2, true));
  quick.receive(answer(quick.poll(Time{}).send[0]), Time{} + 2ms);
  (void)quick.poll(Time{} + 2ms);
  quick.submit(1, ask(2, true));
  EXPECT_EQ(*quick.poll(Time{} + 2ms).wake, Time{} + 752ms);
}

TEST(Exchange, SerialLinesGetTheTimeThatTheLineTakes) {
  Exchange exchange({.octets_per_second = 960});
  exchange.set_limits(1, 1024);
  exchange.submit(0, ask(0));
  EXPECT_GT(*exchange.poll(Time{}).wake - Time{}, 2400ms);
}

TEST(Exchange, FallsBackToVersion1) {
  Exchange exchange({});
  exchange.submit(0, ask(0));
  const auto first = exchange.poll(Time{});
  EXPECT_EQ(header_of(first.send[0]).version, smp::Version::v2);
  exchange.receive(answer(first.send[0], {0xa1, 0x62, 'r', 'c', 13}, smp::Version::v1), Time{} + 1ms);
  const auto second = exchange.poll(Time{} + 1ms);
  ASSERT_EQ(second.send.size(), 1U);
  EXPECT_EQ(header_of(second.send[0]).version, smp::Version::v1);
  exchange.receive(answer(second.send[0]), Time{} + 2ms);
  EXPECT_TRUE(exchange.poll(Time{} + 2ms).done.at(0).outcome.has_value());
  EXPECT_EQ(exchange.version(), smp::Version::v1);
}

TEST(Exchange, TriesVersion1OnASilentDevice) {
  Exchange exchange({.give_up = 60s});
  exchange.submit(0, ask(0));
  std::vector<smp::Version> versions;
  for (Time now{}; versions.size() < 4;) {
    const auto work = exchange.poll(now);
    if (!work.send.empty()) versions.push_back(header_of(work.send[0]).version);
    now = *work.wake;
  }
  using enum smp::Version;
  EXPECT_EQ(versions, (std::vector{v2, v2, v1, v2}));
}

TEST(Exchange, APulledCableStopsTheClock) {
  Exchange exchange({.give_up = 5s});
  exchange.submit(0, ask(0));
  (void)exchange.poll(Time{});
  exchange.pause(Time{} + 500ms);
  const auto down = exchange.poll(Time{} + 60s);
  EXPECT_TRUE(down.send.empty() && down.done.empty());
  exchange.resume(Time{} + 60s);
  EXPECT_EQ(exchange.poll(Time{} + 60s).send.size(), 1U);
  EXPECT_TRUE(exchange.poll(Time{} + 64s).done.empty());
}

TEST(Exchange, IgnoresStrangers) {
  Exchange exchange({});
  exchange.submit(0, ask(0));
  const auto work = exchange.poll(Time{});
  auto other = answer(work.send[0]);
  other[6] = static_cast<std::uint8_t>(other[6] + 1);  // sequence
  exchange.receive(other, Time{});
  exchange.receive(work.send[0], Time{});  // our own request, echoed
  exchange.receive(Bytes(other).first(5), Time{});
  EXPECT_TRUE(exchange.poll(Time{}).done.empty());
  EXPECT_EQ(exchange.counters().ignored, 3U);
}

// A line that loses, repeats and reorders: every request gets exactly one answer, its own.
TEST(Exchange, SurvivesLossDuplicationAndReordering) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Exchange exchange({.minimum_timeout = 50ms, .give_up = 600s});
    exchange.set_limits(8, 512);
    std::multimap<Time, std::vector<std::uint8_t>> line;
    constexpr std::uint64_t kRequests = 600;  // sequence numbers wrap twice
    for (std::uint64_t i = 0; i < kRequests; ++i) {
      Request request = ask(static_cast<std::uint8_t>(i % 7));
      request.payload = {
          0xa1, 0x61, 'n', 0x19, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)};
      if (i < 256) request.payload = {0xa1, 0x61, 'n', 0x18, static_cast<std::uint8_t>(i)};
      exchange.submit(i, std::move(request));
    }
    std::map<std::uint64_t, unsigned> answered;
    Time now{};
    while (!exchange.idle()) {
      const auto work = exchange.poll(now);
      for (const auto& packet : work.send) {
        for (unsigned copies = random() % 10 < 7 ? 1 + random() % 2 : 0; copies > 0; --copies) {
          const auto parsed = *smp::parse_packet(packet);
          line.emplace(now + std::chrono::milliseconds(1 + random() % 40),
                       answer(packet, {parsed.payload.begin(), parsed.payload.end()}));
        }
      }
      for (const auto& done : work.done) {
        ASSERT_TRUE(done.outcome.has_value());
        ++answered[done.id];
        const auto& payload = done.outcome->payload;
        EXPECT_EQ(payload.back(), static_cast<std::uint8_t>(done.id));
      }
      if (exchange.idle()) break;
      now =
          line.empty() ? *work.wake : std::min(work.wake.value_or(line.begin()->first), line.begin()->first);
      while (!line.empty() && line.begin()->first <= now) {
        exchange.receive(line.begin()->second, now);
        line.erase(line.begin());
      }
    }
    for (const auto& done : exchange.poll(now).done) ++answered[done.id];
    EXPECT_EQ(answered.size(), kRequests);
    EXPECT_TRUE(std::ranges::all_of(answered, [](const auto& a) { return a.second == 1; }));
    EXPECT_GT(exchange.counters().retransmitted, 0U);
  }
}

}  // namespace
}  // namespace pedigree::station
