// SPDX-License-Identifier: Apache-2.0
// What the functions of der.h do not show: cursors share the first error, and are inert after it.
#include "core/der/cursor.h"

#include <gtest/gtest.h>

#include "testing/support/octets.h"

namespace pedigree::der {
namespace {

using testing::unhex;

TEST(Cursor, TheFirstErrorStaysAndStopsEveryCursorOfTheValue) {
  const auto der = unhex("3006 020101 020102 0500");
  Error first;
  Cursor in(Reader(der), first);
  Cursor fields = in.open(kSequence);
  EXPECT_EQ(fields.u32(), 1U);
  EXPECT_EQ(fields.oid().size(), 0U);  // an INTEGER stands there
  EXPECT_EQ(first, (Error{ErrorCode::bad_tag, 5}));
  EXPECT_FALSE(in.ok());
  EXPECT_FALSE(in.more());
  EXPECT_FALSE(in.next_is(kNull));
  EXPECT_TRUE(in.any().whole.empty());
  EXPECT_EQ(fields.u32(), 0U);
  in.null();
  in.finish();
  in.fail(ErrorCode::too_deep, 9);
  EXPECT_EQ(first, (Error{ErrorCode::bad_tag, 5}));
}

TEST(Cursor, ReadsNothingOnceAnErrorWasThereBefore) {
  const auto der = unhex("0101ff");
  Error first{ErrorCode::too_long, 3};
  Cursor in(Reader(der), first);
  EXPECT_FALSE(in.boolean());
  EXPECT_FALSE(in.boolean_or_false());
  EXPECT_EQ(in.named_bits(), 0U);
  EXPECT_EQ(in.time(), 0);
  EXPECT_TRUE(in.open_only(kSequence).reader().empty());
  EXPECT_EQ(in.offset(), 0U);
  EXPECT_EQ(first, (Error{ErrorCode::too_long, 3}));
}

TEST(Cursor, ADefaultThatIsWrittenIsRefusedAtItsElement) {
  const auto der = unhex("0500 010100");
  Error first;
  Cursor in(Reader(der, 100), first);
  in.null();
  EXPECT_FALSE(in.boolean_or_false());
  EXPECT_EQ(first, (Error{ErrorCode::bad_value, 102}));
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
