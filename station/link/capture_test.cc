// SPDX-License-Identifier: Apache-2.0
#include "station/link/capture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace pedigree::station {
namespace {

std::vector<std::uint8_t> file_of(const std::vector<CapturedPacket>& packets) {
  std::vector<std::uint8_t> file(1U << 18U);
  Writer out(file);
  write_capture_header(out);
  for (const auto& packet : packets) EXPECT_TRUE(write_capture_record(packet, out));
  file.resize(out.size());
  return file;
}

CapturedPacket sample(Bytes payload) {
  CapturedPacket packet;
  packet.time_us = 1'700'000'000'123'456;
  packet.source = 0x0a50fffe;
  packet.destination = 0x0a500001;
  packet.source_port = 50000;
  packet.destination_port = 1337;
  packet.packet = payload;
  return packet;
}

TEST(Capture, RoundTrips) {
  const std::vector<std::uint8_t> payload{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto file = file_of({sample(payload), sample({})});
  auto reader = CaptureReader::open(file);
  ASSERT_TRUE(reader);
  const auto first = reader->next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->time_us, 1'700'000'000'123'456U);
  EXPECT_TRUE(equal((*first)->packet, payload));
  EXPECT_TRUE((*first)->to_device());
  const auto second = reader->next();
  ASSERT_TRUE(second && *second);
  EXPECT_TRUE((*second)->packet.empty());
  EXPECT_FALSE(*reader->next());
}

TEST(Capture, EveryTruncationIsAnErrorOrAnEarlierEnd) {
  const std::vector<std::uint8_t> payload(40, 7);
  const auto file = file_of({sample(payload)});
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::vector<std::uint8_t> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    auto reader = CaptureReader::open(cut);
    if (size < kCaptureHeaderSize) {
      EXPECT_EQ(reader.error().code, ErrorCode::truncated);
    } else if (size == kCaptureHeaderSize) {
      EXPECT_FALSE(*reader->next());
    } else {
      EXPECT_EQ(reader->next().error().code, ErrorCode::truncated);
      EXPECT_EQ(reader->next().error().code, ErrorCode::truncated) << "a failed read leaves the reader alone";
    }
  }
}

TEST(Capture, RefusesOtherFiles) {
  auto file = file_of({});
  file[20] = 1;  // Ethernet
  EXPECT_EQ(CaptureReader::open(file).error(), (Error{ErrorCode::unsupported_version, 20}));
  file[0] = 0;
  EXPECT_EQ(CaptureReader::open(file).error().code, ErrorCode::bad_header);
  EXPECT_EQ(write_capture_record(sample(std::vector<std::uint8_t>(70000)), *std::make_unique<Writer>())
                .error()
                .code,
            ErrorCode::too_long);
}

TEST(Capture, FileIsWrittenAsItGoes) {
  std::string folder = std::filesystem::temp_directory_path() / "capture-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/c.pcap";
  {
    auto file = CaptureFile::create(path);
    ASSERT_TRUE(file);
    const std::vector<std::uint8_t> payload{9, 9};
    (*file)->record("udp a", true, payload);
    (*file)->record("udp a", false, payload);
    (*file)->record("udp b", true, payload);
    EXPECT_TRUE((*file)->finish());
  }
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(in)), {});
  const std::vector<std::uint8_t> octets(text.begin(), text.end());
  auto reader = CaptureReader::open(octets);
  ASSERT_TRUE(reader);
  const auto a = **reader->next();
  const auto reply = **reader->next();
  const auto b = **reader->next();
  EXPECT_EQ(a.destination, reply.source);
  EXPECT_FALSE(reply.to_device());
  EXPECT_NE(a.destination, b.destination);
  EXPECT_FALSE(CaptureFile::create(folder + "/none/c.pcap"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pedigree::station
