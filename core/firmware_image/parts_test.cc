// SPDX-License-Identifier: Apache-2.0
// Header, areas, limits and statements as octets. Whole images: testing/images.
#include <gtest/gtest.h>

#include "core/firmware_image/statement.h"
#include "core/firmware_image/verify.h"
#include "testing/support/support.h"

namespace pedigree::image {
namespace {

using testing::Octets;
using testing::unhex;

/// magic, load address, header size, protected size, payload size, flags, version 1.2.3+4, padding.
Octets header(std::string_view sizes = "2000 0000 04000000", std::string_view flags = "00000000") {
  return unhex("3db8f396 00000010" + std::string(sizes) + std::string(flags) +
               "01 02 0300 04000000 00000000");
}

Octets joined(std::initializer_list<Octets> parts) {
  Octets out;
  for (const Octets& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

std::string outcome(const Octets& image) {
  const MemorySource source(image);
  const auto layout = read_layout(source);
  if (!layout) return std::string(name(layout.error().code)) + " " + std::to_string(layout.error().offset);
  std::string out;
  TlvReader reader(source, *layout);
  while (true) {
    const auto tlv = reader.next();
    if (!tlv) return out + std::string(name(tlv.error().code)) + " " + std::to_string(tlv.error().offset);
    if (!*tlv) return out + "end " + std::to_string(layout->end);
    out += std::to_string(static_cast<unsigned>((*tlv)->type)) + ((*tlv)->is_protected ? "p" : "") + " ";
  }
}

TEST(Header, RoundTrips) {
  const Octets octets = header();
  const auto read = parse_header(std::span<const std::uint8_t, kHeaderSize>(octets));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->load_address, 0x10000000U);
  EXPECT_EQ(read->version, (Version{1, 2, 3, 4}));
  Octets again(kHeaderSize);
  Writer out(again);
  write_header(*read, out);
  EXPECT_EQ(again, octets);
}

TEST(Layout, ReadsAreas) {
  const Octets code = unhex("01020304");
  EXPECT_EQ(outcome(joined({header(), code, unhex("0769 0400")})), "end 40");
  EXPECT_EQ(outcome(joined({header(), code, unhex("0769 0a00 1000 0200 abcd ffff")})), "16 end 46");
  const Octets two = header("2000 0a00 04000000");
  EXPECT_EQ(outcome(joined({two, code, unhex("0869 0a00 5000 0200 abcd 0769 0800 0100 0000")})),
            "80p 1 end 54");
}

TEST(Layout, RefusesWhatDoesNotFit) {
  const Octets code = unhex("01020304");
  const Octets two = header("2000 0a00 04000000");
  const auto with = [&](const Octets& head, std::string_view areas) {
    return outcome(joined({head, code, unhex(areas)}));
  };
  EXPECT_EQ(outcome(Octets(31)), "bad_image 0");
  EXPECT_EQ(with(unhex("3cb8f396" + std::string(56, '0')), "0769 0400"), "bad_image 0") << "version 1 magic";
  EXPECT_EQ(with(header("1f00 0000 04000000"), "0769 0400"), "bad_image 8");
  EXPECT_EQ(with(header("2000 0000 e0ffffff"), "0769 0400"), "bad_image 12") << "over 32 bits";
  EXPECT_EQ(with(header("2000 0000 dfffffff"), "0769 0400"), "bad_image 4294967295") << "beyond the source";
  for (const char* flags : {"04000000", "08000000", "00020000", "00040000", "00080000"}) {
    EXPECT_EQ(with(header("2000 0000 04000000", flags), "0769 0400"), "image_transformed 16");
  }
  EXPECT_EQ(with(header(), "0769 0300"), "bad_image 36");
  EXPECT_EQ(with(header(), "0769 0500"), "bad_image 36") << "beyond the source";
  EXPECT_EQ(with(header(), "0869 0400"), "bad_image 36") << "protected, and the header says none";
  EXPECT_EQ(with(two, "0769 0a00 5000 0200 abcd 0769 0400"), "bad_image 36");
  EXPECT_EQ(with(two, "0869 0b00 5000 0200 abcd 0769 0400"), "bad_image 36")
      << "another size than the header's";
  EXPECT_EQ(with(two, "0869 0a00 5000 0200 abcd 0869 0400"), "bad_image 46");
  EXPECT_EQ(with(two, "0869 0a00 5000 0300 abcd 0769 0400"), "bad_tlv 40") << "runs into the next area";
  EXPECT_EQ(with(header(), "0769 0900 1000 0200 ab cd"), "bad_tlv 40");
  EXPECT_EQ(with(header(), "0769 0600 1000"), "bad_tlv 40") << "half a head";
}

TEST(FirmwareLimits, RoundTripAndRefuse) {
  const Uuid ids[] = {{1}, {2}};
  Octets octets(256);
  Writer out(octets);
  der::Builder builder(out);
  write_limits(ids, {}, Version{1, 0, 0, 0}, Version{2, 255, 65535, 7}, builder);
  octets.resize(out.size());
  const auto limits = parse_limits(octets);
  ASSERT_TRUE(limits);
  EXPECT_TRUE(limits->classes.empty());
  EXPECT_EQ(limits->maximum, (Version{2, 255, 65535, 7}));
  std::size_t count = 0;
  for_each_id(limits->vendors, [&](Bytes id) { count += equal(id, ids[count]) ? 1U : 0U; });
  EXPECT_EQ(count, 2U);
  const auto code = [](std::string_view hex) { return parse_limits(unhex(hex)).error(); };
  EXPECT_TRUE(parse_limits(unhex("3000")));
  EXPECT_EQ(code("3002 a000"), (Error{ErrorCode::bad_extension, 2})) << "an empty list would allow nothing";
  EXPECT_EQ(code("3005 a003 040101"), (Error{ErrorCode::bad_extension, 4}));
  EXPECT_EQ(code("3009 8207 01020304050607"), (Error{ErrorCode::bad_extension, 2}));
  EXPECT_EQ(code("3003 840101"), (Error{ErrorCode::trailing_data, 2}));
  EXPECT_EQ(code("3000 00").code, ErrorCode::trailing_data);
}

TEST(StatementPayload, RoundTripsAndRefuses) {
  const Octets digest(48, 7);
  const Sha256 parent{9};
  Statement statement;
  statement.name = "base";
  statement.product = {{1, 2, 3, 4}, Uuid{1}, Uuid{2}};
  statement.digest = digest;
  statement.parents[statement.parent_count++] = parent;
  Octets octets(512);
  Writer out(octets);
  write_statement(statement, out);
  octets.resize(out.size());
  const auto read = parse_statement(octets);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "base");
  EXPECT_EQ(read->product.version, statement.product.version);
  EXPECT_EQ(read->product.class_id, statement.product.class_id);
  EXPECT_TRUE(equal(read->parents[0], parent));
  const std::string good = "01 6161 02 84 01020304 03 5820" + std::string(64, '0');
  EXPECT_TRUE(parse_statement(unhex("a3" + good)));
  const auto refused = [](const std::string& hex) {
    const auto parsed = parse_statement(unhex(hex));
    return !parsed && parsed.error().code == ErrorCode::lineage_refused;
  };
  EXPECT_TRUE(refused("a3" + good + "00")) << "more after it";
  EXPECT_TRUE(refused("a2 01 6161 02 84 01020304")) << "no digest";
  EXPECT_TRUE(refused("a4" + good + "04 80")) << "no parents, and says so";
  EXPECT_TRUE(refused("a4" + good + "07 00")) << "an unknown key";
  EXPECT_TRUE(refused("a4" + good + "01 6161")) << "a key twice";
  EXPECT_TRUE(refused("a3 01 60 02 84 01020304 03 5820" + std::string(64, '0'))) << "no name";
  EXPECT_TRUE(refused("a3 01 6161 02 83 010203 03 5820" + std::string(64, '0')));
  EXPECT_TRUE(refused("a3 01 6161 02 84 190100020304 03 5820" + std::string(64, '0'))) << "major over 255";
  EXPECT_TRUE(refused("a3 01 6161 02 84 01020304 03 41 00"));
}

}  // namespace
}  // namespace pedigree::image
