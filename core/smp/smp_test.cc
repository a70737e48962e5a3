// SPDX-License-Identifier: Apache-2.0
#include "core/smp/smp.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "testing/support/octets.h"

namespace pedigree::smp {
namespace {

using testing::Octets;
using testing::outcome;
using testing::unhex;
using testing::written;

TEST(Smp, ReadsAndWritesTheHeaderOfBothVersions) {
  const Header header{Operation::write, Version::v2, 0, 0x0102, kPedigreeGroup, 7, 4};
  const Octets data = unhex("0a00010200500704");
  EXPECT_EQ(written([&](Writer& out) { write_header(header, out); }), data);
  Reader in(data);
  EXPECT_EQ(read_header(in), header);
  EXPECT_TRUE(in.empty());
  const Octets old = unhex("0000000000000000");
  Reader old_in(old);
  EXPECT_EQ(read_header(old_in), (Header{Operation::read, Version::v1, 0, 0, 0, 0, 0}));
}

TEST(Smp, RefusesBadHeaders) {
  for (const char* hex : {"0400000000000000", "0700000000000000", "1000000000000000", "1a00000000000000",
                          "2a00000000000000", "8a00000000000000", "ff00000000000000"}) {
    const Octets data = unhex(hex);
    Reader in(data, 5);
    EXPECT_EQ(read_header(in).error(), (Error{ErrorCode::bad_header, 5})) << hex;
    EXPECT_EQ(in.size(), 8U);
  }
}

TEST(Smp, RefusesTruncatedAndOversizedPackets) {
  const Octets packet = written([](Writer& out) {
    write_packet({Operation::read, Version::v2, 0, 99, kOsGroup, 1, 0}, unhex("a16164626869"), out);
  });
  ASSERT_EQ(packet.size(), 14U);
  const auto parsed = parse_packet(packet);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->header.length, 6);
  EXPECT_TRUE(equal(parsed->payload, unhex("a16164626869")));
  for (std::size_t size = 0; size < packet.size(); ++size) {
    // An exact copy, so that AddressSanitizer sees a read past the end.
    const Octets cut(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(outcome(parse_packet(cut)), size < 8 ? "truncated at 0" : "truncated at 8") << size;
  }
  Octets longer = packet;
  longer.push_back(0);
  EXPECT_EQ(parse_packet(longer).error(), (Error{ErrorCode::trailing_data, 14}));
}

TEST(Smp, StatusInBothForms) {
  const auto status = [](const char* hex) { return read_status(unhex(hex)).value(); };
  EXPECT_TRUE(status("a0").ok());
  EXPECT_TRUE(status("a1627263 00").ok());
  EXPECT_EQ(status("a1627263 08").rc, 8);
  EXPECT_FALSE(status("a1627263 08").from_group);
  const Status group = status("a1 63657272 a2 6567726f7570 1850 627263 187b");
  EXPECT_TRUE(group.from_group);
  EXPECT_EQ(group.group, kPedigreeGroup);
  EXPECT_EQ(group.rc, static_cast<std::uint16_t>(ErrorCode::wrong_state));
  // Either order, and among other fields.
  EXPECT_EQ(status("a3 636f666605 63657272 a3 617881 01 627263 02 6567726f7570 01 6178 80").rc, 2);
}

TEST(Smp, RefusesBadStatus) {
  const auto error = [](const char* hex) { return outcome(read_status(unhex(hex))); };
  EXPECT_EQ(error(""), "truncated at 0");
  EXPECT_EQ(error("80"), "bad_tag at 0");
  EXPECT_EQ(error("bf627263 00ff"), "indefinite_length at 0");
  EXPECT_EQ(error("a1627263 1800"), "non_minimal at 4");
  EXPECT_EQ(error("a1627263 1a00010000"), "bad_value at 4");
  EXPECT_EQ(error("a1627263 20"), "bad_tag at 4");
  EXPECT_EQ(error("a2627263 00 627263 01"), "duplicate at 5");
  EXPECT_EQ(error("a1 63657272 a1 627263 01"), "missing_field at 5");
  EXPECT_EQ(error("a1 63657272 a1 6567726f7570 01"), "missing_field at 5");
  EXPECT_EQ(error("a1 63657272 01"), "bad_tag at 5");
  EXPECT_EQ(error("a000"), "trailing_data at 1");
  EXPECT_EQ(error("a10100"), "bad_tag at 1");  // keys are text
}

TEST(Smp, RefusesStatusNestedTooDeepOrCutShort) {
  Octets deep = unhex("a1 6178");
  deep.insert(deep.end(), 1000, 0x81);
  deep.push_back(0);
  EXPECT_EQ(outcome(read_status(deep)), "too_deep at " + std::to_string(3 + cbor::kMaxDepth));
  EXPECT_EQ(outcome(read_status(unhex("bbffffffffffffffff00"))), "truncated at 9");
  EXPECT_EQ(outcome(read_status(unhex("a1 7f627263ff 00"))), "indefinite_length at 1");
  EXPECT_EQ(outcome(read_status(unhex("a1 627263 5bffffffffffffffff"))), "truncated at 13");
  const Octets status = unhex("a1 63657272 a2 6567726f7570 1850 627263 187b");
  for (std::size_t size = 0; size < status.size(); ++size) {
    const Octets cut(status.begin(), status.begin() + static_cast<std::ptrdiff_t>(size));
    const auto refused = read_status(cut);
    ASSERT_FALSE(refused) << size;
    EXPECT_EQ(refused.error().code, ErrorCode::truncated) << size;
    EXPECT_LE(refused.error().offset, size);
  }
}

TEST(Smp, ErrorsRoundTripAndHaveAnOldForm) {
#define PEDIGREE_CHECK(code, number, text)                                                        \
  {                                                                                               \
    const auto v2 = written([](Writer& out) { write_error(Version::v2, ErrorCode::code, out); }); \
    EXPECT_EQ(read_status(v2)->rc, number);                                                       \
    EXPECT_EQ(read_status(v2)->group, kPedigreeGroup);                                            \
    const auto v1 = written([](Writer& out) { write_error(Version::v1, ErrorCode::code, out); }); \
    EXPECT_FALSE(read_status(v1)->ok());                                                          \
    EXPECT_EQ(read_status(v1)->rc, static_cast<std::uint16_t>(nearest_rc(ErrorCode::code)));      \
  }
  PEDIGREE_ERRORS(PEDIGREE_CHECK)
#undef PEDIGREE_CHECK
  EXPECT_EQ(nearest_rc(ErrorCode::slot_not_found), Rc::not_found);
  EXPECT_EQ(nearest_rc(ErrorCode::lifecycle_forbids), Rc::access_denied);
}

TEST(Smp, EveryManagementErrorHasItsSentence) {
  std::set<std::string_view> sentences;
  for (std::uint16_t rc = 0; rc <= 14; ++rc) {
    EXPECT_TRUE(sentences.insert(sentence(static_cast<Rc>(rc))).second) << rc;
  }
}

TEST(SmpProperties, PacketsRoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint16_t group, std::uint8_t sequence, std::uint8_t command,
                           std::uint8_t flags, const Octets& payload) {
    const Header header{static_cast<Operation>(*rc::gen::inRange(0, 4)),
                        static_cast<Version>(*rc::gen::inRange(0, 2)),
                        flags,
                        static_cast<std::uint16_t>(payload.size()),
                        group,
                        sequence,
                        command};
    const Octets data = written([&](Writer& out) { write_packet(header, payload, out); });
    const auto packet = parse_packet(data);
    RC_ASSERT(packet.has_value());
    RC_ASSERT((packet->header == header));
    RC_ASSERT(equal(packet->payload, payload));
  }));
}

}  // namespace
}  // namespace pedigree::smp
