// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "cli/describe.h"
#include "testing/support/support.h"

namespace pedigree::cli {
namespace {

TEST(Base64, RoundTripsEveryLength) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    Octets octets(size);
    for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
    EXPECT_EQ(from_base64(to_base64(octets)), octets) << size;
  }
  EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (const char* bad : {"Q", "QQ=", "Q===", "====", "QR==", "QUJ=", "QQ==QQ==", "Q Q=", "QQ-_"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Hex, RoundTripsAndRefuses) {
  EXPECT_EQ(from_hex("00fFa5"), (Octets{0x00, 0xff, 0xa5}));
  EXPECT_EQ(to_hex(Octets{0x00, 0xff, 0xa5}), "00ffa5");
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Pem, RoundTripsBetweenOtherText) {
  const Octets one(100, 0xA5);
  const Octets two{1, 2, 3};
  const std::string text =
      "Subject: x\r\n" + to_pem("CERTIFICATE", one) + "\n# note\n" + to_pem("X509 CRL", two);
  ASSERT_TRUE(is_pem(as_bytes(text)));
  const auto blocks = parse_pem(text);
  ASSERT_TRUE(blocks);
  ASSERT_EQ(blocks->size(), 2U);
  EXPECT_EQ((*blocks)[0].label, "CERTIFICATE");
  EXPECT_EQ((*blocks)[0].der, one);
  EXPECT_EQ((*blocks)[1].label, "X509 CRL");
  EXPECT_EQ((*blocks)[1].der, two);
}

TEST(Pem, RefusesCutAndMismatchedBlocks) {
  for (const char* bad :
       {"-----BEGIN A-----\nAAAA\n", "-----BEGIN A-----\nAAAA\n-----END B-----\n",
        "-----BEGIN A-----\nAA*A\n-----END A-----\n", "-----BEGIN A-----\nAAAA\n-----BEGIN A-----\n"})
    EXPECT_FALSE(parse_pem(bad)) << bad;
}

TEST(SplitCertificates, TakesDerOneAfterAnotherAndACborArray) {
  const Octets der{0x30, 0x01, 0x05, 0x30, 0x00};
  const auto elements = split_certificates(der, "f");
  ASSERT_TRUE(elements);
  EXPECT_EQ(*elements, (std::vector<Octets>{{0x30, 0x01, 0x05}, {0x30, 0x00}}));
  const Octets chain{0x82, 0x42, 0x30, 0x00, 0x41, 0x31};
  EXPECT_EQ(split_certificates(chain, "f"), (std::vector<Octets>{{0x30, 0x00}, {0x31}}));
}

TEST(SplitCertificates, SaysWhereAndWhy) {
  const auto cut = split_certificates(Octets{0x30, 0x00, 0x30, 0x05, 0x01}, "file.der");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().summary.rfind("cannot use file.der: at byte 2, ", 0), 0U) << cut.error().summary;
  EXPECT_FALSE(split_certificates(Octets{}, "f"));
  EXPECT_FALSE(split_certificates(Octets{'x'}, "f"));
  EXPECT_FALSE(split_certificates(Octets{0x81, 0x42, 0x30}, "f"));
  EXPECT_FALSE(split_certificates(Octets{0x80, 0x00}, "f"));
  const std::string key = to_pem("PRIVATE KEY", Octets{1});
  const auto no_certificate = split_certificates(as_bytes(key), "f");
  ASSERT_FALSE(no_certificate);
  EXPECT_EQ(no_certificate.error().summary, "cannot use f: it holds no CERTIFICATE, only PRIVATE KEY");
}

TEST(Files, AreReplacedWholeWithTheirMode) {
  const testing::TempDir folder;
  const std::string path = (folder / "secret").string();
  ASSERT_TRUE(write_output(path, as_bytes("one"), 0600));
  ASSERT_TRUE(write_output(path, as_bytes("two"), 0600));
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(read_input(path), Octets({'t', 'w', 'o'}));
  EXPECT_FALSE(read_input(path, 2));
  EXPECT_FALSE(read_input(folder / "none"));
  EXPECT_FALSE(write_output(folder / "none/file", {}));
}

TEST(ParseTime, TakesDaysTimesAndSeconds) {
  EXPECT_EQ(parse_time("1970-01-02"), 86400);
  EXPECT_EQ(parse_time("2026-11-24T12:00:00Z"), 1795521600);
  EXPECT_EQ(parse_time("9999-12-31T23:59:59Z"), der::kNoWellDefinedExpiration);
  EXPECT_EQ(parse_time("@-5"), -5);
  for (const char* bad :
       {"", "now", "2026-13-01", "2026-02-30", "2026-11-24T12:00:00", "2026-11-24T24:00:00Z", "@", "@1x",
        "2026-11-24 12:00:00Z", "-026-11-24", "2026-11-24Z"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(ParseOid, IsTheInverseOfPrinting) {
  for (const char* text : {"1.3.6.1.5.5.7.3.2", "2.999.4294967295", "0.39", "2.5.29.37.0"}) {
    const auto oid = parse_oid(text);
    ASSERT_TRUE(oid) << text;
    EXPECT_EQ(oid_text(*oid), text);
  }
  for (const char* bad : {"", "1", "3.1", "1.40", "1..2", "1.2.", "a.b"}) EXPECT_FALSE(parse_oid(bad)) << bad;
}

}  // namespace
}  // namespace pedigree::cli
