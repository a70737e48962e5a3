// SPDX-License-Identifier: Apache-2.0
#include "core/smp/console.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "testing/support/octets.h"

namespace pedigree::smp {
namespace {

using testing::Octets;
using testing::unhex;
using testing::written;

Octets frame_of(Bytes packet) {
  return written([&](Writer& out) { write_frame(packet, out); });
}

struct Event {
  std::string error;  ///< as testing::outcome; empty: a packet
  Octets packet;
  friend bool operator==(const Event&, const Event&) = default;
};

std::vector<Event> feed(Deframer& deframer, Bytes octets) {
  std::vector<Event> events;
  for (const std::uint8_t octet : octets) {
    const auto result = deframer.feed(octet);
    if (!result) {
      events.push_back({testing::outcome(result), {}});
    } else if (!result->empty()) {
      events.push_back({{}, Octets(result->begin(), result->end())});
    }
  }
  return events;
}

std::vector<Event> feed(std::string_view text, std::size_t capacity = 600) {
  Octets buffer(capacity);
  Deframer deframer(buffer);
  return feed(deframer, as_bytes(text));
}

std::vector<std::string> lines_of(const Octets& frame) {
  std::vector<std::string> lines(1);
  for (const std::uint8_t octet : frame) {
    lines.back().push_back(static_cast<char>(octet));
    if (octet == '\n') lines.emplace_back();
  }
  EXPECT_TRUE(lines.back().empty());
  lines.pop_back();
  return lines;
}

Octets packet_of(std::size_t size) {
  Octets packet(size);
  for (std::size_t i = 0; i < size; ++i) packet[i] = static_cast<std::uint8_t>(i * 37 + 1);
  return packet;
}

TEST(Console, CrcIsXmodem) {
  EXPECT_EQ(crc16(as_bytes("123456789")), 0x31c3);
  EXPECT_EQ(crc16(as_bytes("56789"), crc16(as_bytes("1234"))), 0x31c3);
  EXPECT_EQ(crc16({}), 0);
}

/// An echo request; the line was made with the CRC and base64 of Python's binascii.
TEST(Console, WritesAndReadsAKnownFrame) {
  const Octets packet = unhex("0200000900000000a1616465 68656c6c6f");
  const Octets frame = frame_of(packet);
  const std::string text(frame.begin(), frame.end());
  EXPECT_EQ(text,
            "\x06\x09"
            "ABMCAAAJAAAAAKFhZGVoZWxsbyVv\n");
  EXPECT_EQ(feed(text), (std::vector<Event>{{{}, packet}}));
}

TEST(Console, LinesFollowMcumgrForEverySize) {
  for (std::size_t size = 1; size < 700; ++size) {
    const Octets packet = packet_of(size);
    const Octets frame = frame_of(packet);
    ASSERT_EQ(frame.size(), frame_size(size));
    const auto lines = lines_of(frame);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      ASSERT_LE(lines[i].size(), kMaxLine);
      ASSERT_EQ(lines[i].substr(0, 2), i == 0 ? "\x06\x09" : "\x04\x14");
      ASSERT_EQ((lines[i].size() - 3) % 4, 0U);
      // Only the last line is padded, so a client may join the lines before it decodes them.
      ASSERT_TRUE(i + 1 == lines.size() || lines[i].find('=') == std::string::npos);
    }
    // The last line holds the whole CRC.
    const auto padding = std::ranges::count(lines.back(), '=');
    ASSERT_GE((lines.back().size() - 3) / 4 * 3 - static_cast<std::size_t>(padding), 2U) << size;
    Octets buffer(size + 4);
    Deframer deframer(buffer);
    ASSERT_EQ(feed(deframer, frame), (std::vector<Event>{{{}, packet}})) << size;
  }
}

TEST(Console, PassesOverLogsAndPrompts) {
  const Octets packet = packet_of(200);
  const auto lines = lines_of(frame_of(packet));
  ASSERT_EQ(lines.size(), 3U);
  const std::string text = "booting\r\nuart:~$ " + lines[0] + "[00:00:01] <inf> something\r\n" + lines[1] +
                           std::string(500, 'x') + "\n\r\n" + lines[2] + "uart:~$ ";
  EXPECT_EQ(feed(text), (std::vector<Event>{{{}, packet}}));
  // Carriage returns before the newline are accepted.
  std::string crlf;
  for (const auto& line : lines) crlf += line.substr(0, line.size() - 1) + "\r\n";
  EXPECT_EQ(feed(crlf), (std::vector<Event>{{{}, packet}}));
}

TEST(Console, AcceptsPaddingInsideAFrame) {
  // Some senders fill a line with 92 octets and pad it.
  const Octets packet = unhex("0102030405");
  const std::string text =
      "\x06\x09"
      "AAcBAg==\n"
      "\x04\x14"
      "AwQF\n"
      "\x04\x14";
  Octets body = packet;
  const std::uint16_t crc = crc16(packet);
  EXPECT_EQ(feed(text).size(), 0U);
  EXPECT_EQ(crc, 0x8208);
  EXPECT_EQ(feed(text + "ggg=\n"), (std::vector<Event>{{{}, packet}}));
}

TEST(Console, RefusesDamageAndIsReadyForTheNextFrame) {
  const Octets packet = packet_of(200);
  const Octets frame = frame_of(packet);
  const std::string good(frame.begin(), frame.end());
  const auto lines = lines_of(frame);
  const Event ok{{}, packet};
  const auto error = [](const char* what) { return Event{what, {}}; };

  std::string damaged = good;
  damaged[20] = damaged[20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(feed(damaged + good), (std::vector<Event>{error("bad_checksum at 202"), ok}));
  damaged[20] = '*';
  const auto events = feed(damaged + good);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front(), error("bad_frame at 12"));
  EXPECT_EQ(events.back(), ok);
  // Reordered: a continuation without a start.
  EXPECT_EQ(feed(lines[1] + good), (std::vector<Event>{error("bad_frame at 0"), ok}));
  EXPECT_EQ(feed(lines[0] + lines[2] + lines[1] + good).back(), ok);
  // Repeated: one line twice makes it too long or its CRC wrong.
  const auto repeated = feed(lines[0] + lines[1] + lines[1] + lines[2] + good);
  EXPECT_EQ(repeated.front().packet, Octets{});
  EXPECT_EQ(repeated.back(), ok);
  // A frame begun anew drops what was there.
  EXPECT_EQ(feed(lines[0] + lines[1] + good), (std::vector<Event>{ok}));
  // A marker inside a frame's line.
  EXPECT_EQ(feed(lines[0].substr(0, 50) + good), (std::vector<Event>{error("bad_frame at 0"), ok}));
  // A line longer than 127 octets.
  EXPECT_EQ(feed("\x06\x09" + std::string(300, 'A') + "\n" + good),
            (std::vector<Event>{error("bad_frame at 0"), ok}));
}

TEST(Console, RefusesBadLengthsAndBase64) {
  const auto first = [](const std::string& line, std::size_t capacity = 600) {
    const auto events = feed("\x06\x09" + line + "\n", capacity);
    return events.empty() ? std::string("nothing") : events.front().error;
  };
  EXPECT_EQ(first("AAAA"), "bad_frame at 0");          // length 0
  EXPECT_EQ(first("AAIA"), "bad_frame at 0");          // length 2: no packet
  EXPECT_EQ(first("AAMAAAAAAAAA"), "bad_frame at 0");  // more than its length
  EXPECT_EQ(first("/////"), "bad_frame at 3");         // not a multiple of four
  EXPECT_EQ(first("A==="), "bad_frame at 0");
  EXPECT_EQ(first("AAMB=AAA"), "bad_frame at 3");
  EXPECT_EQ(first("AA==AAAA"), "bad_frame at 0");  // padding ends the line
  EXPECT_EQ(first("AB=="), "bad_frame at 0");      // padding bits set
  EXPECT_EQ(first("AAB="), "bad_frame at 0");
  EXPECT_EQ(first("//8A"), "frame_too_large at 0");
  EXPECT_EQ(first("AAcA", 8), "frame_too_large at 0");
  EXPECT_EQ(first("AAYA", 8), "nothing");
  EXPECT_EQ(first("AA=="), "nothing");  // half of the length, more to come
  EXPECT_EQ(first(""), "nothing");
}

TEST(Console, NeverWritesPastASmallBuffer) {
  const Octets frame = frame_of(packet_of(300));
  for (std::size_t capacity = 0; capacity < 304; ++capacity) {
    Octets buffer(capacity);
    Deframer deframer(buffer);
    const auto events = feed(deframer, frame);
    ASSERT_FALSE(events.empty()) << capacity;
    // Where the octets of the first line no longer fit, or the length that stands at the frame's beginning.
    const std::size_t offset = capacity < kLinePayload ? capacity / 3 * 3 : 0;
    EXPECT_EQ(events.front().error, "frame_too_large at " + std::to_string(offset)) << capacity;
  }
}

TEST(ConsoleProperties, AnyPacketsBetweenAnyTextArriveOnce) {
  EXPECT_TRUE(rc::check([](const std::vector<Octets>& packets, const std::string& noise) {
    std::string quiet;
    for (const char c : noise) {
      if (c != '\x06' && c != '\x04' && c != '\n') quiet.push_back(c);
    }
    std::string text;
    std::vector<Event> expected;
    for (const Octets& packet : packets) {
      if (packet.empty()) continue;
      const Octets frame = frame_of(packet);
      text += quiet;
      for (const auto& line : lines_of(frame)) text += line + quiet + "\n";
      expected.push_back({{}, packet});
    }
    RC_ASSERT(feed(text) == expected);
  }));
}

}  // namespace
}  // namespace pedigree::smp
