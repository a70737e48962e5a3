// SPDX-License-Identifier: Apache-2.0
#include "core/der/der.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "testing/x509/make.h"

namespace pedigree::der {
namespace {

using pedigree::testing::element;
using pedigree::testing::Octets;
using pedigree::testing::unhex;

constexpr std::uint32_t kBase = 100;  // errors must count from the outermost input

struct BadCase {
  const char* hex;
  ErrorCode code;
  std::uint32_t offset;
};

// Every read_* leaves the reader as it was when it fails, and names what and where.
template <typename Read>
void expect_refused(Read read, std::initializer_list<BadCase> cases) {
  for (const BadCase& bad : cases) {
    SCOPED_TRACE(bad.hex);
    const Octets input = unhex(bad.hex);
    Reader in(input, kBase);
    const auto result = read(in);
    ASSERT_FALSE(result);
    EXPECT_EQ(name(result.error().code), name(bad.code));
    EXPECT_EQ(result.error().offset, kBase + bad.offset);
    EXPECT_EQ(in.offset(), kBase);
    EXPECT_EQ(in.size(), input.size());
  }
}

TEST(DerRead, RefusesBadHeaders) {
  expect_refused(read_any, {
                               {"", ErrorCode::truncated, 0},
                               {"30", ErrorCode::truncated, 0},
                               {"3001", ErrorCode::truncated, 0},
                               {"3081", ErrorCode::truncated, 0},
                               {"308180", ErrorCode::truncated, 0},
                               {"30820100", ErrorCode::truncated, 0},
                               {"3080 0000", ErrorCode::indefinite_length, 1},
                               {"308101 00", ErrorCode::non_minimal, 1},
                               {"30817f", ErrorCode::non_minimal, 1},
                               {"30820080", ErrorCode::non_minimal, 1},
                               {"3085 0000000001 00", ErrorCode::non_minimal, 1},
                               {"3085 0100000000", ErrorCode::too_long, 1},
                               {"3084 ffffffff 00", ErrorCode::truncated, 0},
                               {"30ff", ErrorCode::truncated, 0},
                               {"1f 0100", ErrorCode::bad_tag, 0},
                               {"bf8101 00", ErrorCode::bad_tag, 0},
                               {"0000", ErrorCode::bad_tag, 0},
                           });
}

TEST(DerRead, RefusesEveryTruncation) {
  const Octets whole = element(kSequence, Octets(300, 0));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader in(Bytes(whole).first(size), kBase);
    const auto result = read_any(in);
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error(), (Error{ErrorCode::truncated, kBase}));
  }
}

TEST(DerRead, ReturnsContentAndWholeAndWhereTheyAre) {
  const Octets input = unhex("3003 020105 ff");
  Reader in(input, kBase);
  const auto sequence = read(in, kSequence);
  ASSERT_TRUE(sequence);
  EXPECT_EQ(sequence->content.data(), input.data() + 2);
  EXPECT_EQ(sequence->content.size(), 3U);
  EXPECT_EQ(sequence->whole.size(), 5U);
  EXPECT_EQ(sequence->content_offset, kBase + 2);
  EXPECT_EQ(in.offset(), kBase + 5);
  EXPECT_EQ(in.finish().error(), (Error{ErrorCode::trailing_data, kBase + 5}));
}

TEST(DerRead, RefusesAnotherTag) {
  expect_refused([](Reader& in) { return read(in, kSequence); }, {{"3100", ErrorCode::bad_tag, 0}});
}

TEST(DerRead, RefusesBadValues) {
  expect_refused(read_boolean, {{"0100", ErrorCode::bad_value, 2},
                                {"010101", ErrorCode::bad_value, 2},
                                {"01020000", ErrorCode::bad_value, 2},
                                {"020101", ErrorCode::bad_tag, 0}});
  expect_refused(read_unsigned, {{"0200", ErrorCode::bad_value, 2},
                                 {"0201ff", ErrorCode::negative_number, 2},
                                 {"02020001", ErrorCode::non_minimal, 2},
                                 {"0202ffff", ErrorCode::negative_number, 2},
                                 {"030101", ErrorCode::bad_tag, 0}});
  expect_refused(read_u32,
                 {{"0205 0100000000", ErrorCode::too_long, 2}, {"020180", ErrorCode::negative_number, 2}});
  expect_refused(read_oid, {{"0600", ErrorCode::bad_value, 2},
                            {"060185", ErrorCode::bad_value, 2},
                            {"06022a86", ErrorCode::bad_value, 2},
                            {"06028001", ErrorCode::non_minimal, 2},
                            {"06032a8001", ErrorCode::non_minimal, 2}});
  expect_refused(read_bit_string_octets,
                 {{"0300", ErrorCode::bad_value, 2}, {"03020180", ErrorCode::bad_value, 2}});
  expect_refused(read_named_bits, {{"0300", ErrorCode::bad_value, 2},
                                   {"030108", ErrorCode::bad_value, 2},
                                   {"030101", ErrorCode::bad_value, 2},
                                   {"03020080", ErrorCode::non_minimal, 2},
                                   {"03020781", ErrorCode::bad_value, 2},
                                   {"03020700", ErrorCode::non_minimal, 2},
                                   {"0304 00 000001", ErrorCode::too_long, 2}});
  expect_refused(read_null, {{"050100", ErrorCode::bad_value, 2}, {"0401ff", ErrorCode::bad_tag, 0}});
}

TEST(DerRead, ReadsValues) {
  const Octets input =
      unhex("0101ff 0202 00ff 0204 7fffffff 0603 2a8648 0303 00 abcd 0302 05a0 0303 0780 80 030100 0500");
  Reader in(input);
  EXPECT_EQ(read_boolean(in), true);
  const auto number = read_unsigned(in);
  ASSERT_TRUE(number);
  EXPECT_TRUE(equal(*number, unhex("ff")));
  EXPECT_EQ(read_u32(in), 0x7fffffffU);
  EXPECT_TRUE(equal(read_oid(in).value(), unhex("2a8648")));
  EXPECT_TRUE(equal(read_bit_string_octets(in).value(), unhex("abcd")));
  EXPECT_EQ(read_named_bits(in), 0b101U);
  EXPECT_EQ(read_named_bits(in), 0x101U);
  EXPECT_EQ(read_named_bits(in), 0U);
  EXPECT_TRUE(read_null(in));
  EXPECT_TRUE(in.finish());
}

Octets nested(std::size_t depth) {
  Octets out = unhex("0500");
  for (std::size_t i = 1; i < depth; ++i) out = element(kSequence, out);
  return out;
}

TEST(DerNesting, IsWalkedToTheLimitAndNoFurther) {
  EXPECT_TRUE(check_nesting({}));
  EXPECT_TRUE(check_nesting(nested(32)));
  EXPECT_EQ(check_nesting(nested(4), kBase, 3).error(), (Error{ErrorCode::too_deep, kBase + 6}));
  const Octets deep = nested(1000);
  const auto refused = check_nesting(deep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_deep);
  // The header of the thirty-third element: each of the outer ones has four octets.
  EXPECT_EQ(refused.error().offset, 32U * 4);
}

TEST(DerNesting, FindsErrorsInside) {
  EXPECT_EQ(check_nesting(unhex("3004 0500 0501"), kBase).error(), (Error{ErrorCode::truncated, kBase + 4}));
  EXPECT_EQ(check_nesting(unhex("3004 3003 050000")).error(), (Error{ErrorCode::truncated, 2}));
  EXPECT_EQ(check_nesting(unhex("3003 308000")).error(), (Error{ErrorCode::indefinite_length, 3}));
  EXPECT_EQ(check_nesting(unhex("0500 3003 020100 05")).error(), (Error{ErrorCode::truncated, 7}));
}

Octets time_element(Tag tag, std::string_view text) {
  return element(tag, as_bytes(text));
}

TEST(DerTime, ReadsAndWritesTheSame) {
  struct Case {
    Tag tag;
    const char* text;
    UnixTime seconds;
    const char* printed;
  };
  const Case cases[] = {
      {kUtcTime, "700101000000Z", 0, "1970-01-01T00:00:00Z"},
      {kUtcTime, "500101000000Z", -631152000, "1950-01-01T00:00:00Z"},
      {kUtcTime, "691231235959Z", -1, "1969-12-31T23:59:59Z"},
      {kUtcTime, "000229120000Z", 951825600, "2000-02-29T12:00:00Z"},
      {kUtcTime, "491231235959Z", 2524607999, "2049-12-31T23:59:59Z"},
      {kGeneralizedTime, "20500101000000Z", 2524608000, "2050-01-01T00:00:00Z"},
      {kGeneralizedTime, "19491231235959Z", -631152001, "1949-12-31T23:59:59Z"},
      {kGeneralizedTime, "00000101000000Z", -62167219200, "0000-01-01T00:00:00Z"},
      {kGeneralizedTime, "99991231235959Z", kNoWellDefinedExpiration, "9999-12-31T23:59:59Z"},
  };
  for (const Case& good : cases) {
    SCOPED_TRACE(good.text);
    const Octets input = time_element(good.tag, good.text);
    Reader in(input);
    EXPECT_EQ(read_time(in), good.seconds);
    std::array<std::uint8_t, 40> buffer{};
    Writer out(buffer);
    Builder(out).time(good.seconds);
    EXPECT_TRUE(equal(out.written(), input));
    Writer text(buffer);
    print_time(good.seconds, text);
    EXPECT_EQ(as_text(text.written()), good.printed);
  }
}

TEST(DerTime, RoundTripsEveryDayOfFourHundredYears) {
  constexpr UnixTime kYear1900 = -2208988800;
  for (UnixTime when = kYear1900 + 86399; when < kYear1900 + 146097 * 86400LL; when += 86400) {
    std::array<std::uint8_t, 20> buffer{};
    Writer out(buffer);
    Builder(out).time(when);
    Reader in(out.written());
    ASSERT_EQ(read_time(in), when);
  }
}

TEST(DerTime, WritesTheNearestItCan) {
  for (const UnixTime when : {std::numeric_limits<UnixTime>::min(), std::numeric_limits<UnixTime>::max()}) {
    std::array<std::uint8_t, 20> buffer{};
    Writer out(buffer);
    Builder(out).time(when);
    Reader in(out.written());
    EXPECT_EQ(read_time(in), when < 0 ? -62167219200 : kNoWellDefinedExpiration);
  }
}

TEST(DerTime, RefusesWhatRfc5280Refuses) {
  const std::pair<Tag, const char*> cases[] = {
      {kUtcTime, "7001010000Z"},              // no seconds
      {kUtcTime, "700101000000+0000"},        // an offset
      {kUtcTime, "700101000000z"},            //
      {kUtcTime, "700001000000Z"},            // month 0
      {kUtcTime, "701301000000Z"},            //
      {kUtcTime, "700100000000Z"},            //
      {kUtcTime, "010229000000Z"},            // 2001 is no leap year
      {kUtcTime, "700431000000Z"},            //
      {kUtcTime, "700101240000Z"},            //
      {kUtcTime, "700101006000Z"},            //
      {kUtcTime, "700101000060Z"},            // a leap second
      {kUtcTime, "7001010000 0Z"},            //
      {kUtcTime, "7a0101000000Z"},            //
      {kGeneralizedTime, "20491231235959Z"},  // must be UTCTime
      {kGeneralizedTime, "19500101000000Z"},  //
      {kGeneralizedTime, "205001010000Z"},    //
      {kGeneralizedTime, "20500101000000.0Z"},
      {kGeneralizedTime, "21000229000000Z"},
      {kIa5String, "700101000000Z"},
  };
  for (const auto& [tag, text] : cases) {
    SCOPED_TRACE(text);
    const Octets input = time_element(tag, text);
    Reader in(input, kBase);
    EXPECT_EQ(read_time(in).error(), (Error{ErrorCode::bad_time, kBase}));
    EXPECT_EQ(in.size(), input.size());
  }
}

TEST(DerBuilder, RoundTripsLengthsAroundTheirForms) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const Octets content(size, 0x42);
    const Octets whole = element(kOctetString, content);
    Reader in(whole);
    const auto read_back = read(in, kOctetString);
    ASSERT_TRUE(read_back) << size;
    EXPECT_EQ(read_back->content.size(), size);
    EXPECT_TRUE(in.empty());
  }
}

Octets build(void (*write)(Builder&)) {
  Octets buffer(200);
  Writer out(buffer);
  Builder builder(out);
  write(builder);
  buffer.resize(out.size());
  return buffer;
}

TEST(DerBuilder, WritesTheShortestForms) {
  EXPECT_EQ(build([](Builder& out) { out.unsigned_integer(unhex("0000 80")); }), unhex("0202 0080"));
  EXPECT_EQ(build([](Builder& out) { out.unsigned_integer({}); }), unhex("020100"));
  EXPECT_EQ(build([](Builder& out) { out.integer(0); }), unhex("020100"));
  EXPECT_EQ(build([](Builder& out) { out.integer(0xffffffff); }), unhex("0205 00ffffffff"));
  EXPECT_EQ(build([](Builder& out) { out.named_bits(0); }), unhex("030100"));
  EXPECT_EQ(build([](Builder& out) { out.named_bits(0b100001); }), unhex("0302 0284"));
  EXPECT_EQ(build([](Builder& out) { out.named_bits(0x100); }), unhex("0303 070080"));
  EXPECT_EQ(build([](Builder& out) { out.bit_string(unhex("ab")); }), unhex("0302 00ab"));
  EXPECT_EQ(build([](Builder& out) { out.boolean(false); }), unhex("010100"));
}

TEST(DerBuilder, CountsPastTheEnd) {
  std::array<std::uint8_t, 4> small{};
  Writer out(small);
  Builder builder(out);
  const std::size_t outer = builder.open(kSequence);
  builder.element(kOctetString, Octets(200, 1));
  builder.close(outer);
  EXPECT_EQ(out.finish().error(), (Error{ErrorCode::buffer_too_small, 3 + 203}));
}

TEST(DerEcdsa, ConvertsBothWays) {
  std::array<std::uint8_t, 64> raw{};
  const Octets der = unhex("3007 0202 00ff 0201 05");
  const auto converted = ecdsa_to_raw(der, 32, raw);
  ASSERT_TRUE(converted);
  EXPECT_EQ((*converted)[31], 0xff);
  EXPECT_EQ((*converted)[63], 5);
  std::array<std::uint8_t, 80> buffer{};
  Writer out(buffer);
  Builder builder(out);
  ecdsa_from_raw(*converted, builder);
  EXPECT_TRUE(equal(out.written(), der));
}

TEST(DerEcdsa, RefusesBadForms) {
  std::array<std::uint8_t, 64> raw{};
  const std::pair<Octets, Error> cases[] = {
      {unhex("3006 0201ff 020105"), {ErrorCode::negative_number, 4}},
      {unhex("3007 0202 0001 020105"), {ErrorCode::non_minimal, 4}},
      {unhex("3006 020101 020105 00"), {ErrorCode::trailing_data, 8}},
      {unhex("3008 020101 020105 0500"), {ErrorCode::trailing_data, 8}},
      {unhex("3003 020101"), {ErrorCode::truncated, 5}},
      {unhex("3006 020100 020105"), {ErrorCode::bad_value, 2}},
      {unhex("3006 020101 020100"), {ErrorCode::bad_value, 5}},
      {unhex("3080 020101 020105 0000"), {ErrorCode::indefinite_length, 1}},
      {unhex("308106 020101 020105"), {ErrorCode::non_minimal, 1}},
      {testing::sequence({element(kInteger, Octets(33, 1)), unhex("020101")}), {ErrorCode::too_long, 2}},
  };
  for (const auto& [der, error] : cases) EXPECT_EQ(ecdsa_to_raw(der, 32, raw).error(), error);
  EXPECT_EQ(ecdsa_to_raw(unhex("3006 020101 020105"), 32, MutableBytes(raw).first(63)).error().code,
            ErrorCode::buffer_too_small);
}

}  // namespace
}  // namespace pedigree::der
