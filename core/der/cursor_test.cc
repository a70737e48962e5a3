// SPDX-License-Identifier: Apache-2.0
// What the functions of der.h do not show: a cursor remembers the first error and is inert after it, and is
// inside of one element at a time.
#include "core/der/cursor.h"

#include <gtest/gtest.h>

#include "testing/support/octets.h"

namespace pedigree::der {
namespace {

using testing::unhex;

TEST(Cursor, TheFirstErrorStaysAndNothingIsReadAfterIt) {
  const auto der = unhex("3006 020101 020102 0500");
  Cursor in{Bytes(der)};
  {
    const Inside fields(in, kSequence);
    EXPECT_EQ(in.u32(), 1U);
    in.oid();  // an INTEGER stands there
    EXPECT_TRUE(in.content().empty());
    EXPECT_EQ(in.error(), (Error{ErrorCode::bad_tag, 5}));
    EXPECT_FALSE(in.ok());
    EXPECT_FALSE(in.more());
    EXPECT_FALSE(in.next_is(kInteger));
    EXPECT_EQ(in.u32(), 0U);
  }
  EXPECT_FALSE(in.more());
  EXPECT_FALSE(in.next_is(kNull));
  EXPECT_FALSE(in.skip_if(kNull));
  in.any();
  EXPECT_TRUE(in.whole().empty());
  EXPECT_EQ(in.tag(), 0);
  in.null();
  in.require_more(ErrorCode::bad_name);
  in.finish();
  in.refuse(ErrorCode::too_deep);
  EXPECT_EQ(in.error(), (Error{ErrorCode::bad_tag, 5}));
}

TEST(Cursor, EveryKindOfReadIsEmptyAfterAnError) {
  const auto der = unhex("0101ff");
  Cursor in{Bytes(der)};
  in.fail(ErrorCode::too_long, in.at());
  EXPECT_FALSE(in.boolean());
  EXPECT_FALSE(in.boolean_or_false());
  EXPECT_EQ(in.named_bits(), 0U);
  EXPECT_EQ(in.time(), 0);
  EXPECT_EQ(in.generalized_time(), 0);
  in.bit_string_octets();
  EXPECT_TRUE(in.content().empty());
  in.unsigned_integer();
  EXPECT_TRUE(in.content().empty());
  in.nested(8);
  Bytes whole;
  {
    const Inside sequence(in, kSequence, whole);
    EXPECT_FALSE(in.more());
    EXPECT_TRUE(whole.empty());
    const Inside again(in);
    EXPECT_TRUE(in.rest().empty());
  }
  EXPECT_EQ(in.error(), (Error{ErrorCode::too_long, 0}));
}

TEST(Cursor, IsInsideAnElementUntilItsEnd) {
  const auto der = unhex("3008 3003 020107 0101ff 0500");
  Cursor in{Reader(der, 100)};
  {
    Bytes whole;
    const Inside outer(in, kSequence, whole);
    EXPECT_TRUE(equal(whole, Bytes(der).first(10)));
    EXPECT_EQ(in.content().size(), 8U);
    {
      const Inside inner(in, kSequence);
      EXPECT_EQ(in.u32(), 7U);
      EXPECT_FALSE(in.more());
    }
    EXPECT_TRUE(in.boolean());
  }
  in.null();
  in.finish();
  EXPECT_TRUE(in.ok());
}

TEST(Cursor, WhatIsLeftInsideIsTrailingData) {
  const auto der = unhex("3006 020101 020102 0500");
  Cursor in{Bytes(der)};
  {
    const Inside outer(in, kSequence);
    in.u32();
  }
  EXPECT_EQ(in.error(), (Error{ErrorCode::trailing_data, 5}));
  Cursor again{Bytes(der)};
  {
    const Inside outer(again, kSequence);
    again.skip_rest();
  }
  again.null();
  EXPECT_TRUE(again.ok());
}

TEST(Cursor, LooksBackAtWhatWasRead) {
  const auto der = unhex("020101 020102");
  Cursor in{Bytes(der)};
  const std::uint8_t* const first = in.at();
  EXPECT_EQ(in.u32(), 1U);
  Cursor earlier{Bytes(first, in.at())};
  EXPECT_EQ(earlier.u32(), 1U);
  EXPECT_FALSE(earlier.more());
  EXPECT_EQ(in.u32(), 2U);
}

TEST(Cursor, ADefaultThatIsWrittenIsRefusedAtItsElement) {
  const auto der = unhex("0500 010100");
  Cursor in{Reader(der, 100)};
  in.null();
  EXPECT_FALSE(in.boolean_or_false());
  EXPECT_EQ(in.error(), (Error{ErrorCode::bad_value, 102}));
}

TEST(Cursor, ABitStringSaysHowManyOfItsBitsAreUnused) {
  const auto der = unhex("810206c0");
  Cursor in{Bytes(der)};
  EXPECT_EQ(in.bit_string(context(1), 7), 6U);
  EXPECT_TRUE(equal(in.content(), unhex("c0")));
  Cursor strict{Bytes(der)};
  EXPECT_EQ(strict.bit_string(context(1), 0), 0U);
  EXPECT_EQ(strict.error(), (Error{ErrorCode::bad_value, 2}));
}

TEST(Cursor, GeneralizedTimeHasAnyYear) {
  const auto read = [](std::string_view text) {
    testing::Octets der = {kGeneralizedTime, static_cast<std::uint8_t>(text.size())};
    der.insert(der.end(), text.begin(), text.end());
    Reader in(der);
    return read_with_cursor(in, [](Cursor& cursor) { return cursor.generalized_time(); });
  };
  EXPECT_EQ(read("20260101000000Z"), 1767225600);
  EXPECT_EQ(read("20500101000000Z"), 2524608000);
  EXPECT_EQ(read("20260101000000.5Z").error(), (Error{ErrorCode::bad_time, 0}));
  EXPECT_EQ(read("20261301000000Z").error(), (Error{ErrorCode::bad_time, 0}));
  const auto utc = unhex("170d 3236303130313030303030305a");
  Reader in(utc);
  EXPECT_EQ(read_with_cursor(in, [](Cursor& cursor) { return cursor.generalized_time(); }).error(),
            (Error{ErrorCode::bad_tag, 0}));
}

TEST(Cursor, AReaderMovesOnOnlyWhereNothingFailed) {
  const auto der = unhex("020101 020102");
  Reader in(der);
  EXPECT_EQ(read_with_cursor(in, [](Cursor& cursor) { return cursor.u32() + cursor.u32(); }), 3U);
  EXPECT_TRUE(in.empty());
  in = Reader(der);
  const auto failed = read_with_cursor(in, [](Cursor& cursor) {
    cursor.u32();
    cursor.null();
  });
  EXPECT_EQ(failed.error(), (Error{ErrorCode::bad_tag, 3}));
  EXPECT_EQ(in.offset(), 0U);
}

}  // namespace
}  // namespace pedigree::der
