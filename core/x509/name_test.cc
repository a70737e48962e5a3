// SPDX-License-Identifier: Apache-2.0
#include "core/x509/name.h"

#include <gtest/gtest.h>

#include "core/x509/oids.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::common_name;
using testing::element;
using testing::Octets;
using testing::sequence;
using testing::unhex;

Octets attribute(Bytes type, der::Tag tag, Bytes value) {
  return sequence({element(der::kOid, type), element(tag, value)});
}
Octets rdn(std::initializer_list<Bytes> attributes) {
  return element(der::kSet, attributes);
}
Octets name_of(der::Tag tag, std::string_view text) {
  return sequence({rdn({attribute(oid::kCommonName, tag, as_bytes(text))})});
}
Octets name_of(der::Tag tag, const char* hex_of_value, int) {
  return sequence({rdn({attribute(oid::kCommonName, tag, unhex(hex_of_value))})});
}

std::string print(const Octets& name) {
  Octets buffer(1000);
  Writer out(buffer);
  print_name(name, out);
  return std::string(as_text(out.written()));
}

TEST(Name, MatchesWithoutCaseAndWithSpacesFolded) {
  const Octets a = name_of(der::kPrintableString, "Acme  Devices CA ");
  EXPECT_TRUE(names_match(a, name_of(der::kUtf8String, " acme devices\x20\x20 ca")));
  EXPECT_TRUE(names_match(a, name_of(der::kIa5String, "ACME DEVICES CA")));
  EXPECT_FALSE(names_match(a, name_of(der::kUtf8String, "acmedevices ca")));
  EXPECT_FALSE(names_match(a, name_of(der::kUtf8String, "acme devices c")));
  EXPECT_FALSE(names_match(a, name_of(der::kUtf8String, "acme devices caa")));
}

TEST(Name, MatchesAcrossStringTypes) {
  const Octets utf8 = name_of(der::kUtf8String,
                              "\xc3\xa4"
                              "b");
  EXPECT_TRUE(names_match(utf8, name_of(der::kBmpString, "00e4 0042", 0)));
  EXPECT_TRUE(names_match(utf8, name_of(der::kUniversalString, "000000e4 00000062", 0)));
  EXPECT_TRUE(names_match(utf8, name_of(der::kT61String, "e462", 0)));
  EXPECT_FALSE(names_match(utf8, name_of(der::kBmpString, "00c4 0042", 0)));  // no case beyond ASCII
  EXPECT_FALSE(names_match(utf8, name_of(der::kOctetString, "c3a462", 0)));
  EXPECT_TRUE(names_match(name_of(der::kOctetString, "01", 0), name_of(der::kOctetString, "01", 0)));
}

TEST(Name, ComparesTypesAndOrderOfRdns) {
  const Octets cn = rdn({attribute(oid::kCommonName, der::kUtf8String, as_bytes("a"))});
  const Octets o = rdn({attribute(oid::kOrganizationName, der::kUtf8String, as_bytes("a"))});
  EXPECT_FALSE(names_match(sequence({cn}), sequence({o})));
  EXPECT_FALSE(names_match(sequence({cn, o}), sequence({o, cn})));
  EXPECT_FALSE(names_match(sequence({cn, o}), sequence({cn})));
  EXPECT_FALSE(names_match(sequence({cn}), sequence({cn, o})));
  EXPECT_TRUE(names_match(sequence({}), sequence({})));
}

// DER orders a SET by encoding, in which case and string type count; the comparison must not depend on that.
TEST(Name, ComparesTheAttributesOfAnRdnInAnyOrder) {
  const Octets cn_long = attribute(oid::kCommonName, der::kUtf8String, as_bytes("a  a"));
  const Octets cn_short = attribute(oid::kCommonName, der::kUtf8String, as_bytes("A A"));
  const Octets o = attribute(oid::kOrganizationName, der::kUtf8String, as_bytes("bbb"));
  const Octets x = sequence({rdn({o, cn_long})});
  const Octets y = sequence({rdn({cn_short, o})});
  ASSERT_TRUE(check_name(x));
  ASSERT_TRUE(check_name(y));
  EXPECT_TRUE(names_match(x, y));
  EXPECT_FALSE(names_match(x, sequence({rdn({o})})));
  EXPECT_FALSE(names_match(sequence({rdn({o})}), x));
}

TEST(Name, IsWithinItsPrefixes) {
  const Octets c = rdn({attribute(oid::kCountryName, der::kPrintableString, as_bytes("DE"))});
  const Octets o = rdn({attribute(oid::kOrganizationName, der::kUtf8String, as_bytes("Acme"))});
  const Octets name = sequence({c, o});
  EXPECT_TRUE(name_within(name, sequence({})));
  EXPECT_TRUE(name_within(name, sequence({c})));
  EXPECT_TRUE(name_within(name, name));
  EXPECT_FALSE(name_within(sequence({c}), name));
  EXPECT_FALSE(name_within(name, sequence({o})));
}

TEST(Name, FindsTheFirstAttributeOfAType) {
  const NamePart parts[] = {
      {oid::kSerialNumber, "01ab"}, {oid::kCommonName, "first"}, {oid::kCommonName, "second"}};
  Octets buffer(200);
  Writer out(buffer);
  der::Builder builder(out);
  write_name(parts, builder);
  EXPECT_TRUE(check_name(out.written()));
  EXPECT_EQ(as_text(find_attribute(out.written(), oid::kCommonName)), "first");
  EXPECT_EQ(as_text(find_attribute(out.written(), oid::kSerialNumber)), "01ab");
  EXPECT_TRUE(find_attribute(out.written(), oid::kCountryName).empty());
  EXPECT_TRUE(find_attribute({}, oid::kCountryName).empty());
}

TEST(Name, PrintsForPeople) {
  EXPECT_EQ(print(common_name("Acme Devices CA")), "CN=Acme Devices CA");
  const Octets two =
      sequence({rdn({attribute(oid::kCountryName, der::kPrintableString, as_bytes("DE")),
                     attribute(unhex("2a0304"), der::kUtf8String, as_bytes("x"))}),
                rdn({attribute(oid::kOrganizationName, der::kUtf8String, as_bytes("A, B + \"C\""))})});
  EXPECT_EQ(print(two), "C=DE+1.2.3.4=x, O=A\\, B \\+ \\\"C\\\"");
  EXPECT_EQ(print(common_name(" #a ")), "CN=\\ #a\\ ");
  EXPECT_EQ(print(common_name("#a")), "CN=\\#a");
  EXPECT_EQ(print(name_of(der::kOctetString, "01ff", 0)), "CN=#01ff");
  EXPECT_EQ(print(name_of(der::kBmpString, "00e4 20ac", 0)), "CN=\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(print(name_of(der::kUniversalString, "0001f600", 0)), "CN=\xf0\x9f\x98\x80");
}

// What would act on a terminal, or hide text, is written as octets.
TEST(Name, PrintsNoControlCharacters) {
  EXPECT_EQ(print(common_name("a\x1b[31mb\n")), "CN=a\\1b[31mb\\0a");
  EXPECT_EQ(print(common_name("a\xe2\x80\xae"
                              "b")),
            "CN=a\\e2\\80\\aeb");
  EXPECT_EQ(print(name_of(der::kUtf8String, "61ff", 0)), "CN=a\\ff");
  EXPECT_EQ(print(name_of(der::kT61String, "9b", 0)), "CN=\\c2\\9b");
}

TEST(Oid, PrintsDotted) {
  const auto print_hex = [](const char* hex) {
    Octets buffer(100);
    Writer out(buffer);
    print_oid(unhex(hex), out);
    return std::string(as_text(out.written()));
  };
  EXPECT_EQ(print_hex("2a864886f70d010101"), "1.2.840.113549.1.1.1");
  EXPECT_EQ(print_hex("550403"), "2.5.4.3");
  EXPECT_EQ(print_hex("883703"), "2.999.3");
  EXPECT_EQ(print_hex("27"), "0.39");
  EXPECT_EQ(print_hex("69ffffffffffffffff7f"), "2.25.9223372036854775807");
  EXPECT_EQ(print_hex("6981ffffffffffffffff7f"), "2.25.0x81ffffffffffffffff7f");
  EXPECT_EQ(print_hex(""), "");
}

}  // namespace
}  // namespace pedigree::x509
