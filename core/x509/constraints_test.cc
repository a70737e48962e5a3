// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::common_name;
using testing::element;
using testing::Octets;
using testing::sequence;
using testing::unhex;

struct Case {
  std::string_view name, subtree;
  bool permitted, excluded;  ///< inside the subtree, as either kind takes it
};

void expect_within(der::Tag form, std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.name) + " in " + std::string(one.subtree));
    const GeneralName name{form, as_bytes(one.name)};
    const GeneralName subtree{form, as_bytes(one.subtree)};
    EXPECT_EQ(general_name_within(name, subtree, false), one.permitted);
    EXPECT_EQ(general_name_within(name, subtree, true), one.excluded);
  }
}

TEST(Subtree, OfDnsNames) {
  expect_within(kDnsName, {{"host.example.com", "example.com", true, true},
                           {"EXAMPLE.com", "example.COM", true, true},
                           {"example.com", "host.example.com", false, false},
                           {"badexample.com", "example.com", false, false},
                           {"example.com.", "example.com", true, true},
                           {"example.com", "example.com.", true, true},
                           {"host.example.com", ".example.com", true, true},
                           {"example.com", ".example.com", false, false},
                           {"anything", "", true, true},
                           {"*.example.com", "example.com", true, true},
                           {"*.example.com", "host.example.com", false, true},
                           {"*.example.com", "host.other.com", false, false}});
}

TEST(Subtree, OfMailboxes) {
  expect_within(kRfc822Name, {{"a@example.com", "a@EXAMPLE.com", true, true},
                              {"A@example.com", "a@example.com", false, false},
                              {"a@example.com", "example.com", true, true},
                              {"a@host.example.com", "example.com", false, false},
                              {"a@host.example.com", ".example.com", true, true},
                              {"a@example.com", ".example.com", false, false},
                              {"a@b@example.com", "example.com", true, true},
                              {"a@example.com", "", true, true}});
  EXPECT_EQ(general_name_within({kRfc822Name, as_bytes("none")}, {kRfc822Name, {}}, true).error().code,
            ErrorCode::bad_value);
}

TEST(Subtree, OfUris) {
  expect_within(kUri, {{"https://example.com/path", "example.com", true, true},
                       {"https://user@EXAMPLE.com:8443?x", "example.com", true, true},
                       {"https://host.example.com", "example.com", false, false},
                       {"https://host.example.com#f", ".example.com", true, true},
                       {"https://evil.com/@example.com", "example.com", false, false},
                       {"https://example.com@evil.com", "example.com", false, false},
                       {"coap://a", "", true, true}});
  for (const char* uri : {"urn:uuid:1", "https://192.0.2.1/", "https://[2001:db8::1]/", "/a://example.com",
                          "https:///path", "https://ex%61mple.com/"}) {
    EXPECT_EQ(general_name_within({kUri, as_bytes(uri)}, {kUri, as_bytes("example.com")}, true).error().code,
              ErrorCode::bad_value)
        << uri;
  }
}

TEST(Subtree, OfAddresses) {
  const auto within = [](const char* address, const char* subtree) {
    return general_name_within({kIpAddress, unhex(address)}, {kIpAddress, unhex(subtree)}, false).value();
  };
  EXPECT_TRUE(within("c0000205", "c0000200 ffffff00"));
  EXPECT_FALSE(within("c0000305", "c0000200 ffffff00"));
  EXPECT_TRUE(within("c0000305", "00000000 00000000"));
  EXPECT_FALSE(within("20010db8000000000000000000000001", "00000000 00000000"));
}

TEST(Subtree, OfOtherFormsIsUnsupported) {
  for (const der::Tag form : {kOtherName, kX400Address, kEdiPartyName, kRegisteredId}) {
    EXPECT_EQ(general_name_within({form, {}}, {form, {}}, false).error().code,
              ErrorCode::unsupported_name_form);
  }
}

// A CA with these constraints over a leaf with these names.
class NameConstraintsTest : public ::testing::Test {
 protected:
  std::optional<ErrorCode> validate(const Octets& constraints, const Octets& names,
                                    const Octets& subject = common_name("Leaf")) {
    const crypto::PrivateKey root_key{crypto::KeyType::p256, 1};
    testing::CertificateSpec root;
    root.subject = "Root";
    root.key = root.issuer_key = root_key;
    root.extensions.basic_constraints = BasicConstraints{true, {}};
    root.extensions.name_constraints = constraints;
    testing::CertificateSpec leaf;
    leaf.subject_der = subject;
    leaf.key = {crypto::KeyType::p256, 2};
    leaf.issuer_key = root_key;
    leaf.extensions.subject_alt_name = names;
    leaf.extensions.subject_alt_name_critical = true;
    const Octets root_der = testing::make_certificate(crypto_, root);
    const Octets leaf_der = testing::make_certificate(crypto_, leaf);
    const TrustAnchor anchor{Certificate::parse(root_der).value(), {}, {}};
    PathOptions options;
    options.anchors = std::span(&anchor, 1);
    const Bytes chain[] = {leaf_der};
    return validate_path(crypto_, chain, options).code;
  }

  static Octets permitted(const Octets& base) { return element(0xa0, sequence({base})); }
  static Octets excluded(const Octets& base) { return element(0xa1, sequence({base})); }
  static Octets dns(std::string_view text) { return element(kDnsName, as_bytes(text)); }
  static Octets join(const Octets& a, const Octets& b) {
    Octets out = a;
    out.insert(out.end(), b.begin(), b.end());
    return out;
  }

  testing::FakeCrypto crypto_;
};

TEST_F(NameConstraintsTest, PermitAndExclude) {
  EXPECT_FALSE(validate(permitted(dns("example.com")), dns("a.example.com")));
  EXPECT_EQ(validate(permitted(dns("example.com")), dns("a.example.org")), ErrorCode::name_not_permitted);
  EXPECT_EQ(validate(permitted(dns("example.com")), join(dns("a.example.com"), dns("b.org"))),
            ErrorCode::name_not_permitted);
  EXPECT_EQ(validate(excluded(dns("example.com")), dns("a.example.com")), ErrorCode::name_excluded);
  EXPECT_FALSE(validate(excluded(dns("example.com")), dns("a.example.org")));
  const Octets both = join(permitted(dns("example.com")), excluded(dns("bad.example.com")));
  EXPECT_FALSE(validate(both, dns("good.example.com")));
  EXPECT_EQ(validate(both, dns("very.bad.example.com")), ErrorCode::name_excluded);
}

TEST_F(NameConstraintsTest, LeaveOtherFormsAlone) {
  EXPECT_FALSE(validate(permitted(dns("example.com")), element(kUri, as_bytes("urn:x"))));
  EXPECT_FALSE(validate(permitted(dns("example.com")), {}));
}

TEST_F(NameConstraintsTest, HoldForTheSubject) {
  const Octets base = element(kDirectoryName, common_name("Acme"));
  EXPECT_EQ(validate(permitted(base), {}), ErrorCode::name_not_permitted);
  EXPECT_FALSE(validate(permitted(base), {}, common_name("ACME")));
  EXPECT_EQ(validate(excluded(base), {}, common_name("acme")), ErrorCode::name_excluded);
  EXPECT_FALSE(validate(permitted(base), dns("a"), unhex("3000")));
}

// Another string type must not carry a name past an excluded subtree.
TEST_F(NameConstraintsTest, HoldForEveryStringType) {
  const Octets base = element(kDirectoryName, common_name("Acme"));
  const Octets bmp = sequence(
      {element(der::kSet, sequence({element(der::kOid, oid::kCommonName), unhex("1e08 00410063006d0065")}))});
  EXPECT_EQ(validate(excluded(base), {}, bmp), ErrorCode::name_excluded);
}

TEST_F(NameConstraintsTest, HoldForTheSubjectsMailbox) {
  const auto subject = [](der::Tag tag, std::string_view mailbox) {
    return sequence({element(
        der::kSet, sequence({element(der::kOid, oid::kEmailAddress), element(tag, as_bytes(mailbox))}))});
  };
  const Octets base = element(kRfc822Name, as_bytes("example.com"));
  EXPECT_FALSE(validate(permitted(base), {}, subject(der::kIa5String, "a@example.com")));
  EXPECT_EQ(validate(permitted(base), {}, subject(der::kIa5String, "a@example.org")),
            ErrorCode::name_not_permitted);
  EXPECT_EQ(validate(excluded(base), {}, subject(der::kIa5String, "a@example.com")),
            ErrorCode::name_excluded);
  EXPECT_EQ(validate(excluded(base), {}, subject(der::kBmpString, "a@example.org ")),
            ErrorCode::name_excluded);
  // With an rfc822Name, the subject's address is not looked at.
  EXPECT_FALSE(validate(permitted(base), element(kRfc822Name, as_bytes("b@example.com")),
                        subject(der::kIa5String, "a@example.org")));
}

TEST_F(NameConstraintsTest, OfUnsupportedFormsAreRefusedWhereSuchANameIsPresent) {
  const Octets id = unhex("8802 2a03");
  EXPECT_EQ(validate(permitted(id), id), ErrorCode::unsupported_name_form);
  EXPECT_EQ(validate(excluded(id), id), ErrorCode::unsupported_name_form);
  EXPECT_FALSE(validate(excluded(id), dns("a")));
}

TEST_F(NameConstraintsTest, RefuseWhatCannotBeCompared) {
  const Octets base = element(kUri, as_bytes("example.com"));
  const Octets urn = element(kUri, as_bytes("urn:x"));
  EXPECT_EQ(validate(permitted(base), urn), ErrorCode::name_not_permitted);
  EXPECT_EQ(validate(excluded(base), urn), ErrorCode::name_excluded);
}

TEST(NameConstraints, StopAtTheirBudget) {
  testing::CertificateParts parts = testing::CertificateParts::good();
  const Octets der = parts.assemble();
  const Octets base = sequence({element(kDnsName, as_bytes("a"))});
  const Octets constraints = element(0xa1, {base, base, base});
  std::uint32_t budget = 3;
  EXPECT_EQ(check_names_allowed(Certificate::parse(der).value(), constraints, budget), ErrorCode{});
  EXPECT_EQ(budget, 0U);
  EXPECT_EQ(check_names_allowed(Certificate::parse(der).value(), constraints, budget), ErrorCode::too_many);
}

}  // namespace
}  // namespace pedigree::x509
