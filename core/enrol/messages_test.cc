// SPDX-License-Identifier: Apache-2.0
#include "core/enrol/messages.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

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

/// One message: octets, and decoding them to nothing but the verdict and what encode makes of the result.
struct Case {
  const char* name;
  Octets data;
  Result<Octets> (*again)(Bytes);
  std::size_t required;  // keys that must be present
};

template <typename Message>
Result<Octets> again(Bytes data) {
  PEDIGREE_ASSIGN(const Message message, decode<Message>(data));
  return encoded(message);
}

template <typename Message>
Case case_of(const char* name, const Message& message, std::size_t required) {
  return {name, encoded(message), again<Message>, required};
}

Octets device_id() {
  Octets id = repeated(0xa7, kDeviceIdSize);
  id[0] = 0x01;
  return id;
}

const Octets kId = device_id();
const Octets kHash = repeated(0xc2, 32);
const Octets kData = repeated(0x30, 70);

SlotInfo slot_info() {
  return {.slot = 0x10001,
          .purpose = Purpose::idevid,
          .type = crypto::KeyType::p384,
          .state = SlotState::active,
          .origin = Origin::builtin,
          .spki_sha256 = kHash,
          .chain_size = 1200,
          .chain_sha256 = kHash,
          .staged = 64};
}

SlotsResponse slots_response() {
  SlotsResponse message;
  message.slots[0] = slot_info();
  message.slots[1] = {.slot = 2,
                      .purpose = Purpose::tls,
                      .type = crypto::KeyType::p256,
                      .state = SlotState::pending,
                      .origin = Origin::generate,
                      .spki_sha256 = {},
                      .chain_size = 0,
                      .chain_sha256 = {},
                      .staged = 0};
  message.count = 2;
  return message;
}

InfoResponse info_response() {
  return {.version = "0.1.0",
          .device_id = kId,
          .lifecycle = Lifecycle::secured,
          .pinned_root = kHash,
          .world = "simulated",
          .dummy_key = true,
          .entropy = Entropy::fixed,
          .slots_used = 2,
          .slots_total = 8,
          .max_chain = 4096,
          .algorithms = 0x6,
          .origins = 0x1e};
}

std::vector<Case> cases() {
  const BeginRequest begin{.slot = 3,
                           .purpose = Purpose::data,
                           .type = crypto::KeyType::p256,
                           .origin = Origin::derive,
                           .label = "line 3 \xc3\xbc",
                           .import_key = kHash,
                           .replace = true};
  return {case_of("info", info_response(), 9),
          case_of("slots", slots_response(), 1),
          case_of("begin", begin, 3),
          case_of("begin response", BeginResponse{7, true, kData}, 2),
          case_of("csr", CsrRequest{7, kHash, 70000, true}, 3),
          case_of("attest", AttestRequest{7, kHash, true, 70000}, 3),
          case_of("chunk", ChunkResponse{0, kData, 1000}, 2),
          case_of("chain read", ChainReadRequest{7, 64}, 2),
          case_of("chain write", ChainWriteRequest{7, 0, kData, 1000, Bytes(kHash)}, 3),
          case_of("chain written", ChainWriteResponse{64}, 1),
          case_of("commit", CommitRequest{7, kHash, 64}, 2),
          case_of("committed", CommitResponse{kData, 700}, 1),
          case_of("challenge", ChallengeResponse{kHash, 2048}, 2),
          case_of("slot", SlotRequest{7}, 1),
          case_of("public key", PublicKeyResponse{kData}, 1)};
}

struct Pair {
  Octets key, value;
};

std::vector<Pair> pairs_of(Bytes data) {
  Reader in(data);
  std::vector<Pair> pairs(*cbor::read_map(in));
  for (auto& [key, value] : pairs) {
    const Bytes k = *cbor::skip(in);
    const Bytes v = *cbor::skip(in);
    key.assign(k.begin(), k.end());
    value.assign(v.begin(), v.end());
  }
  return pairs;
}

Octets map_of(const std::vector<Pair>& pairs) {
  return testing::written([&](Writer& out) {
    cbor::Encoder encoder(out);
    encoder.map(pairs.size());
    for (const auto& [key, value] : pairs) {
      encoder.raw(key);
      encoder.raw(value);
    }
  });
}

/// Where the value of pair `i` begins in map_of(pairs); a map of up to 23 pairs has a head of one octet.
std::uint32_t value_offset(const std::vector<Pair>& pairs, std::size_t i) {
  std::size_t offset = 1 + pairs[i].key.size();
  for (std::size_t before = 0; before < i; ++before) {
    offset += pairs[before].key.size() + pairs[before].value.size();
  }
  return static_cast<std::uint32_t>(offset);
}

TEST(Messages, RoundTrip) {
  for (const Case& c : cases()) {
    const auto result = c.again(c.data);
    ASSERT_TRUE(result.has_value()) << c.name << ": " << name(result.error().code);
    EXPECT_EQ(*result, c.data) << c.name;
  }
}

TEST(Messages, InfoKeepsEveryField) {
  const auto message = info_response();
  const Octets data = encoded(message);
  const auto decoded = decode<InfoResponse>(data);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->version, message.version);
  EXPECT_TRUE(equal(decoded->device_id, kId));
  EXPECT_EQ(decoded->lifecycle, message.lifecycle);
  EXPECT_TRUE(equal(decoded->pinned_root.value(), kHash));
  EXPECT_EQ(decoded->world, message.world);
  EXPECT_TRUE(decoded->dummy_key);
  EXPECT_EQ(decoded->entropy, Entropy::fixed);
  EXPECT_EQ(decoded->slots_used, 2U);
  EXPECT_EQ(decoded->slots_total, 8U);
  EXPECT_EQ(decoded->max_chain, 4096U);
  EXPECT_EQ(decoded->algorithms, 6U);
  EXPECT_EQ(decoded->origins, 0x1eU);
}

TEST(Messages, AbsentFieldsAreNothing) {
  const auto begin = decode<BeginRequest>(unhex("a3 63757365 01 63616c67 01 646f726967 01"));
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->slot, kAnySlot);
  EXPECT_TRUE(begin->label.empty() && begin->import_key.empty() && !begin->replace);
  const auto chunk = decode<ChunkResponse>(unhex("a2 636f6666 00 6464617461 40"));
  ASSERT_TRUE(chunk);
  EXPECT_FALSE(chunk->total.has_value());
  EXPECT_EQ(encoded(*begin).size(), 1U + 5 + 5 + 6);
}

TEST(Messages, RefuseTruncationAtEveryLengthAndTrailingOctets) {
  for (const Case& c : cases()) {
    for (std::size_t size = 0; size < c.data.size(); ++size) {
      const Octets part(c.data.begin(), c.data.begin() + static_cast<std::ptrdiff_t>(size));
      const auto result = c.again(part);
      ASSERT_FALSE(result.has_value()) << c.name << " " << size;
      EXPECT_EQ(result.error().code, ErrorCode::truncated) << c.name << " " << size;
      EXPECT_LE(result.error().offset, size);
    }
    Octets longer = c.data;
    longer.push_back(0xf6);
    const auto result = c.again(longer);
    EXPECT_EQ(result.error(), (Error{ErrorCode::trailing_data, static_cast<std::uint32_t>(c.data.size())}))
        << c.name;
  }
}

TEST(Messages, RefuseARepeatedKeyAndMissOneThatIsRequired) {
  for (const Case& c : cases()) {
    const auto pairs = pairs_of(c.data);
    std::size_t missing = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      auto more = pairs;
      more.push_back(pairs[i]);
      EXPECT_EQ(c.again(map_of(more)).error(),
                (Error{ErrorCode::duplicate, static_cast<std::uint32_t>(c.data.size())}))
          << c.name << " " << i;
      auto less = pairs;
      less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
      const auto result = c.again(map_of(less));
      if (result) continue;
      EXPECT_EQ(result.error(), (Error{ErrorCode::missing_field, 0})) << c.name << " " << i;
      ++missing;
    }
    EXPECT_EQ(missing, c.required) << c.name;
  }
}

TEST(Messages, AcceptAnyOrderAndPassOverUnknownKeys) {
  for (const Case& c : cases()) {
    auto pairs = pairs_of(c.data);
    std::ranges::reverse(pairs);
    pairs.insert(pairs.begin(), {unhex("626e77"), unhex("a1 01 82 f6 f93c00")});
    pairs.push_back({unhex("627263"), unhex("00")});
    const auto result = c.again(map_of(pairs));
    ASSERT_TRUE(result.has_value()) << c.name << ": " << name(result.error().code);
    EXPECT_EQ(*result, c.data) << c.name;
    pairs.insert(pairs.begin(), pairs.front());
    EXPECT_EQ(c.again(map_of(pairs)).error().code, ErrorCode::duplicate) << c.name;
  }
}

TEST(Messages, RefuseValuesOfAnotherTypeOrForm) {
  const char* const values[] = {"9f00ff",
                                "bf00",
                                "5f41ff",
                                "1800",
                                "20",
                                "f5",
                                "80",
                                "a0",
                                "c100",
                                "1bffffffffffffffff",
                                "9bffffffffffffffff",
                                "fb3ff199999999999a"};
  for (const Case& c : cases()) {
    const auto pairs = pairs_of(c.data);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      for (const char* value : values) {
        auto changed = pairs;
        changed[i].value = unhex(value);
        if (value == std::string_view("80") && pairs[i].key == unhex("65736c6f7473")) continue;  // no slots
        if (value == std::string_view("f5") && (pairs[i].value[0] & 0xe0U) == 0xe0) continue;
        const auto refused = c.again(map_of(changed));
        ASSERT_FALSE(refused.has_value()) << c.name << " " << i << " " << value;
        EXPECT_GE(refused.error().offset, value_offset(pairs, i)) << c.name << " " << i << " " << value;
      }
      Octets deep = repeated(0x81, 1000);
      deep.push_back(0);
      auto changed = pairs;
      changed[i].value = deep;
      EXPECT_EQ(c.again(map_of(changed)).error(),
                (Error{ErrorCode::too_deep, value_offset(pairs, i) + std::uint32_t{cbor::kMaxDepth}}))
          << c.name;
    }
  }
}

TEST(Messages, RefuseLengthsAndEnumeratorsOutOfRange) {
  const auto refused = [](const auto& message) {
    return outcome(decode<std::remove_cvref_t<decltype(message)>>(encoded(message)));
  };
  const Octets long_hash = repeated(1, 33);
  const Octets short_hash = repeated(1, 31);
  InfoResponse info = info_response();
  info.device_id = Bytes(kId).first(32);
  EXPECT_EQ(refused(info), "bad_value at 14");
  info = info_response();
  Octets other_id = kId;
  other_id[0] = 0x02;
  info.device_id = other_id;
  EXPECT_EQ(refused(info), "bad_value at 14");
  info = info_response();
  info.pinned_root = Bytes(short_hash);
  EXPECT_EQ(refused(info), "bad_value at 58");
  info = info_response();
  info.lifecycle = static_cast<Lifecycle>(5);
  EXPECT_EQ(refused(info), "bad_value at 52");
  info = info_response();
  info.world = "a world whose name is too long for it";
  EXPECT_EQ(refused(info), "bad_value at 98");
  EXPECT_EQ(refused(CsrRequest{1, long_hash, 0}), "bad_value at 13");
  EXPECT_EQ(refused(CommitRequest{1, short_hash}), "bad_value at 13");
  EXPECT_EQ(refused(BeginRequest{.purpose = static_cast<Purpose>(0)}), "bad_value at 5");
  EXPECT_EQ(refused(BeginRequest{.purpose = Purpose::iak, .type = static_cast<crypto::KeyType>(7)}),
            "bad_value at 10");
  const Octets label = repeated('a', 33);
  EXPECT_EQ(refused(BeginRequest{.purpose = Purpose::iak,
                                 .type = crypto::KeyType::p256,
                                 .origin = Origin::derive,
                                 .label = as_text(label),
                                 .import_key = {}}),
            "bad_value at 23");
  EXPECT_EQ(refused(PublicKeyResponse{{}}), "bad_value at 6");
  EXPECT_EQ(refused(ChainWriteRequest{1, 0, kData, 5, Bytes(long_hash)}), "bad_value at 98");
}

TEST(Messages, RefuseHeadsThatAreNotInTheirShortestForm) {
  for (const Case& c : cases()) {
    const auto pairs = pairs_of(c.data);
    Octets wide = unhex("b8");
    wide.push_back(static_cast<std::uint8_t>(pairs.size()));
    wide.insert(wide.end(), c.data.begin() + 1, c.data.end());
    EXPECT_EQ(outcome(c.again(wide)), "non_minimal at 0") << c.name;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      auto changed = pairs;
      changed[i].key.insert(changed[i].key.begin(), 0x78);
      changed[i].key[1] &= 0x1fU;
      const auto key = value_offset(pairs, i) - static_cast<std::uint32_t>(pairs[i].key.size());
      EXPECT_EQ(c.again(map_of(changed)).error(), (Error{ErrorCode::non_minimal, key})) << c.name;
    }
  }
}

TEST(Messages, RefuseMoreSlotsThanFit) {
  const auto slots = pairs_of(encoded(slots_response()));
  Reader in(slots[0].value);
  ASSERT_EQ(cbor::read_array(in), 2U);
  const Bytes one = *cbor::skip(in);
  const auto data_of = [&](std::size_t count) {
    return testing::written([&](Writer& out) {
      cbor::Encoder encoder(out);
      encoder.map(1);
      encoder.tstr("slots");
      encoder.array(count);
      for (std::size_t i = 0; i < count; ++i) encoder.raw(one);
    });
  };
  EXPECT_EQ(decode<SlotsResponse>(data_of(kMaxSlots))->count, kMaxSlots);
  EXPECT_EQ(decode<SlotsResponse>(data_of(kMaxSlots + 1)).error(), (Error{ErrorCode::too_many, 7}));
}

TEST(MessagesProperties, ChunksRoundTrip) {
  EXPECT_TRUE(
      rc::check([](std::uint32_t slot, std::uint32_t offset, const Octets& data, std::uint32_t total) {
        const bool first = *rc::gen::arbitrary<bool>();
        ChainWriteRequest message{slot, offset, data, {}, {}};
        if (first) {
          message.total = total;
          message.sha256 = Bytes(kHash);
        }
        const Octets octets = encoded(message);
        const auto decoded = decode<ChainWriteRequest>(octets);
        RC_ASSERT(decoded.has_value());
        RC_ASSERT(decoded->slot == slot && decoded->offset == offset && equal(decoded->data, data));
        RC_ASSERT(decoded->total == message.total);
        RC_ASSERT(decoded->sha256.has_value() == first);
        RC_ASSERT(encoded(*decoded) == octets);
      }));
}

TEST(MessagesProperties, SlotsRoundTrip) {
  EXPECT_TRUE(rc::check([] {
    SlotsResponse message;
    message.count = *rc::gen::inRange<std::size_t>(0, kMaxSlots + 1);
    for (std::size_t i = 0; i < message.count; ++i) {
      message.slots[i] = slot_info();
      message.slots[i].slot = *rc::gen::arbitrary<std::uint32_t>();
      message.slots[i].purpose = static_cast<Purpose>(*rc::gen::inRange(1, 5));
      message.slots[i].type = static_cast<crypto::KeyType>(*rc::gen::inRange(1, 7));
      message.slots[i].state = static_cast<SlotState>(*rc::gen::inRange(0, 4));
      message.slots[i].origin = static_cast<Origin>(*rc::gen::inRange(1, 5));
      message.slots[i].chain_size = *rc::gen::arbitrary<std::uint32_t>();
      message.slots[i].staged = *rc::gen::arbitrary<std::uint32_t>();
      if (*rc::gen::arbitrary<bool>()) message.slots[i].chain_sha256.reset();
    }
    const Octets octets = encoded(message);
    const auto decoded = decode<SlotsResponse>(octets);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(decoded->count == message.count);
    for (std::size_t i = 0; i < message.count; ++i) {
      RC_ASSERT(decoded->slots[i].slot == message.slots[i].slot);
      RC_ASSERT(decoded->slots[i].state == message.slots[i].state);
      RC_ASSERT(decoded->slots[i].staged == message.slots[i].staged);
    }
    RC_ASSERT(encoded(*decoded) == octets);
  }));
}

TEST(Messages, EveryEnumeratorHasAWord) {
  for (std::uint8_t i = 1; i <= 4; ++i) {
    EXPECT_NE(name(static_cast<Purpose>(i)), "unknown");
    EXPECT_NE(name(static_cast<Origin>(i)), "unknown");
    EXPECT_NE(name(static_cast<SlotState>(i - 1)), "unknown");
    EXPECT_NE(name(static_cast<Lifecycle>(i)), "unknown");
  }
  EXPECT_EQ(name(Lifecycle::decommissioned), "decommissioned");
  EXPECT_EQ(name(static_cast<Purpose>(9)), "unknown");
}

}  // namespace
}  // namespace pedigree::enrol
