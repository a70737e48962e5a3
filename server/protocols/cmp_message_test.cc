// SPDX-License-Identifier: Apache-2.0
// Messages that openssl cmp has written (the fuzzer's corpus), read; and error messages, written and read.
#include "server/protocols/cmp_message.h"

#include <gmock/gmock.h>

#include "crypto/openssl/keys.h"
#include "server/protocols/cmp_failure.h"
#include "server/protocols/cmp_outcome.h"
#include "testing/authority/unit.h"

namespace pedigree::protocols {
namespace {

using ::testing::HasSubstr;
using testing::Octets;

Octets seed(const std::string& name) {
  return testing::read_file("fuzz/corpus/cmp/" + name);
}

TEST(CmpMessage, ReadsWhatOpensslWrites) {
  const std::pair<const char*, CmpBody> seeds[] = {
      {"ir", CmpBody::ir},       {"cr_implicit", CmpBody::cr},
      {"p10cr", CmpBody::p10cr}, {"kur", CmpBody::kur},
      {"rr", CmpBody::rr},       {"genm", CmpBody::genm},
      {"error", CmpBody::error}, {"cert_conf", CmpBody::cert_conf}};
  for (const auto& [name, body] : seeds) {
    SCOPED_TRACE(name);
    const Octets message = seed(name);
    const auto outline = read_cmp_outline(message);
    ASSERT_TRUE(outline) << outline.error().detail;
    EXPECT_EQ(outline->body, body);
    EXPECT_EQ(outline->transaction.size(), 16U);
    EXPECT_EQ(outline->nonce.size(), 16U);
    EXPECT_EQ(outline->time.has_value(), body != CmpBody::error) << "which is one of ours";
    EXPECT_EQ(outline->implicit_confirm, std::string_view(name) == "cr_implicit");
    ASSERT_TRUE(outline->protection && outline->protection->signature);
    EXPECT_FALSE(is_mac(*outline->protection));
    EXPECT_TRUE(x509::Certificate::parse(outline->signer));
    EXPECT_EQ(asks_for_certificate(outline->body), body < CmpBody::kup);
  }
}

/// The seed "kur" with this as its messageTime, GeneralizedTime; none: without one.
Octets kur_of(std::optional<std::string_view> time) {
  const Octets message = seed("kur");
  Reader outer(message);
  Reader parts = der::read(outer, der::kSequence).value().reader();
  Reader header = der::read(parts, der::kSequence).value().reader();
  Octets changed(message.size() + 64);
  Writer writer(changed);
  der::Builder out(writer);
  const std::size_t whole = out.open(der::kSequence);
  const std::size_t fields = out.open(der::kSequence);
  for (int field = 0; field < 3; ++field) out.raw(der::read_any(header).value().whole);
  EXPECT_EQ(der::read_any(header).value().tag, der::context_constructed(0)) << "messageTime";
  if (time) {
    const std::size_t field = out.open(der::context_constructed(0));
    out.element(der::kGeneralizedTime, as_bytes(*time));
    out.close(field);
  }
  out.raw(header.rest());
  out.close(fields);
  out.raw(parts.rest());
  out.close(whole);
  changed.resize(writer.size());
  return changed;
}

TEST(CmpMessage, TimesAreThoseOfDer) {
  constexpr der::UnixTime kTime = 1'800'000'000;
  const auto time_of = [](std::optional<std::string_view> time) {
    const Octets message = kur_of(time);
    const auto outline = read_cmp_outline(message);
    EXPECT_TRUE(outline) << outline.error().detail;
    return outline ? outline->time : std::nullopt;
  };
  EXPECT_EQ(time_of("20270115080000Z"), kTime);
  EXPECT_EQ(time_of("20270115080000.5Z"), kTime);
  EXPECT_EQ(time_of("20270115080000.999999Z"), kTime);
  EXPECT_EQ(time_of("99991231235959Z"), der::kNoWellDefinedExpiration);
  EXPECT_EQ(time_of(std::nullopt), std::nullopt);
  for (const std::string_view bad :
       {"", "Z", "2027011508000Z", "20270115080000", "20270115080000.Z", "20270115080000.0Z",
        "20270115080000.50Z", "20270115080000,5Z", "20270115080000.5", "20270115080000.5+",
        "20270115080000+0100", "20270115080000.5a5Z", "2027011508Z", "20271315080000Z", "20270115086000Z",
        "270115080000Z"}) {
    EXPECT_FALSE(read_cmp_outline(kur_of(bad))) << bad;
  }
}

TEST(CmpMessage, KnowsWhatIsNotSigned) {
  const Octets mac = seed("mac");
  const auto protected_by_mac = read_cmp_outline(mac);
  ASSERT_TRUE(protected_by_mac && protected_by_mac->protection);
  EXPECT_TRUE(is_mac(*protected_by_mac->protection));
  EXPECT_FALSE(protected_by_mac->protection->signature);
  const Octets bare = seed("unprotected");
  const auto outline = read_cmp_outline(bare);
  ASSERT_TRUE(outline);
  EXPECT_FALSE(outline->protection);
}

TEST(CmpMessage, WhatIsCutOrLongerIsRefused) {
  Octets message = seed("kur");
  for (std::size_t size = 0; size < message.size(); ++size) {
    ASSERT_FALSE(read_cmp_outline(Bytes(message).first(size))) << size;
  }
  message.push_back(0);
  const auto outline = read_cmp_outline(message);
  ASSERT_FALSE(outline);
  EXPECT_THAT(outline.error().detail, HasSubstr("the PKIMessage at offset"));
}

/// The first CertReqMsg of this message.
Octets cert_request(const std::string& name) {
  const Octets message = seed(name);
  const auto outline = read_cmp_outline(message);
  Reader outer(outline.value().content);
  Reader list = der::read(outer, der::kSequence).value().reader();
  const Bytes whole = der::read(list, der::kSequence).value().whole;
  return {whole.begin(), whole.end()};
}

TEST(CmpMessage, PossessionIsProvenByASignatureAlone) {
  const Octets proven = cert_request("ir");
  const auto request = read_cmp_cert_request(proven);
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_TRUE(x509::parse_spki(request->spki));
  EXPECT_FALSE(request->subject.empty());
  const Octets verified_by_others = cert_request("cr_ra_verified");
  const auto refused = read_cmp_cert_request(verified_by_others);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_signature);
  // A poposkInput makes it a signature over less than the request.
  Reader outer(proven);
  Reader in = der::read(outer, der::kSequence).value().reader();
  Octets partial(proven.size() + 64);
  Writer writer(partial);
  der::Builder out(writer);
  const std::size_t sequence = out.open(der::kSequence);
  out.raw(der::read(in, der::kSequence).value().whole);
  const std::size_t proof = out.open(der::context_constructed(1));
  out.element(der::context_constructed(0), {});
  x509::write_signature_algorithm({crypto::Scheme::ecdsa, crypto::Hash::sha256}, out);
  out.bit_string({});
  out.close(proof);
  out.close(sequence);
  partial.resize(writer.size());
  const auto half = read_cmp_cert_request(partial);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, ErrorCode::invalid_signature);
}

TEST(CmpMessage, ReasonsAreThoseThatRevoke) {
  const Octets message = seed("rr");
  const auto outline = read_cmp_outline(message);
  ASSERT_TRUE(outline);
  Octets content(outline->content.begin(), outline->content.end());
  EXPECT_EQ(read_cmp_reason(content), x509::RevocationReason::key_compromise);
  // The ENUMERATED stands at the very end.
  for (const int other : {6, 7, 8, 11, 255}) {
    content.back() = static_cast<std::uint8_t>(other);
    EXPECT_FALSE(read_cmp_reason(content)) << other;
  }
  content.back() = 4;
  EXPECT_EQ(read_cmp_reason(content), x509::RevocationReason::superseded);
}

/// The content of a certConf with these fields of its CertStatus; none: without one.
Octets confirmation(std::optional<Octets> fields) {
  Octets content(256);
  Writer writer(content);
  der::Builder out(writer);
  const std::size_t list = out.open(der::kSequence);
  if (fields) out.element(der::kSequence, *fields);
  out.close(list);
  content.resize(writer.size());
  return content;
}

TEST(CmpMessage, ConfirmationsSayAHashAndWhetherItIsTaken) {
  for (const auto& [name, accepted] : {std::pair("cert_conf", true), std::pair("cert_conf_rejects", false)}) {
    SCOPED_TRACE(name);
    const Octets message = seed(name);
    const auto outline = read_cmp_outline(message);
    ASSERT_TRUE(outline);
    const auto said = read_cmp_confirmation(outline->content);
    ASSERT_TRUE(said) << said.error().detail;
    EXPECT_EQ(said->accepted, accepted);
    EXPECT_GE(said->hash.size(), 32U);
  }
  const auto none = read_cmp_confirmation(confirmation(std::nullopt));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->hash.empty());
  EXPECT_FALSE(none->accepted) << "what nobody names is rejected";
  const Octets good{0x04, 0x01, 0xaa, 0x02, 0x01, 0xff};
  EXPECT_TRUE(read_cmp_confirmation(confirmation(good)).value().accepted);
  const auto with = [&](std::initializer_list<std::uint8_t> more) {
    Octets fields = good;
    fields.insert(fields.end(), more);
    return read_cmp_confirmation(confirmation(fields));
  };
  EXPECT_TRUE(with({0x30, 0x03, 0x02, 0x01, 0x01}).value().accepted) << "grantedWithMods";
  for (const std::uint8_t status : std::initializer_list<std::uint8_t>{2, 3, 6, 127}) {
    EXPECT_FALSE(with({0x30, 0x03, 0x02, 0x01, status}).value().accepted) << int{status};
  }
  EXPECT_FALSE(with({0x02, 0x01, 0x00}));
  EXPECT_FALSE(with({0x30, 0x00}));
  EXPECT_FALSE(with({0xa0, 0x00})) << "hashAlg is of a later version";
  EXPECT_FALSE(read_cmp_confirmation(confirmation(Octets{0x04, 0x00, 0x02, 0x01, 0x00}))) << "no hash";
  EXPECT_FALSE(read_cmp_confirmation(confirmation(Octets{0x02, 0x01, 0x00})));
  Octets longer = confirmation(good);
  longer.push_back(0);
  EXPECT_FALSE(read_cmp_confirmation(longer));
  EXPECT_FALSE(read_cmp_confirmation({}));
}

/// A PKIMessage with nothing but this body.
CmpOutcome outcome_of(unsigned number, std::initializer_list<std::uint8_t> content) {
  Octets message(256);
  Writer writer(message);
  der::Builder out(writer);
  const std::size_t whole = out.open(der::kSequence);
  out.element(der::kSequence, {});
  out.element(der::context_constructed(number), Octets(content));
  out.close(whole);
  message.resize(writer.size());
  return read_cmp_outcome(message);
}

TEST(CmpOutcome, IsSaidInWordsOfTheStandard) {
  const auto expect = [](const CmpOutcome& got, const char* body, const char* status, const char* failure) {
    EXPECT_EQ(got.body, body);
    EXPECT_EQ(got.status, status);
    EXPECT_EQ(got.failure, failure);
  };
  // CertRepMessage: without and with caPubs; RevRepContent; ErrorMsgContent with two bits.
  expect(outcome_of(3, {0x30, 0x0c, 0x30, 0x0a, 0x30, 0x08, 0x02, 0x01, 0x00, 0x30, 0x03, 0x02, 0x01, 0x00}),
         "cp", "accepted", "none");
  expect(outcome_of(1, {0x30, 0x12, 0xa1, 0x00, 0x30, 0x0e, 0x30, 0x0c, 0x02, 0x01,
                        0x00, 0x30, 0x07, 0x02, 0x01, 0x02, 0x03, 0x02, 0x05, 0x20}),
         "ip", "rejection", "badRequest");
  expect(outcome_of(12, {0x30, 0x0b, 0x30, 0x09, 0x30, 0x07, 0x02, 0x01, 0x02, 0x03, 0x02, 0x03, 0x08}), "rp",
         "rejection", "badCertId");
  expect(outcome_of(23, {0x30, 0x0e, 0x30, 0x0c, 0x02, 0x01, 0x02, 0x30, 0x00, 0x03, 0x05, 0x05, 0x00, 0x00,
                         0x00, 0xe0}),
         "error", "rejection", "systemUnavail");
  expect(outcome_of(19, {0x05, 0x00}), "pkiconf", "accepted", "none");
  // Waiting, a bit that has no name, a body that is no answer, and rubbish.
  expect(outcome_of(23, {0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x03}), "error", "other", "none");
  expect(outcome_of(
             23, {0x30, 0x0d, 0x30, 0x0b, 0x02, 0x01, 0x02, 0x03, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01}),
         "error", "rejection", "other");
  expect(outcome_of(4, {0x30, 0x00}), "other", "other", "none");
  expect(outcome_of(1, {0x30, 0x00}), "ip", "other", "none");
  expect(read_cmp_outcome({}), "other", "other", "none");
}

TEST(CmpMessage, PathsHaveALabelAndAnOperation) {
  const auto path = parse_cmp_path("/p/idevid.acme/keyupdate");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->profile, "idevid");
  EXPECT_EQ(path->issuer, "acme");
  EXPECT_TRUE(belongs_to(*path, CmpBody::kur));
  EXPECT_TRUE(belongs_to(*path, CmpBody::cert_conf));
  EXPECT_FALSE(belongs_to(*path, CmpBody::cr));
  for (const char* good : {"", "/", "/p/x", "/p/x/", "/initialization"})
    EXPECT_TRUE(parse_cmp_path(good)) << good;
  for (const char* bad :
       {"x", "/x", "/p", "/p/", "/p//keyupdate", "/p/x.", "/p/.x", "/p/x/y", "/keyupdate/", "//"}) {
    EXPECT_FALSE(parse_cmp_path(bad)) << bad;
  }
}

TEST(CmpFailure, AnErrorMessageAnswersItsRequestUnderASignature) {
  const crypto::Crypto& crypto = testing::host_crypto();
  auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
  ASSERT_TRUE(key);
  authority::CaFields fields;
  fields.common_name = "a signer";
  fields.key = key->view();
  fields.not_after = 2'000'000'000;
  const auto certificate = authority::make_ca(crypto, fields);
  ASSERT_TRUE(certificate);
  const auto delegate = std::make_shared<const Delegate>(Delegate{*certificate, key->view()});
  const Octets request = seed("kur");
  const auto about = read_cmp_outline(request);
  ASSERT_TRUE(about);
  for (const CmpFailure failure : {CmpFailure::bad_alg, CmpFailure::bad_cert_id, CmpFailure::not_authorized,
                                   CmpFailure::system_unavail, CmpFailure::duplicate_cert_req}) {
    const auto written = write_cmp_error(crypto, {delegate, {}}, *about, {failure, "no"});
    ASSERT_TRUE(written);
    EXPECT_EQ(read_cmp_outcome(*written).body, "error");
    EXPECT_EQ(read_cmp_outcome(*written).status, "rejection");
    const auto outline = read_cmp_outline(*written);
    ASSERT_TRUE(outline) << outline.error().detail;
    EXPECT_EQ(outline->body, CmpBody::error);
    EXPECT_TRUE(equal(outline->transaction, about->transaction));
    EXPECT_TRUE(equal(outline->signer, *certificate));
    Reader content(outline->content);
    Reader error = der::read(content, der::kSequence).value().reader();
    Reader status = der::read(error, der::kSequence).value().reader();
    EXPECT_EQ(der::read_u32(status), 2U);
    EXPECT_TRUE(der::read(status, der::kSequence));
    const Bytes bits = der::read(status, der::kBitString).value().content;
    const auto bit = static_cast<unsigned>(failure);
    ASSERT_EQ(bits.size(), 2U + bit / 8U);
    EXPECT_EQ(bits.front(), 7U - bit % 8U);
    EXPECT_EQ(bits.back(), 0x80U >> bit % 8U) << "one bit, and the last of its octet that is not unused";
  }
}

TEST(CmpFailure, AConfirmationIsAnAnswerToo) {
  const crypto::Crypto& crypto = testing::host_crypto();
  auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
  ASSERT_TRUE(key);
  authority::CaFields fields;
  fields.common_name = "a signer";
  fields.key = key->view();
  fields.not_after = 2'000'000'000;
  const auto certificate = authority::make_ca(crypto, fields);
  ASSERT_TRUE(certificate);
  const auto delegate = std::make_shared<const Delegate>(Delegate{*certificate, key->view()});
  const Octets request = seed("cert_conf");
  const auto about = read_cmp_outline(request);
  ASSERT_TRUE(about);
  const auto written = write_cmp_confirm(crypto, {delegate, {}}, *about);
  ASSERT_TRUE(written);
  const auto outline = read_cmp_outline(*written);
  ASSERT_TRUE(outline) << outline.error().detail;
  EXPECT_EQ(outline->body, CmpBody::pki_conf);
  EXPECT_TRUE(equal(outline->content, Octets{0x05, 0x00}));
  EXPECT_TRUE(equal(outline->transaction, about->transaction));
  EXPECT_TRUE(outline->protection && outline->protection->signature);
  EXPECT_EQ(read_cmp_outcome(*written).body, "pkiconf");
}

}  // namespace
}  // namespace pedigree::protocols
