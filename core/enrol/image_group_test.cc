// SPDX-License-Identifier: Apache-2.0
#include "core/enrol/image_group.h"

#include <gtest/gtest.h>

#include "testing/support/octets.h"

namespace pedigree::enrol {
namespace {

using testing::Octets;
using testing::outcome;
using testing::repeated;
using testing::unhex;

template <typename Message>
Octets encoded(const Message& message) {
  return testing::written([&](Writer& out) { encode(message, out); });
}

template <typename Message>
Octets again(const Octets& data) {
  const auto message = decode<Message>(data);
  EXPECT_TRUE(message.has_value()) << name(message.error().code);
  return message ? encoded(*message) : Octets();
}

const Octets kHash = repeated(0xc2, 32);

/// As Zephyr's server writes a slot.
Octets zephyr_state() {
  return testing::written([](Writer& out) {
    cbor::Encoder e(out);
    e.map(2);
    e.tstr("images");
    e.array(1);
    e.map(8);
    e.tstr("slot");
    e.uint(1);
    e.tstr("version");
    e.tstr("1.2.3.4");
    e.tstr("hash");
    e.bstr(kHash);
    for (const auto& [key, value] : {std::pair{"bootable", true},
                                     {"pending", true},
                                     {"confirmed", false},
                                     {"active", false},
                                     {"permanent", false}}) {
      e.tstr(key);
      e.boolean(value);
    }
    e.tstr("splitStatus");
    e.uint(0);
  });
}

TEST(ImageMessages, ReadWhatZephyrWrites) {
  const Octets data = zephyr_state();
  const auto state = decode<ImageStateResponse>(data);
  ASSERT_TRUE(state.has_value());
  ASSERT_EQ(state->count, 1U);
  const ImageEntry& entry = state->images[0];
  EXPECT_EQ(entry.image, 0U);
  EXPECT_EQ(entry.slot, 1U);
  EXPECT_EQ(entry.version, "1.2.3.4");
  EXPECT_TRUE(equal(entry.hash, kHash));
  EXPECT_TRUE(entry.bootable && entry.pending && !entry.confirmed && !entry.active && !entry.permanent);
  EXPECT_EQ(entry.refused, 0U);
  // A frugal list leaves out what is false.
  const auto frugal =
      decode<ImageStateResponse>(unhex("a1 66696d61676573 81 a2 64736c6f74 00 6776657273696f6e"
                                       "63302e31"));
  ASSERT_TRUE(frugal.has_value());
  EXPECT_FALSE(frugal->images[0].active);
}

TEST(ImageMessages, WriteFlagsAlwaysAndAdditionsOnlyWhereTheyAre) {
  ImageStateResponse state;
  state.count = 1;
  state.images[0] = {.slot = 1, .version = "1.2.3.4", .hash = kHash, .bootable = true, .pending = true};
  Octets data = encoded(state);
  const Octets zephyr = zephyr_state();
  // The same but for "splitStatus", which belongs to another kind of device.
  EXPECT_EQ(Octets(data.begin() + 1, data.end()),
            Octets(zephyr.begin() + 1, zephyr.begin() + static_cast<std::ptrdiff_t>(data.size())));
  state.images[0].image = 1;
  state.images[0].refused = 231;
  state.images[0].signer = kHash;
  state.images[0].counter = 0;
  state.images[1] = state.images[0];
  state.count = 2;
  data = encoded(state);
  EXPECT_EQ(again<ImageStateResponse>(data), data);
  const auto read = decode<ImageStateResponse>(data);
  EXPECT_EQ(read->images[1].refused, 231U);
  EXPECT_EQ(read->images[1].counter, 0U);
}

TEST(ImageMessages, RoundTrip) {
  const Octets part = repeated(0x30, 70);
  const auto same = [](const auto& message) {
    using Message = std::remove_cvref_t<decltype(message)>;
    const Octets data = encoded(message);
    EXPECT_EQ(again<Message>(data), data);
    for (std::size_t size = 0; size < data.size(); ++size) {
      const Octets cut(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(decode<Message>(cut).error().code, ErrorCode::truncated);
    }
    Octets longer = data;
    longer.push_back(0);
    EXPECT_EQ(decode<Message>(longer).error().code, ErrorCode::trailing_data);
  };
  same(ImageStateRead{true});
  same(ImageStateWrite{kHash, true, true});
  same(ImageUploadRequest{1, 70000, 0, kHash, part, true, true});
  same(ImageUploadRequest{0, {}, 70000, {}, part, false, false});
  same(ImageUploadResponse{70000, true});
  same(ImageUploadResponse{0, {}});
  same(ImageEraseRequest{1, true});
  same(RevocationsResponse{std::uint64_t{1} << 40U, 700, 3, 8192});
  same(RevocationsWrite{0, 700, part});
  // Absent members are Zephyr's defaults.
  const auto test = decode<ImageStateWrite>(unhex("a0"));
  EXPECT_TRUE(test && test->hash.empty() && !test->confirm && !test->extended);
  EXPECT_FALSE(decode<ImageEraseRequest>(unhex("a0"))->slot.has_value());
}

TEST(ImageMessages, Refuse) {
  const Octets long_hash = repeated(1, 65);
  EXPECT_EQ(outcome(decode<ImageStateWrite>(encoded(ImageStateWrite{long_hash, false, false}))),
            "bad_value at 6");
  EXPECT_EQ(outcome(decode<ImageUploadRequest>(unhex("a1 636f6666 00"))), "missing_field at 0");
  const Octets nine = testing::written([](Writer& out) {
    cbor::Encoder e(out);
    e.map(1);
    e.tstr("images");
    e.array(9);
    for (int i = 0; i < 9; ++i) e.raw(unhex("a2 64736c6f74 00 6776657273696f6e 60"));
  });
  EXPECT_EQ(outcome(decode<ImageStateResponse>(nine)), "too_many at 8");
}

Octets error_of(smp::Version version, ErrorCode code, bool extended) {
  return testing::written([&](Writer& out) {
    write_image_error(version, code, image_rc(code, ImageCommand::upload, false), extended, out);
  });
}

TEST(ImageErrors, AreTheGroupsOwnForStockClientsAndOursForThoseWhoAsk) {
  const auto stock = smp::read_status(error_of(smp::Version::v2, ErrorCode::rolled_back, false));
  ASSERT_TRUE(stock.has_value());
  EXPECT_TRUE(stock->from_group);
  EXPECT_EQ(stock->group, kImageGroup);
  EXPECT_EQ(stock->rc, 27U);
  EXPECT_EQ(stock->why, 0U);
  const auto ours = smp::read_status(error_of(smp::Version::v2, ErrorCode::signer_revoked, true));
  EXPECT_EQ(ours->rc, 5U);
  EXPECT_EQ(ours->why, static_cast<std::uint16_t>(ErrorCode::signer_revoked));
  const auto old = smp::read_status(error_of(smp::Version::v1, ErrorCode::wrong_image_state, false));
  EXPECT_FALSE(old->from_group);
  EXPECT_EQ(old->rc, static_cast<std::uint16_t>(smp::Rc::bad_state));
  const auto unknown = smp::read_status(error_of(smp::Version::v2, ErrorCode::unknown_command, false));
  EXPECT_FALSE(unknown->from_group);
  EXPECT_EQ(unknown->rc, static_cast<std::uint16_t>(smp::Rc::not_supported));
  EXPECT_EQ(smp::read_status(error_of(smp::Version::v2, ErrorCode::truncated, false))->rc,
            static_cast<std::uint16_t>(smp::Rc::invalid));
}

TEST(ImageErrors, EachHasASentence) {
  for (std::uint16_t rc = 0; rc <= 34; ++rc) EXPECT_FALSE(image_sentence(rc).empty()) << rc;
  EXPECT_TRUE(image_sentence(35).empty());
  const auto rc_of = [](ErrorCode code, ImageCommand command, bool confirm) {
    return static_cast<unsigned>(image_rc(code, command, confirm));
  };
  EXPECT_EQ(rc_of(ErrorCode::wrong_image_state, ImageCommand::state, true), 32U);
  EXPECT_EQ(rc_of(ErrorCode::wrong_image_state, ImageCommand::state, false), 33U);
  EXPECT_EQ(rc_of(ErrorCode::wrong_image_state, ImageCommand::upload, false), 9U);
  EXPECT_EQ(rc_of(ErrorCode::not_found, ImageCommand::state, false), 8U);
  EXPECT_EQ(rc_of(ErrorCode::not_found, ImageCommand::erase, false), 14U);
  EXPECT_EQ(rc_of(ErrorCode::too_long, ImageCommand::upload, false), 30U);
  EXPECT_EQ(rc_of(ErrorCode::bad_request, ImageCommand::upload, false), 21U);
}

}  // namespace
}  // namespace pedigree::enrol
