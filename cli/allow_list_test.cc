// SPDX-License-Identifier: Apache-2.0
// Lines of an allow-list, good and hostile.
#include "cli/allow_list.h"

#include <gtest/gtest.h>

namespace pedigree::cli {
namespace {

const std::string kId = "01" + std::string(64, 'a');

TEST(AllowList, ReadsCsvByItsHeader) {
  AllowListReader reader("week 1");
  EXPECT_FALSE(*reader.read("\xef\xbb\xbflabel,device,profiles,batch\r"));
  const auto line = reader.read("\"a \"\"b\"\", c\"," + kId + ",iak; tls-client,\r");
  ASSERT_TRUE(line && *line) << line.error();
  EXPECT_EQ((*line)->device.label, "a \"b\", c");
  EXPECT_EQ((*line)->device.profiles, "iak,tls-client");
  EXPECT_EQ((*line)->batch, "week 1") << "its own is empty";
  EXPECT_FALSE(*reader.read(""));
  EXPECT_TRUE(*reader.read("x,56d38f73-3f6f-4a59-86bc-d315a1ccc634,,week 2"));
}

TEST(AllowList, ReadsJsonLines) {
  AllowListReader reader("");
  const auto line = reader.read(R"({"device":")" + kId + R"(","profiles":["iak","data"],"product":"lamp"})");
  ASSERT_TRUE(line && *line) << line.error();
  EXPECT_EQ((*line)->device.profiles, "iak,data");
  EXPECT_EQ((*line)->device.product, "lamp");
  EXPECT_FALSE(reader.read(R"({"device":")" + kId + R"(","colour":"red"})"));
  EXPECT_FALSE(reader.read(R"({"product":"lamp"})"));
  EXPECT_FALSE(reader.read(R"({"device":1})"));
  EXPECT_FALSE(reader.read("[]"));
  EXPECT_FALSE(reader.read("{"));
}

TEST(AllowList, RefusesHeadersThatSayTooLittleOrTooMuch) {
  for (const char* header : {"profiles,batch", "device,device", "device,colour", "device,\"a", "01aa"}) {
    EXPECT_FALSE(AllowListReader("").read(header)) << header;
  }
}

TEST(AllowList, RefusesWhatWouldSteerATerminalOrIsTooLong) {
  AllowListReader reader("");
  ASSERT_TRUE(reader.read("device,label,profiles,batch"));
  for (const std::string& bad :
       {std::string("a\x1b[31m"), std::string("\xe2\x80\xae") + "gpj.exe", std::string("\xe2\x81\xa6"),
        std::string("\xc0\x80"), std::string("\xed\xa0\x80"), std::string("\xc2\x9b"), std::string(129, 'a'),
        std::string("a\0b", 3)}) {
    EXPECT_FALSE(reader.read(kId + "," + bad + ",iak,b")) << bad;
    EXPECT_FALSE(reader.read(kId + ",a,iak," + bad)) << bad;
    EXPECT_FALSE(reader.read(kId + ",a," + bad + ",b")) << bad;
    EXPECT_FALSE(reader.read(bad + ",a,iak,b")) << bad;
  }
  EXPECT_FALSE(reader.read(std::string(65536, 'a')));
  EXPECT_FALSE(reader.read("02" + std::string(64, 'a') + ",a,iak,b"));
  EXPECT_FALSE(reader.read(kId + ",a,iak"));
  EXPECT_FALSE(reader.read(kId + ",a,iak,b,c"));
  EXPECT_FALSE(reader.read(kId + ",\"a\"b,iak,b"));
  EXPECT_FALSE(reader.read(kId + ",a\"b,iak,b"));
  const auto sql = reader.read(kId + ",x'); DROP TABLE device; --,iak,b");
  ASSERT_TRUE(sql && *sql);
  EXPECT_EQ((*sql)->device.label, "x'); DROP TABLE device; --") << "a text like another";
}

}  // namespace
}  // namespace pedigree::cli
