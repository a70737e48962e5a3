// SPDX-License-Identifier: Apache-2.0
#include "core/bytes/bytes.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "core/bytes/error.h"
#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

namespace pedigree {
namespace {

TEST(Bytes, EqualSecretComparesContentAndLength) {
  const std::array<std::uint8_t, 3> a{1, 2, 3};
  const std::array<std::uint8_t, 3> b{1, 2, 4};
  EXPECT_TRUE(equal_secret(a, a));
  EXPECT_FALSE(equal_secret(a, b));
  EXPECT_FALSE(equal_secret(a, Bytes(a).first(2)));
  EXPECT_TRUE(equal_secret({}, {}));
}

TEST(Bytes, SecretArrayWipesItself) {
  struct Slot {
    alignas(SecretArray<16>) std::array<std::uint8_t, sizeof(SecretArray<16>)> octets{};
  };
  const auto slot = std::make_unique<Slot>();
  auto* secret = std::construct_at(reinterpret_cast<SecretArray<16>*>(slot->octets.data()));
  std::ranges::fill(secret->span(), std::uint8_t{0xaa});
  ASSERT_EQ(std::ranges::count(slot->octets, 0xaa), 16);
  std::destroy_at(secret);
  EXPECT_EQ(std::ranges::count(slot->octets, 0xaa), 0);
}

TEST(Reader, FailedReadLeavesTheReaderUntouched) {
  const std::array<std::uint8_t, 3> data{0x01, 0x02, 0x03};
  Reader in(data, 100);
  ASSERT_EQ(in.big_endian(2), 0x0102U);
  EXPECT_EQ(in.take(2).error(), (Error{ErrorCode::truncated, 102}));
  EXPECT_EQ(in.big_endian(8).error(), (Error{ErrorCode::truncated, 102}));
  EXPECT_EQ(in.size(), 1U);
  EXPECT_EQ(in.finish().error(), (Error{ErrorCode::trailing_data, 102}));
  EXPECT_EQ(in.u8(), 3);
  EXPECT_EQ(in.u8().error(), (Error{ErrorCode::truncated, 103}));
  EXPECT_EQ(in.peek().error(), (Error{ErrorCode::truncated, 103}));
  EXPECT_TRUE(in.finish());
}

TEST(Writer, CountsPastItsEndAndWritesNothingThere) {
  std::array<std::uint8_t, 4> buffer{9, 9, 9, 9};
  Writer out(MutableBytes(buffer).first(3));
  out.big_endian(0x0102, 2);
  const std::array<std::uint8_t, 2> more{3, 4};
  out.bytes(more);
  EXPECT_FALSE(out.fits());
  EXPECT_EQ(out.finish().error(), (Error{ErrorCode::buffer_too_small, 4}));
  EXPECT_EQ(buffer[3], 9);
  out.insert(1, more);
  out.u8(1);
  EXPECT_EQ(out.size(), 7U);
  EXPECT_EQ(buffer[3], 9);
}

TEST(Writer, InsertMovesWhatFollows) {
  std::array<std::uint8_t, 6> buffer{};
  Writer out(buffer);
  out.big_endian(0x01020304, 4);
  const std::array<std::uint8_t, 2> more{8, 9};
  out.insert(1, more);
  const std::array<std::uint8_t, 6> expected{1, 8, 9, 2, 3, 4};
  ASSERT_TRUE(out.finish());
  EXPECT_TRUE(equal(*out.finish(), expected));
}

TEST(Error, EveryCodeHasItsOwnNumberNameAndSentence) {
  std::set<unsigned> numbers;
  std::set<std::string_view> sentences;
#define PEDIGREE_CHECK(code, number, text)              \
  EXPECT_TRUE(numbers.insert(number).second) << number; \
  EXPECT_TRUE(sentences.insert(text).second) << text;   \
  EXPECT_EQ(name(ErrorCode::code), #code);              \
  EXPECT_EQ(sentence(ErrorCode::code), text);           \
  EXPECT_NE(std::string_view(text).back(), '.') << text;
  PEDIGREE_ERRORS(PEDIGREE_CHECK)
#undef PEDIGREE_CHECK
  EXPECT_EQ(name(static_cast<ErrorCode>(9999)), "unknown_error");
  EXPECT_FALSE(sentence(static_cast<ErrorCode>(9999)).empty());
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::bad_value, 7);
  return value / 2;
}

Result<int> quarter(int value) {
  PEDIGREE_ASSIGN(const int first, half(value));
  PEDIGREE_TRY(half(first));
  return half(first);
}

TEST(Error, MacrosPassTheErrorOn) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error(), (Error{ErrorCode::bad_value, 7}));
}

}  // namespace
}  // namespace pedigree
