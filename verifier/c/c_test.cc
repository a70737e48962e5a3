// SPDX-License-Identifier: Apache-2.0
// The C interface, through the shared library as it is shipped.
#include <gtest/gtest.h>
#include <pedigree.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>

#include "core/bytes/error.h"
#include "testing/verifier/fleet.h"
#include "verifier/status/bundle_writer.h"

namespace pedigree::testing {
namespace {

constexpr std::int64_t kNow = kFleetNow;

pedigree_bytes lend(const Octets& octets) {
  return {octets.data(), octets.size()};
}
Octets copy(pedigree_bytes octets) {
  return octets.size == 0 ? Octets() : Octets(octets.data, octets.data + octets.size);
}

struct FreeVerifier {
  void operator()(pedigree_verifier* verifier) const { pedigree_verifier_free(verifier); }
};
struct FreeResult {
  void operator()(pedigree_result* result) const { pedigree_result_free(result); }
};
using VerifierHandle = std::unique_ptr<pedigree_verifier, FreeVerifier>;
using ResultHandle = std::unique_ptr<pedigree_result, FreeResult>;

class CApi : public ::testing::Test {
 protected:
  CApi() { write_file(folder_ / "root.der", fleet_.root().certificate); }

  VerifierHandle verifier(
      const std::string& policy = "roots = [\"root.der\"]\nunknown_revocation = \"ignore\"\n") {
    pedigree_verifier* made = nullptr;
    EXPECT_EQ(pedigree_verifier_from_text(policy.c_str(), folder_.path().c_str(), &made), 0)
        << pedigree_last_error();
    return VerifierHandle(made);
  }
  static ResultHandle appraise(const VerifierHandle& verifier, const Octets& token,
                               const Octets& nonce = Octets(32, 0x4e), std::int64_t now = kNow) {
    pedigree_result* made = nullptr;
    EXPECT_EQ(pedigree_appraise_token(verifier.get(), lend(token), nullptr, 0, lend(nonce), now, &made), 0)
        << pedigree_last_error();
    return ResultHandle(made);
  }
  Sha256 key_hash(const Holder& holder) const { return Fleet::crypto().sha256(holder.spki).value(); }
  std::string bundle(std::uint64_t number, const std::vector<Octets>& revoked = {}) {
    verifier::BundleContents contents;
    contents.issued_at = kNow;
    contents.expires_at = kNow + 1000;
    contents.number = number;
    contents.roots = {fleet_.root().certificate};
    contents.revoked = {
        {key_hash(fleet_.root()), {}}, {key_hash(fleet_.vendor()), {}}, {key_hash(fleet_.oem()), {}}};
    for (const Octets& der : revoked) {
      contents.revoked[2].records.push_back(
          verifier::RevokedRecord::of(x509::Certificate::parse(der).value().serial(), kNow - 5, 1));
    }
    const Bytes chain[] = {fleet_.vendor().certificate};
    const auto sign = [&](Bytes manifest) -> Result<Octets> {
      Octets buffer(2 * manifest.size() + 4096);
      PEDIGREE_ASSIGN(
          const Bytes message,
          cose::write_sign1(
              Fleet::crypto(),
              {.payload = manifest, .external_aad = as_bytes(verifier::kBundleContext), .x5chain = chain},
              fleet_.vendor().key.view(), buffer));
      return Octets(message.begin(), message.end());
    };
    const auto file = folder_ / ("bundle" + std::to_string(number));
    write_file(file, verifier::make_bundle(Fleet::crypto(), contents, sign).value());
    return file.string();
  }

  Fleet fleet_;
  TempDir folder_;
};

TEST_F(CApi, AppraisesATokenAndTellsEverything) {
  const auto trusting = verifier();
  const auto device = fleet_.device(1);
  const auto result = appraise(trusting, device.token());
  EXPECT_EQ(pedigree_result_verdict(result.get()), PEDIGREE_TRUSTED);
  EXPECT_STREQ(pedigree_result_reason(result.get()), "");
  EXPECT_EQ(pedigree_result_reason_code(result.get()), 0);
  EXPECT_EQ(copy(pedigree_result_device_id(result.get())), device.id());
  EXPECT_EQ(copy(pedigree_result_attested_key(result.get())), device.holder().spki);
  EXPECT_GT(pedigree_result_payload(result.get()).size, 100U);
  const std::size_t count = pedigree_result_check_count(result.get());
  EXPECT_EQ(count, 12U);
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_GT(std::strlen(pedigree_result_check_kind(result.get(), i)), 3U);
    EXPECT_GT(std::strlen(pedigree_result_check_sentence(result.get(), i)), 5U);
  }
  EXPECT_STREQ(pedigree_result_check_kind(result.get(), 1), "signature");
  EXPECT_EQ(pedigree_result_check_outcome(result.get(), 1), PEDIGREE_CHECK_OK);
  EXPECT_EQ(pedigree_result_check_kind(result.get(), count), nullptr);
  EXPECT_EQ(pedigree_result_check_sentence(result.get(), count), nullptr);
  EXPECT_EQ(pedigree_result_check_outcome(result.get(), count), PEDIGREE_CHECK_SKIPPED);
  const std::string json = pedigree_result_json(result.get());
  EXPECT_NE(json.find(R"("verdict":"trusted")"), std::string::npos) << json;
  const std::string claims = pedigree_result_claims_json(result.get());
  EXPECT_NE(claims.find("\"instance_id\":\"" + hex(device.id()) + "\""), std::string::npos) << claims;
}

TEST_F(CApi, RejectsWithTheReason) {
  const auto trusting = verifier();
  const auto result = appraise(trusting, fleet_.device(1).token(), Octets(32, 1));
  EXPECT_EQ(pedigree_result_verdict(result.get()), PEDIGREE_REJECTED);
  EXPECT_EQ(pedigree_result_reason_code(result.get()), static_cast<int>(ErrorCode::wrong_nonce));
  EXPECT_NE(std::string(pedigree_result_reason(result.get())).find("nonce"), std::string::npos);
  const auto nonsense = appraise(trusting, Octets{1, 2, 3});
  EXPECT_EQ(pedigree_result_verdict(nonsense.get()), PEDIGREE_REJECTED);
  EXPECT_STREQ(pedigree_result_claims_json(nonsense.get()), "null");
  EXPECT_EQ(pedigree_result_attested_key(nonsense.get()).size, 0U);
  EXPECT_EQ(pedigree_result_device_id(nonsense.get()).size, 0U);
}

TEST_F(CApi, TakesTheChainBesideTheToken) {
  const auto trusting = verifier();
  const auto device = fleet_.device(1);
  const Octets token = device.token({.with_chain = false});
  std::vector<pedigree_bytes> chain;
  for (const Octets& der : device.chain()) chain.push_back(lend(der));
  const Octets nonce(32, 0x4e);
  pedigree_result* result = nullptr;
  ASSERT_EQ(pedigree_appraise_token(trusting.get(), lend(token), chain.data(), chain.size(), lend(nonce),
                                    kNow, &result),
            0);
  EXPECT_EQ(pedigree_result_verdict(result), PEDIGREE_TRUSTED);
  pedigree_result_free(result);
  const std::vector<pedigree_bytes> many(1000, chain[0]);
  ASSERT_EQ(pedigree_appraise_token(trusting.get(), lend(token), many.data(), many.size(), lend(nonce), kNow,
                                    &result),
            0);
  EXPECT_EQ(pedigree_result_verdict(result), PEDIGREE_REJECTED);
  pedigree_result_free(result);
}

TEST_F(CApi, VerifiesData) {
  const auto trusting = verifier();
  const Octets message = fleet_.data_device(3).sign(as_bytes("21.5 C"));
  pedigree_result* made = nullptr;
  ASSERT_EQ(pedigree_verify_data(trusting.get(), lend(message), nullptr, 0, kNow, &made), 0);
  const ResultHandle result(made);
  EXPECT_EQ(pedigree_result_verdict(result.get()), PEDIGREE_TRUSTED) << pedigree_result_reason(result.get());
  EXPECT_EQ(std::string(as_text(copy(pedigree_result_payload(result.get())))), "21.5 C");
}

TEST_F(CApi, AsksListsAndBundles) {
  const auto device = fleet_.device(1);
  const auto strict = verifier("roots = [\"root.der\"]\nunknown_revocation = \"reject\"\n");
  EXPECT_EQ(pedigree_result_reason_code(appraise(strict, device.token()).get()),
            static_cast<int>(ErrorCode::status_unknown));
  for (const Holder* issuer : {&fleet_.root(), &fleet_.vendor()}) {
    const Octets crl = Fleet::crl(*issuer, {});
    ASSERT_EQ(pedigree_verifier_add_crl(strict.get(), crl.data(), crl.size()), 0) << pedigree_last_error();
  }
  const Octets crl = Fleet::crl(fleet_.oem(), {device.chain()[0]});
  ASSERT_EQ(pedigree_verifier_add_crl(strict.get(), crl.data(), crl.size()), 0);
  EXPECT_EQ(pedigree_result_reason_code(appraise(strict, device.token()).get()),
            static_cast<int>(ErrorCode::revoked));

  const auto offline = verifier("roots = [\"root.der\"]\nunknown_revocation = \"reject\"\n");
  ASSERT_EQ(pedigree_verifier_load_bundle(offline.get(), bundle(5).c_str(), kNow), 0)
      << pedigree_last_error();
  EXPECT_EQ(pedigree_result_verdict(appraise(offline, device.token()).get()), PEDIGREE_TRUSTED);
  EXPECT_EQ(
      pedigree_result_reason_code(appraise(offline, device.token(), Octets(32, 0x4e), kNow + 1001).get()),
      static_cast<int>(ErrorCode::status_stale));
  ASSERT_EQ(pedigree_verifier_load_bundle(offline.get(), bundle(6, {device.chain()[0]}).c_str(), kNow), 0);
  EXPECT_EQ(pedigree_result_reason_code(appraise(offline, device.token()).get()),
            static_cast<int>(ErrorCode::revoked));
  EXPECT_EQ(pedigree_verifier_load_bundle(offline.get(), bundle(5).c_str(), kNow),
            static_cast<int>(ErrorCode::bundle_rolled_back));
  EXPECT_NE(std::string(pedigree_last_error()).find("smaller than 6"), std::string::npos)
      << pedigree_last_error();
  const Octets nonsense{1, 2, 3};
  EXPECT_GT(pedigree_verifier_add_crl(offline.get(), nonsense.data(), nonsense.size()), 0);
  EXPECT_GT(pedigree_verifier_add_ocsp(offline.get(), nonsense.data(), nonsense.size()), 0);
  EXPECT_EQ(pedigree_result_reason_code(appraise(offline, device.token()).get()),
            static_cast<int>(ErrorCode::revoked));
}

TEST_F(CApi, SignsResults) {
  const auto signing = verifier();
  const auto result = appraise(signing, fleet_.device(1).token());
  const char* jwt = nullptr;
  pedigree_bytes cwt{};
  EXPECT_EQ(pedigree_result_ear_jwt(result.get(), signing.get(), {nullptr, 0}, 60, &jwt),
            PEDIGREE_E_ARGUMENT);
  EXPECT_EQ(jwt, nullptr);
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  ASSERT_EQ(pedigree_verifier_set_ear_key(signing.get(), key.to_pem("secret").value().c_str(), "secret"), 0);
  ASSERT_EQ(pedigree_result_ear_jwt(result.get(), signing.get(), {nullptr, 0}, 60, &jwt), 0)
      << pedigree_last_error();
  EXPECT_EQ(std::ranges::count(std::string(jwt), '.'), 2);
  ASSERT_EQ(pedigree_result_ear_cwt(result.get(), signing.get(), {nullptr, 0}, 0, &cwt), 0);
  EXPECT_TRUE(cose::Sign1::parse({cwt.data, cwt.size}));
  const Octets short_nonce(3, 1);
  EXPECT_EQ(pedigree_result_ear_cwt(result.get(), signing.get(), lend(short_nonce), 0, &cwt),
            static_cast<int>(ErrorCode::bad_value));
  const auto other = crypto::OpenSslKey::generate(crypto::KeyType::p384).value();
  EXPECT_EQ(pedigree_verifier_set_ear_key(signing.get(), other.to_pem("").value().c_str(), nullptr),
            static_cast<int>(ErrorCode::wrong_key_type));
  EXPECT_EQ(pedigree_verifier_set_ear_key(signing.get(), key.to_pem("secret").value().c_str(), "wrong"),
            static_cast<int>(ErrorCode::wrong_passphrase));
}

TEST_F(CApi, FailuresHaveASentenceAndLeaveNothing) {
  auto* made = reinterpret_cast<pedigree_verifier*>(this);
  EXPECT_EQ(pedigree_verifier_from_text("colour = \"red\"", ".", &made),
            static_cast<int>(ErrorCode::bad_configuration));
  EXPECT_EQ(made, nullptr);
  EXPECT_NE(std::string(pedigree_last_error()).find("colour"), std::string::npos) << pedigree_last_error();
  EXPECT_EQ(pedigree_verifier_from_text("roots = [", ".", &made),
            static_cast<int>(ErrorCode::bad_configuration));
  EXPECT_EQ(std::string(pedigree_last_error()).substr(0, 4), "line") << pedigree_last_error();
  EXPECT_GT(pedigree_verifier_from_file("/nowhere/policy.toml", &made), 0);
  EXPECT_NE(std::string(pedigree_last_error()).find("/nowhere/policy.toml"), std::string::npos);
}

TEST_F(CApi, NullIsAnErrorAndNotTheEnd) {
  const auto trusting = verifier();
  pedigree_verifier* made = nullptr;
  pedigree_result* result = nullptr;
  const pedigree_bytes none{nullptr, 0};
  const pedigree_bytes broken{nullptr, 5};
  const char* jwt = nullptr;
  for (const int status : {pedigree_verifier_from_file(nullptr, &made),
                           pedigree_verifier_from_file("x", nullptr),
                           pedigree_verifier_from_text(nullptr, ".", &made),
                           pedigree_verifier_from_text("", nullptr, &made),
                           pedigree_verifier_add_crl(nullptr, nullptr, 0),
                           pedigree_verifier_add_crl(trusting.get(), nullptr, 3),
                           pedigree_verifier_add_ocsp(trusting.get(), nullptr, 3),
                           pedigree_verifier_load_bundle(nullptr, "x", 0),
                           pedigree_verifier_load_bundle(trusting.get(), nullptr, 0),
                           pedigree_verifier_set_ear_key(trusting.get(), nullptr, ""),
                           pedigree_appraise_token(nullptr, none, nullptr, 0, none, 0, &result),
                           pedigree_appraise_token(trusting.get(), broken, nullptr, 0, none, 0, &result),
                           pedigree_appraise_token(trusting.get(), none, nullptr, 0, broken, 0, &result),
                           pedigree_appraise_token(trusting.get(), none, nullptr, 2, none, 0, &result),
                           pedigree_appraise_token(trusting.get(), none, &broken, 1, none, 0, &result),
                           pedigree_appraise_token(trusting.get(), none, nullptr, 0, none, 0, nullptr),
                           pedigree_verify_data(nullptr, none, nullptr, 0, 0, &result),
                           pedigree_verify_data(trusting.get(), broken, nullptr, 0, 0, &result),
                           pedigree_result_ear_jwt(nullptr, trusting.get(), none, 0, &jwt),
                           pedigree_result_ear_cwt(nullptr, nullptr, none, 0, nullptr)}) {
    EXPECT_EQ(status, PEDIGREE_E_ARGUMENT);
  }
  EXPECT_EQ(result, nullptr);
  EXPECT_EQ(pedigree_result_verdict(nullptr), PEDIGREE_REJECTED);
  EXPECT_EQ(pedigree_result_check_count(nullptr), 0U);
  EXPECT_EQ(pedigree_result_json(nullptr), nullptr);
  EXPECT_STREQ(pedigree_result_reason(nullptr), "");
  EXPECT_EQ(pedigree_result_payload(nullptr).size, 0U);
  pedigree_verifier_free(nullptr);
  pedigree_result_free(nullptr);
  // An empty token is one that is rejected.
  ASSERT_EQ(pedigree_appraise_token(trusting.get(), none, nullptr, 0, none, 0, &result), 0);
  EXPECT_EQ(pedigree_result_verdict(result), PEDIGREE_REJECTED);
  pedigree_result_free(result);
}

TEST_F(CApi, ThreadsAskWhileListsAreAdded) {
  const auto shared = verifier();
  const auto device = fleet_.device(1);
  const Octets token = device.token();
  const Octets crl = Fleet::crl(fleet_.oem(), {});
  std::atomic<unsigned> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 100; ++k) {
        if (pedigree_result_verdict(appraise(shared, token).get()) != PEDIGREE_TRUSTED) ++wrong;
      }
    });
  }
  for (int i = 0; i < 30; ++i) EXPECT_EQ(pedigree_verifier_add_crl(shared.get(), crl.data(), crl.size()), 0);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(CLibrary, ExportsWhatIsListedAndNothingElse) {
  const auto result = run({"nm", "-D", "--defined-only", std::getenv("PEDIGREE_LIBRARY")});
  ASSERT_EQ(result.status, 0) << result.output;
  std::vector<std::string> exported;
  std::istringstream lines(result.output);
  for (std::string address, type, symbol; lines >> address >> type >> symbol;) {
    if (type == "A") continue;  // the version itself
    EXPECT_TRUE(symbol.ends_with("@@PEDIGREE_1")) << symbol;
    exported.push_back(symbol.substr(0, symbol.find('@')));
  }
  std::vector<std::string> listed;
  std::istringstream list(read_text("verifier/c/symbols.txt"));
  for (std::string symbol; list >> symbol;) listed.push_back(symbol);
  std::ranges::sort(exported);
  EXPECT_EQ(exported, listed) << "a change of the interface: add to verifier/c/symbols.txt, and never remove";
  const auto name = run({"readelf", "-d", std::getenv("PEDIGREE_LIBRARY")});
  EXPECT_NE(name.output.find("[libpedigree.so.0]"), std::string::npos) << name.output;
}

TEST(CLibrary, KnowsItsVersion) {
  EXPECT_EQ(pedigree_api_version(), static_cast<std::uint32_t>(PEDIGREE_API_VERSION));
  EXPECT_GE(std::strlen(pedigree_version()), 5U);
}

TEST_F(CApi, TheExampleVerifiesAToken) {
  // The example asks for the system's time: these certificates are valid now, whenever that is.
  const std::int64_t now = std::time(nullptr);
  HolderSpec spec;
  spec.not_before = 0;
  spec.purpose = {};
  const std::string example = std::getenv("PEDIGREE_EXAMPLE");
  write_file(
      folder_ / "policy.toml",
      std::string_view(
          "roots = [\"root.der\"]\nunknown_revocation = \"ignore\"\npurpose_not_stated = \"ignore\"\n"));
  const auto device = fleet_.device(1, spec);
  write_file(folder_ / "token", device.token());
  const std::string policy = (folder_ / "policy.toml").string();
  const std::string token = (folder_ / "token").string();
  const auto bad = run({example, policy, token, std::string(64, '0')});
  EXPECT_EQ(bad.status, 1) << bad.output;
  EXPECT_EQ(bad.output.substr(0, 9), "rejected ") << bad.output;
  if (now >= kFleetNow - 86400) {
    const auto good = run({example, policy, token, hex(Octets(32, 0x4e))});
    EXPECT_EQ(good.status, 0) << good.output;
    EXPECT_EQ(good.output.substr(0, 8), "trusted ") << good.output;
    EXPECT_NE(good.output.find("  ok       signature  "), std::string::npos) << good.output;
  }
  EXPECT_EQ(run({example, policy, token, "xyz"}).status, 2);
  EXPECT_EQ(run({example, policy, "/nowhere"}).status, 2);
  EXPECT_EQ(run({example, "/nowhere", token}).status, 2);
  EXPECT_EQ(run({example}).status, 2);
}

}  // namespace
}  // namespace pedigree::testing
