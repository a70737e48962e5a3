// SPDX-License-Identifier: Apache-2.0
#include "core/cbor/cbor.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "core/bytes/utf8.h"
#include "testing/support/octets.h"

namespace pedigree::cbor {
namespace {

using testing::Octets;
using testing::repeated;
using testing::unhex;
using testing::written;

/// Expects `read` to fail so and to leave its reader unchanged.
template <typename Read>
void expect_refused(const Octets& data, Read read, ErrorCode code, std::uint32_t offset) {
  Reader in(data, 100);
  const auto result = read(in);
  ASSERT_FALSE(result.has_value()) << ::testing::PrintToString(data);
  EXPECT_EQ(name(result.error().code), name(code)) << ::testing::PrintToString(data);
  EXPECT_EQ(result.error().offset, 100 + offset) << ::testing::PrintToString(data);
  EXPECT_EQ(in.offset(), 100U);
  EXPECT_EQ(in.size(), data.size());
}

TEST(Cbor, ReadsAndWritesTheUnsignedIntegersOfRfc8949AppendixA) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"00", 0},
                                                         {"01", 1},
                                                         {"0a", 10},
                                                         {"17", 23},
                                                         {"1818", 24},
                                                         {"1864", 100},
                                                         {"1903e8", 1000},
                                                         {"1a000f4240", 1000000},
                                                         {"18ff", 255},
                                                         {"190100", 256},
                                                         {"19ffff", 65535},
                                                         {"1a00010000", 65536},
                                                         {"1affffffff", UINT32_MAX},
                                                         {"1b0000000100000000", std::uint64_t{1} << 32U},
                                                         {"1b000000e8d4a51000", 1000000000000},
                                                         {"1bffffffffffffffff", UINT64_MAX}};
  for (const auto& [hex, value] : cases) {
    const Octets data = unhex(hex);
    Reader in(data);
    EXPECT_EQ(read_uint(in), value) << hex;
    EXPECT_TRUE(in.empty());
    EXPECT_EQ(written([&](Writer& out) { Encoder(out).uint(value); }), data);
  }
}

TEST(Cbor, ReadsAndWritesNegativeIntegers) {
  const std::pair<const char*, std::int64_t> cases[] = {{"20", -1},
                                                        {"29", -10},
                                                        {"3863", -100},
                                                        {"3903e7", -1000},
                                                        {"3822", -35},
                                                        {"01", 1},
                                                        {"3b7fffffffffffffff", INT64_MIN},
                                                        {"1b7fffffffffffffff", INT64_MAX}};
  for (const auto& [hex, value] : cases) {
    const Octets data = unhex(hex);
    Reader in(data);
    EXPECT_EQ(read_int(in), value) << hex;
    EXPECT_EQ(written([&](Writer& out) { Encoder(out).integer(value); }), data);
  }
  expect_refused(unhex("3b8000000000000000"), read_int, ErrorCode::too_long, 0);
  expect_refused(unhex("1b8000000000000000"), read_int, ErrorCode::too_long, 0);
}

TEST(Cbor, ReadsAndWritesStringsContainersAndSimpleValues) {
  const Octets data = unhex("8a 43010203 62c3bc 80 a0 a1616101 d818 41ff f5 f4 f6 00");
  const Octets octets = unhex("010203");
  const auto write = [&](Writer& out) {
    Encoder encoder(out);
    encoder.array(10);
    encoder.bstr(octets);
    encoder.tstr("\xc3\xbc");
    encoder.array(0);
    encoder.map(0);
    encoder.map(1);
    encoder.tstr("a");
    encoder.uint(1);
    encoder.tag(24);
    encoder.bstr(unhex("ff"));
    encoder.boolean(true);
    encoder.boolean(false);
    encoder.null();
    encoder.raw(unhex("00"));
  };
  EXPECT_EQ(written(write), data);
  Reader in(data);
  EXPECT_EQ(read_array(in), 10U);
  EXPECT_TRUE(equal(*read_bstr(in), octets));
  EXPECT_EQ(read_tstr(in), "\xc3\xbc");
  EXPECT_EQ(read_array(in), 0U);
  EXPECT_EQ(read_map(in), 0U);
  EXPECT_EQ(read_unique_map(in), 1U);
  EXPECT_EQ(read_tstr(in), "a");
  EXPECT_EQ(read_uint(in), 1U);
  EXPECT_EQ(peek(in), Major::tag);
  EXPECT_EQ(read_tag(in), 24U);
  EXPECT_EQ(read_bstr(in)->size(), 1U);
  EXPECT_EQ(read_bool(in), true);
  EXPECT_EQ(read_bool(in), false);
  EXPECT_TRUE(next_is_null(in));
  EXPECT_TRUE(read_null(in));
  EXPECT_EQ(read_uint(in), 0U);
  EXPECT_TRUE(in.finish());
  Reader whole(data);
  EXPECT_TRUE(equal(*skip(whole), data));
}

TEST(Cbor, RefusesWhatIsNotInItsShortestForm) {
  for (const char* hex : {"1800", "1817", "190000", "1900ff", "1a00000000", "1a0000ffff",
                          "1b0000000000000000", "1b00000000ffffffff"}) {
    expect_refused(unhex(hex), read_uint, ErrorCode::non_minimal, 0);
    expect_refused(unhex(hex), skip, ErrorCode::non_minimal, 0);
  }
  expect_refused(unhex("580100"), read_bstr, ErrorCode::non_minimal, 0);
  expect_refused(unhex("780161"), read_tstr, ErrorCode::non_minimal, 0);
  expect_refused(unhex("980100"), read_array, ErrorCode::non_minimal, 0);
  expect_refused(unhex("b8010000"), read_map, ErrorCode::non_minimal, 0);
  expect_refused(unhex("d81200"), read_tag, ErrorCode::non_minimal, 0);
  expect_refused(unhex("82 01 1817"), skip, ErrorCode::non_minimal, 2);
}

TEST(Cbor, RefusesIndefiniteLengths) {
  expect_refused(unhex("5f4100ff"), read_bstr, ErrorCode::indefinite_length, 0);
  expect_refused(unhex("7f6161ff"), read_tstr, ErrorCode::indefinite_length, 0);
  expect_refused(unhex("9fff"), read_array, ErrorCode::indefinite_length, 0);
  expect_refused(unhex("bfff"), read_map, ErrorCode::indefinite_length, 0);
  expect_refused(unhex("bf62726300ff"), read_unique_map, ErrorCode::indefinite_length, 0);
  expect_refused(unhex("81 9f00ff"), skip, ErrorCode::indefinite_length, 1);
  expect_refused(unhex("ff"), skip, ErrorCode::bad_value, 0);  // a break that ends nothing
}

TEST(Cbor, RefusesReservedAndUnassignedForms) {
  for (const char* hex : {"1c", "1d", "1e", "1f", "3f", "5c", "7d", "9e", "bc", "dc", "df", "fc", "fe"}) {
    expect_refused(unhex(hex), skip, ErrorCode::bad_value, 0);
  }
  expect_refused(unhex("f800"), skip, ErrorCode::bad_value, 0);
  expect_refused(unhex("f814"), read_bool, ErrorCode::bad_value, 0);  // false in two octets
  expect_refused(unhex("f816"), read_null, ErrorCode::bad_value, 0);
  expect_refused(unhex("f7"), read_null, ErrorCode::bad_value, 0);
  expect_refused(unhex("f6"), read_bool, ErrorCode::bad_value, 0);
  // Floating point and unassigned simple values are skipped, not read.
  for (const char* hex : {"f93c00", "fa47c35000", "fb3ff199999999999a", "f820", "f8ff", "f7", "e0"}) {
    const Octets data = unhex(hex);
    Reader in(data);
    EXPECT_TRUE(skip(in)) << hex;
    EXPECT_TRUE(in.empty()) << hex;
  }
}

TEST(Cbor, RefusesAnotherMajorType) {
  expect_refused(unhex("20"), read_uint, ErrorCode::bad_tag, 0);
  expect_refused(unhex("40"), read_int, ErrorCode::bad_tag, 0);
  expect_refused(unhex("60"), read_bstr, ErrorCode::bad_tag, 0);
  expect_refused(unhex("40"), read_tstr, ErrorCode::bad_tag, 0);
  expect_refused(unhex("a0"), read_array, ErrorCode::bad_tag, 0);
  expect_refused(unhex("80"), read_map, ErrorCode::bad_tag, 0);
  expect_refused(unhex("00"), read_tag, ErrorCode::bad_tag, 0);
  expect_refused(unhex("00"), read_bool, ErrorCode::bad_tag, 0);
  expect_refused(unhex("00"), read_null, ErrorCode::bad_tag, 0);
}

TEST(Cbor, RefusesHugeCountsAtOnce) {
  expect_refused(unhex("9bffffffffffffffff00"), read_array, ErrorCode::truncated, 9);
  expect_refused(unhex("bbffffffffffffffff00"), read_map, ErrorCode::truncated, 9);
  expect_refused(unhex("bb800000000000000000"), read_unique_map, ErrorCode::truncated, 9);
  expect_refused(unhex("5bffffffffffffffff00"), read_bstr, ErrorCode::truncated, 9);
  expect_refused(unhex("7a80000000"), read_tstr, ErrorCode::truncated, 5);
  expect_refused(unhex("820a"), read_array, ErrorCode::truncated, 1);
  expect_refused(unhex("9bffffffffffffffff00"), skip, ErrorCode::truncated, 9);
}

TEST(Cbor, RefusesTextThatIsNotUtf8) {
  const std::pair<const char*, std::uint32_t> cases[] = {
      {"6180", 1},     {"62c080", 1},     {"62c1bf", 1},     {"63e08080", 1},
      {"63eda080", 1}, {"64f0808080", 1}, {"64f4908080", 1}, {"64f5808080", 1},
      {"6261ff", 2},   {"6361c3 61", 2},  {"62c3 c3", 1}};
  for (const auto& [hex, offset] : cases) {
    expect_refused(unhex(hex), read_tstr, ErrorCode::bad_value, offset);
  }
  for (const char* hex : {"60", "62c3bc", "63e282ac", "64f0908080", "64f48fbfbf", "63ed9fbf", "63ee8080"}) {
    const Octets data = unhex(hex);
    Reader in(data);
    EXPECT_TRUE(read_tstr(in)) << hex;
  }
}

TEST(Cbor, RefusesAKeyThatOccursTwice) {
  expect_refused(unhex("a3 616101 616202 616103"), read_unique_map, ErrorCode::duplicate, 7);
  expect_refused(unhex("a2 0100 0100"), read_unique_map, ErrorCode::duplicate, 3);
  expect_refused(unhex("a2 810100 810100"), read_unique_map, ErrorCode::duplicate, 4);
  expect_refused(unhex("a2 01 9f 02 00"), read_unique_map, ErrorCode::indefinite_length, 2);
  Octets many = unhex("b821");
  for (std::uint8_t i = 0; i < 33; ++i) {
    if (i >= 24) many.push_back(0x18);
    many.push_back(i);
    many.push_back(0);
  }
  expect_refused(many, read_unique_map, ErrorCode::too_many, 0);
}

TEST(Cbor, LimitsNesting) {
  for (const std::uint8_t head : {std::uint8_t{0x81}, std::uint8_t{0xc1}}) {
    Octets data = repeated(head, kMaxDepth);
    data.push_back(0x00);
    Reader in(data);
    EXPECT_TRUE(skip(in));
    data.insert(data.begin(), head);
    expect_refused(data, skip, ErrorCode::too_deep, kMaxDepth);
  }
  Octets deep = repeated(0x81, 1000);
  deep.push_back(0x00);
  expect_refused(deep, skip, ErrorCode::too_deep, kMaxDepth);
  // A container that has ended no longer counts.
  Octets flat = unhex("98c8");
  for (int i = 0; i < 200; ++i) flat.insert(flat.end(), {0x81, 0x00});
  Reader in(flat);
  EXPECT_TRUE(skip(in));
}

TEST(Cbor, RefusesTruncationAtEveryLength) {
  const Octets data = unhex(
      "84 43a10126 a1044231 31 58 18 000102030405060708090a0b0c0d0e0f1011121314151617 "
      "1b0000000100000000");
  for (std::size_t size = 0; size < data.size(); ++size) {
    const Octets part(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    Reader in(part);
    const auto result = skip(in);
    ASSERT_FALSE(result.has_value()) << size;
    EXPECT_EQ(result.error().code, ErrorCode::truncated) << size;
    EXPECT_LE(result.error().offset, size);
    EXPECT_EQ(in.size(), size);
  }
}

/// Any value to a depth, as the encoder writes it.
void write_any(Encoder& out, int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 9 : 6)) {
    case 0:
      return out.uint(*rc::gen::arbitrary<std::uint64_t>());
    case 1:
      return out.integer(*rc::gen::arbitrary<std::int64_t>());
    case 2:
      return out.bstr(*rc::gen::arbitrary<Octets>());
    case 3:
      return out.tstr(*rc::gen::string<std::string>());
    case 4:
      return out.boolean(*rc::gen::arbitrary<bool>());
    case 5:
      return out.null();
    case 6: {
      const auto count = *rc::gen::inRange<std::size_t>(0, 5);
      out.array(count);
      for (std::size_t i = 0; i < count; ++i) write_any(out, depth - 1);
      return;
    }
    case 7: {
      const auto count = *rc::gen::inRange<std::size_t>(0, 4);
      out.map(count);
      for (std::size_t i = 0; i < 2 * count; ++i) write_any(out, depth - 1);
      return;
    }
    default:
      out.tag(*rc::gen::arbitrary<std::uint64_t>());
      return write_any(out, depth - 1);
  }
}

TEST(CborProperties, WhatTheEncoderWritesIsOneItem) {
  EXPECT_TRUE(rc::check([] {
    Octets buffer(1U << 20U);
    Writer out(buffer);
    Encoder encoder(out);
    write_any(encoder, 6);
    const Bytes data = *out.finish();
    Reader in(data);
    RC_ASSERT(skip(in).has_value());
    RC_ASSERT(in.empty());
    const auto cut = *rc::gen::inRange<std::size_t>(0, data.size());
    Reader part(data.first(cut));
    RC_ASSERT(skip(part).error().code == ErrorCode::truncated);
  }));
}

TEST(CborProperties, IntegersAndStringsRoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint64_t number, std::int64_t signed_number, const Octets& octets) {
    const Octets data = written([&](Writer& out) {
      Encoder encoder(out);
      encoder.uint(number);
      encoder.integer(signed_number);
      encoder.bstr(octets);
    });
    Reader in(data);
    RC_ASSERT(*read_uint(in) == number);
    RC_ASSERT(*read_int(in) == signed_number);
    RC_ASSERT(equal(*read_bstr(in), octets));
    RC_ASSERT(in.empty());
  }));
}

}  // namespace
}  // namespace pedigree::cbor
