// SPDX-License-Identifier: Apache-2.0
// Counting from many threads, the text of metrics, and lines of the log that stay lines.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <thread>

#include "server/observe/authority_metrics.h"
#include "server/observe/log.h"
#include "testing/support/support.h"

namespace pedigree::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, NothingIsLostBetweenThreads) {
  Counter counter;
  Histogram histogram(kCounts);
  Family<Counter, 2> family;
  constexpr int kThreads = 12;
  constexpr int kRounds = 5000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        counter.add();
        histogram.observe(round % 300);
        family.at({"path", std::to_string(round % 50)}).add();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), std::uint64_t{kThreads} * kRounds);
  const Histogram::Reading reading = histogram.read();
  std::uint64_t observed = 0;
  for (const std::uint64_t count : reading.counts) observed += count;
  EXPECT_EQ(observed, std::uint64_t{kThreads} * kRounds);
  std::uint64_t series = 0;
  family.each([&](std::span<const std::string> values, const Counter& one) {
    ++series;
    EXPECT_EQ(one.value(), std::uint64_t{kThreads} * kRounds / 50) << values[1];
  });
  EXPECT_EQ(series, 50U);
}

TEST(Metrics, AFamilyIsBounded) {
  Family<Counter, 1> family;
  for (int i = 0; i < 2000; ++i) family.at({std::to_string(i)}).add();
  std::uint64_t series = 0;
  std::uint64_t sum = 0;
  std::uint64_t other = 0;
  family.each([&](std::span<const std::string> values, const Counter& one) {
    ++series;
    sum += one.value();
    if (values[0] == "other") other = one.value();
  });
  EXPECT_EQ(series, (Family<Counter, 1>::kSeries) + 1);
  EXPECT_EQ(sum, 2000U);
  EXPECT_EQ(other, 2000 - (Family<Counter, 1>::kSeries));
}

TEST(Metrics, HistogramsAreCumulativeAndLabelsEscaped) {
  Family<Histogram, 1> family;
  family.at({"a\"b\\c\nd"}).observe(0.0002);
  family.at({"a\"b\\c\nd"}).observe(100);
  Exposition out;
  out.family<Histogram, 1>("x_seconds", "Help\nwith \\ two lines.", {"l"}, family);
  const std::string text = std::move(out).take();
  EXPECT_THAT(text, HasSubstr("# HELP x_seconds Help\\nwith \\\\ two lines.\n# TYPE x_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("x_seconds_bucket{l=\"a\\\"b\\\\c\\nd\",le=\"0.0001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("x_seconds_bucket{l=\"a\\\"b\\\\c\\nd\",le=\"0.00025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("le=\"10\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("x_seconds_sum{l=\"a\\\"b\\\\c\\nd\"} 100.0002\n"));
  EXPECT_THAT(text, HasSubstr("x_seconds_count{l=\"a\\\"b\\\\c\\nd\"} 2\n"));
}

TEST(LogLine, HostileTextStaysInItsField) {
  const std::string hostile =
      "a\nlevel=\"error\" \x1b[2J\r\x07\x7f\t \xc2\x9b"
      "31m \xe2\x80\xae"
      "evil\xe2\x81\xa6 \xe2\x80\x8b \xef\xbb\xbf \xff\xfe \xc0\xaf \xed\xa0\x80 \xe2\x80\xa8 "
      "\xf3\xa0\x81\x81 \\ \"";
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    const std::string line =
        format_line(format, LogLevel::info, 1795770000123, "request", {{"who", hostile}});
    for (const char c : line) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
    EXPECT_THAT(line, HasSubstr("\\u202e"));
    EXPECT_THAT(line, HasSubstr("2026-11-27T09:00:00.123Z"));
  }
  const std::string text = format_line(LogFormat::text, LogLevel::info, 0, "request", {{"who", hostile}});
  EXPECT_THAT(text, HasSubstr(R"(who="a\u000alevel=\"error\" \u001b[2J\u000d\u0007\u007f\u0009 \u009b31m)"));
  EXPECT_THAT(text, HasSubstr(R"(\xff\xfe \xc0\xaf \xed\xa0\x80)"));
  const std::string json = format_line(LogFormat::json, LogLevel::info, 0, "request", {{"who", hostile}});
  const boost::json::value read = boost::json::parse(json);
  EXPECT_THAT(std::string(read.at("who").as_string()), HasSubstr("level=\"error\" \x1b[2J"));
}

TEST(LogLine, OrdinaryTextIsLegibleAndLongTextCut) {
  const std::string line =
      format_line(LogFormat::text, LogLevel::warning, 0, "request",
                  {{"who", "Müller 株式会社"}, {"status", std::int64_t{200}}, {"ms", 1.5}});
  EXPECT_EQ(line, "1970-01-01T00:00:00.000Z warning request who=\"Müller 株式会社\" status=200 ms=1.500");
  const std::string large(64 * 1024, 'x');
  EXPECT_EQ(escape_field(large, false), std::string(kMaxFieldValue, 'x') + "...");
}

TEST(Log, LinesOfManyThreadsAreWhole) {
  const testing::TempDir folder;
  const std::string file = (folder / "log").string();
  Counter lost;
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  {
    const auto log = Log::open({.format = LogFormat::json, .file = file}, lost);
    ASSERT_TRUE(log);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < kLines; ++j) {
          (*log)->write(LogLevel::info, "request", {{"id", (*log)->next_id()}});
          (*log)->write(LogLevel::debug, "not written", {});
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::istringstream lines(testing::read_text(file));
  std::string line;
  std::uint64_t count = 0;
  while (std::getline(lines, line)) {
    EXPECT_EQ(boost::json::parse(line).at("event").as_string(), "request");
    ++count;
  }
  EXPECT_EQ(count + lost.value(), std::uint64_t{kThreads} * kLines);
}

TEST(Log, AFileThatCannotBeOpenedLeavesTheOldOne) {
  const testing::TempDir folder;
  Counter lost;
  {
    const auto log = Log::open({.file = (folder / "log").string()}, lost);
    ASSERT_TRUE(log);
    EXPECT_FALSE((*log)->reopen({.level = LogLevel::error, .file = (folder / "none" / "log").string()}));
    (*log)->write(LogLevel::info, "still here", {});
  }
  EXPECT_THAT(testing::read_text(folder / "log"), HasSubstr("still here"));
}

TEST(Log, AReaderThatStandsStillLosesLinesAndStopsNobody) {
  const testing::TempDir folder;
  const std::string pipe = (folder / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  Counter lost;
  constexpr std::uint64_t kLines = 20'000;  // more octets than wait at most, and than a pipe takes
  std::string read;
  {
    const auto log = Log::open({.format = LogFormat::json, .file = pipe}, lost);
    ASSERT_TRUE(log);
    const std::string text(100, 'x');
    for (std::uint64_t i = 0; i < kLines; ++i) (*log)->write(LogLevel::info, "event", {{"text", text}});
    EXPECT_GT(lost.value(), 0U);
    std::array<char, 65536> buffer;  // NOLINT: only what was read is looked at
    const auto lines = [&read] { return static_cast<std::uint64_t>(std::ranges::count(read, '\n')); };
    while (lines() + lost.value() < kLines) {
      const ssize_t got = ::read(reader, buffer.data(), buffer.size());
      if (got > 0) read.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(reader);
  std::istringstream lines(read);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(boost::json::parse(line).at("event").as_string(), "event");
  }
}

TEST(Log, AFullDiskLosesLinesAndNothingElse) {
  Counter lost;
  {
    const auto log = Log::open({.file = "/dev/full"}, lost);
    ASSERT_TRUE(log);
    (*log)->write(LogLevel::info, "event", {});
  }
  EXPECT_EQ(lost.value(), 1U);
}

}  // namespace
}  // namespace pedigree::observe
