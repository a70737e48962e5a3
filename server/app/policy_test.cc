// SPDX-License-Identifier: Apache-2.0
// policy.toml and the registry's stations, by every way that a certificate is asked for.
#include <future>

#include "server/app/offline.h"
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kUuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc634";

class PolicyTest : public ProtocolTest {
 protected:
  void serve_under(std::string_view policy) {
    write_file(authority_.layout().policy(), policy);
    serve_with(authority_, {{"est", "true"}, {"liteboot_listen", "\"127.0.0.1:0\""}});
  }
  /// A client certificate of the system CA as tls/FILE.
  void make_client(const std::string& file, authority::TlsRole role, const std::string& name) {
    const std::string base = (authority_.layout().tls() / file).string();
    const app::NewClient client{role, name, 30, base + ".cert.pem", base + ".key.pem"};
    const auto made =
        app::make_client(authority_.layout(), client, app::SecretText(kPassphrase), std::time(nullptr));
    ASSERT_TRUE(made) << made.error().detail;
  }
  Answer enrol_as(const std::string& who, const Unit& unit, const std::string& profile = "iak") {
    const auto client = authority_.client(who);
    const Answer nonce = client->post("/v1/nonce", {{"device", unit.id()}, {"profile", profile}});
    if (nonce.status != 200) return nonce;
    const std::string text(nonce.json().at("nonce").as_string());
    return client->post("/v1/enrol", enrol_body(unit, text, profile));
  }
  static std::string detail(const Answer& answer) {
    return std::string(answer.json().at("detail").as_string());
  }
  std::string events() { return authority_.sql("SELECT who, what, why FROM event ORDER BY number"); }
  void change_station(registry::Station station) {
    const auto local = app::LocalAuthority::open(authority_.path());
    ASSERT_TRUE(local) << local.error().detail;
    std::promise<bool> done;
    (*local)->store().set_station({std::move(station), "a test", {"somebody", "local"}, std::time(nullptr)},
                                  [&](const auto& outcome) { done.set_value(outcome.has_value()); });
    ASSERT_TRUE(done.get_future().get());
  }
};

TEST_F(PolicyTest, TheNativeInterfaceIsHeldToIt) {
  serve_under("[[station]]\nname = \"station 1\"\nprofiles = [\"iak\"]\nper_day = 2\n");
  ASSERT_EQ(enrol_as("station", Unit(1)).status, 200U);
  const Answer other = enrol_as("station", Unit(1), "data");
  EXPECT_EQ(other.status, 403U);
  EXPECT_EQ(detail(other), "the policy does not let station \"station 1\" enrol profile data");
  const Unit second(2);
  ASSERT_EQ(enrol_as("station", second).status, 200U);
  const Answer third = enrol_as("station", Unit(3));
  EXPECT_EQ(third.status, 403U);
  EXPECT_THAT(detail(third), HasSubstr("has had the 2 certificates of its day"));
  EXPECT_EQ(enrol_as("station", second).status, 200U) << "asking again for what is there counts for nothing";
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "2");
  EXPECT_THAT(events(), HasSubstr("station 1|refused|the policy does not let"));
}

TEST_F(PolicyTest, WithoutARuleNothingIsEvenAsked) {
  serve_under("");
  const Answer refused = enrol_as("station", Unit(1));
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(detail(refused), "the policy has no rule for station \"station 1\"");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM device"), "0");
}

TEST_F(PolicyTest, DevicesAreThoseOfABatch) {
  {
    const auto local = app::LocalAuthority::open(authority_.path());
    ASSERT_TRUE(local) << local.error().detail;
    for (const auto& [number, batch] : {std::pair(1, "week 1"), std::pair(2, "week 2")}) {
      std::promise<bool> done;
      registry::Import import{{}, {"a test", "local"}, std::time(nullptr), batch};
      import.devices.push_back(
          {*registry::parse_device_id(Unit(static_cast<std::uint64_t>(number)).id()), ""});
      (*local)->store().import(std::move(import),
                               [&](const auto& outcome) { done.set_value(outcome.has_value()); });
      ASSERT_TRUE(done.get_future().get());
    }
  }
  serve_under("[[station]]\nname = \"*\"\nbatches = [\"week 1\"]\n");
  EXPECT_EQ(enrol_as("station", Unit(1)).status, 200U);
  EXPECT_THAT(detail(enrol_as("station", Unit(2))), HasSubstr("devices of batch \"week 2\""));
  EXPECT_THAT(detail(enrol_as("station", Unit(3))), HasSubstr("devices that are on no allow-list"));
}

TEST_F(PolicyTest, AStationMustBeRegisteredWithItsCertificateAndEnabled) {
  make_client("other", authority::TlsRole::station, "station 1");
  serve_under("[policy]\nstations = \"registered\"\n[[station]]\nname = \"*\"\n");
  EXPECT_THAT(detail(enrol_as("station", Unit(1))), HasSubstr("is not registered"));
  registry::Station station;
  station.name = "station 1";
  const std::string hash =
      ok("openssl x509 -in $CA/tls/station.cert.pem -outform DER | sha256sum | cut -d' ' -f1");
  Sha256 digest{};
  const Octets octets = unhex(hash);
  std::ranges::copy(octets, digest.begin());
  station.certificate = digest;
  change_station(station);
  EXPECT_EQ(enrol_as("station", Unit(1)).status, 200U);
  EXPECT_THAT(detail(enrol_as("other", Unit(2))), HasSubstr("another certificate"));
  station.enabled = false;
  change_station(station);
  const Answer disabled = enrol_as("station", Unit(2));
  EXPECT_EQ(disabled.status, 403U);
  EXPECT_THAT(detail(disabled), HasSubstr("is disabled"));
}

TEST_F(PolicyTest, EstAndLitebootAreHeldToItToo) {
  make_client("bootstrap", authority::TlsRole::bootstrap, "boot 1");
  serve_under(
      "[[station]]\nname = \"station 1\"\nprofiles = [\"tls-client\"]\nper_day = 1\n"
      "[[station]]\nname = \"boot*\"\nprofiles = [\"data\"]\n");
  ok(std::string("req a /CN=") + kUuid +
     "; req b /CN=66d38f73-3f6f-4a59-86bc-d315a1ccc634; "
     "for k in a b; do openssl req -in $k.csr -outform DER | openssl base64 > $k.b64; done");
  const std::string est =
      " -o answer -w '%{http_code}' -H 'Content-Type: application/pkcs10' --data-binary @";
  EXPECT_EQ(ok("as station" + est + "a.b64 $URL/.well-known/est/data/simpleenroll"), "403")
      << "no token was shown: this is no failed login";
  EXPECT_THAT(read_text(folder_ / "answer"),
              HasSubstr("does not let station \"station 1\" enrol profile data"));
  EXPECT_EQ(ok("as station" + est + "a.b64 $URL/.well-known/est/simpleenroll"), "200");
  EXPECT_EQ(ok("as station" + est + "b.b64 $URL/.well-known/est/simpleenroll"), "403");
  EXPECT_THAT(read_text(folder_ / "answer"), HasSubstr("has had the 1 certificates of its day"));
  const std::string refused =
      ok("printf '{\"CSR\":\"%s\"}' \"$(openssl req -in b.csr -outform DER | openssl base64 -A)\" > b.json; "
         "as bootstrap -w '%{http_code}' -H 'Content-Type: application/json' -d @b.json $LITEBOOT/cr");
  EXPECT_THAT(refused, HasSubstr("does not let station \\\"boot 1\\\" enrol profile tls-client"));
  EXPECT_THAT(refused, HasSubstr("403"));
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "1");
}

TEST_F(PolicyTest, APolicyThatIsGoneOrWrongStopsTheStart) {
  authority_.stop();
  write_file(authority_.layout().policy(), std::string_view("[[station]]\nname = \"a\"\nprofile = []\n"));
  const auto wrong = app::LocalAuthority::open(authority_.path());
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().detail, HasSubstr("policy.toml: line 3: station.profile is not a known setting"));
  std::filesystem::remove(authority_.layout().policy());
  const auto gone = app::LocalAuthority::open(authority_.path());
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().detail, HasSubstr("policy --init"));
}

}  // namespace
}  // namespace pedigree::testing
