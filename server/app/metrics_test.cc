// SPDX-License-Identifier: Apache-2.0
// What a served authority says of itself: metrics as curl gets them, a log that stays legible whatever
// clients send and holds no secret, and readiness that says what is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "server/app/offline.h"
#include "server/app/readiness.h"
#include "testing/authority/exposition.h"
#include "testing/authority/serve_process.h"

namespace pedigree::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class Observed : public ::testing::Test {
 protected:
  /// curl as `who`; what it prints ends with the status, "\n200".
  std::string curl(const std::string& who, const std::string& url, std::vector<std::string> options = {}) {
    const TlsFiles files = folder_.identity(who);
    std::vector<std::string> command{"curl", "-sS", "--max-time",     "120",      "--noproxy",
                                     "*",    "-w",  "\n%{http_code}", "--cacert", files.ca.string()};
    if (!who.empty()) {
      command.insert(command.end(), {"--cert", files.certificate.string(), "--key", files.key.string()});
    }
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(url);
    return run(command).output;
  }
  void make_client(const std::string& file, authority::TlsRole role, const std::string& name) {
    const auto made = app::make_client(
        folder_.layout(),
        {role, name, 0, folder_.layout().tls_certificate(file), folder_.layout().tls_key(file)},
        app::SecretText(kPassphrase), std::time(nullptr));
    ASSERT_TRUE(made) << made.error().detail;
  }
  void serve(const std::vector<std::string>& arguments = {}) {
    serve_ = std::make_unique<ServeProcess>(folder_, ProcessOptions{}, std::vector<std::string>{}, arguments);
    url_ = "https://127.0.0.1:" + std::to_string(serve_->port());
  }
  std::unique_ptr<Client> client(const std::string& who) {
    return std::make_unique<Client>(serve_->port(), folder_.identity(who));
  }
  /// What it wrote to standard error, once it has ended as it was told.
  std::string log() {
    serve_->process().kill(SIGTERM);
    EXPECT_EQ(serve_->process().wait(), 0);
    return serve_->process().errors();
  }
  static std::string body(std::string curled) { return curled.substr(0, curled.rfind('\n')); }

  AuthorityFolder folder_;
  std::unique_ptr<ServeProcess> serve_;
  std::string url_;
};

TEST_F(Observed, MetricsAreTextThatPrometheusTakesAndCountWhatHappened) {
  make_client("auditor", authority::TlsRole::auditor, "auditor 1");
  serve({"--metrics-listen", "127.0.0.1:0"});
  const auto station = client("station");
  ASSERT_EQ(enrol(*station, Unit(1)).status, 200U);
  ASSERT_EQ(enrol(*station, Unit(2)).status, 200U);
  ASSERT_EQ(enrol(*station, Unit(2)).status, 409U) << "a second key";
  const std::string curled = curl("", serve_->where("metrics"), {"-D", folder_.scratch("head").string()});
  EXPECT_THAT(curled, ::testing::EndsWith("\n200"));
  EXPECT_THAT(read_text(folder_.scratch("head")), HasSubstr("text/plain; version=0.0.4; charset=utf-8"));
  const Metrics metrics = parse_exposition(body(curled));
  EXPECT_EQ(metrics.at(R"(pedigree_issuance_total{profile="iak",issuer="vendor",outcome="issued"})"), 2);
  EXPECT_EQ(metrics.at(R"(pedigree_issuance_total{profile="iak",issuer="vendor",outcome="second_key"})"), 1);
  EXPECT_EQ(metrics.at(R"(pedigree_requests_total{protocol="v1",path="/v1/enrol",status="200"})"), 2);
  EXPECT_EQ(metrics.at(R"(pedigree_requests_total{protocol="v1",path="/v1/enrol",status="409"})"), 1);
  EXPECT_EQ(metrics.at(R"(pedigree_request_seconds_count{protocol="v1"})"), 6);
  EXPECT_GE(metrics.at("pedigree_signing_seconds_count"), 2);
  EXPECT_GE(metrics.at("pedigree_store_commit_seconds_count"), 4);
  EXPECT_GE(metrics.at("pedigree_connections"), 1);
  EXPECT_EQ(metrics.at(R"(pedigree_ready{dependency="database"})"), 1);
  EXPECT_EQ(metrics.at("pedigree_audit_log_events"), std::stod(folder_.sql("SELECT count(*) FROM event")));
  EXPECT_GT(metrics.at(R"(pedigree_certificate_expiry_timestamp_seconds{certificate="server"})"),
            static_cast<double>(std::time(nullptr)));
  EXPECT_GT(metrics.at("process_resident_memory_bytes"), 1e6);
  // Over /v1 they are for who may read.
  for (const char* who : {"auditor", "operator"}) {
    EXPECT_GT(parse_exposition(body(curl(who, url_ + "/metrics"))).size(), 50U);
  }
  for (const char* who : {"", "station", "relying-party"}) {
    EXPECT_THAT(curl(who, url_ + "/metrics"), HasSubstr("\n403")) << who;
  }
  if (run({"sh", "-c", "command -v promtool"}).status == 0) {
    const CommandResult checked = run({"promtool", "check", "metrics"}, body(curled));
    EXPECT_EQ(checked.status, 0) << checked.output;
  }
}

TEST_F(Observed, NoMetricIsNamedByAClient) {
  serve({"--metrics-listen", "127.0.0.1:0"});
  const auto station = client("station");
  (void)station->get("/v1/health");
  const auto series = [&] { return parse_exposition(body(curl("", serve_->where("metrics")))); };
  for (int i = 0; i < 200; ++i) {
    const std::string mark = "marked" + std::to_string(i);
    (void)station->get("/v1/" + mark);
    (void)station->get("/v1/certificates/" + mark);
    (void)station->call("M" + mark, "/v1/health", "");
    (void)station->post("/v1/enrol",
                        enrol_body(mark, mark, std::string(64, '0'), Unit(1).request(std::string(64, '0'))));
    (void)station->post("/v1/nonce", {{"device", Unit(1).id()}, {"profile", mark}});
  }
  const Metrics after = series();
  EXPECT_LT(after.size(), 250U);
  for (const auto& [name, value] : after) EXPECT_THAT(name, Not(HasSubstr("marked")));
}

TEST_F(Observed, TheLogHasALineForEachRequestAndNoSecret) {
  serve();
  const auto station = client("station");
  const Unit unit(1);
  const std::string nonce = nonce_for(*station, unit);
  ASSERT_EQ(station->post("/v1/enrol", enrol_body(unit, nonce)).status, 200U);
  EXPECT_EQ(station->get("/v1/devices?password=hunter2").status, 403U);
  (void)curl("station", url_ + "/v1/issuers",
             {"-u", "device:one-time-token", "-H", "Cookie: a=secretcookie"});
  EXPECT_THAT(curl("", url_ + "/v1/issuers"), HasSubstr("403"));
  const std::string text = log();
  const auto lines = lines_of(text);
  const std::regex form(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error) [a-z ]+( [a-z]+=("[^"]*"|[0-9.]+))*)");
  for (const std::string& line : lines) EXPECT_TRUE(std::regex_match(line, form)) << line;
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("request id="), HasSubstr("role=\"station\" who=\"station 1\""),
                                    HasSubstr("path=\"/v1/enrol\" status=200"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("path=\"/v1/devices\" status=403"),
                                    HasSubstr("reason=\"not_authorised\""))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("role=\"none\""), HasSubstr("status=403"))));
  EXPECT_THAT(lines.front(), HasSubstr("info serving detail=\"" + url_));
  EXPECT_THAT(lines.back(), HasSubstr("info stopping"));
  for (const std::string& secret :
       {std::string(kPassphrase), nonce, std::string("hunter2"), std::string("one-time-token"),
        base64(as_bytes("device:one-time-token")), std::string("secretcookie"), unit.id()}) {
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
}

TEST_F(Observed, TheLogIsJsonInAFileWhereTheConfigurationSaysSo) {
  std::string config = read_text(folder_.layout().config());
  const auto set = [&](const std::string& from, const std::string& to) {
    ASSERT_NE(config.find(from), std::string::npos) << from;
    config.replace(config.find(from), from.size(), to);
  };
  set("\nformat = \"text\"", "\nformat = \"json\"");
  set("\nfile = \"\"", "\nfile = \"" + folder_.scratch("log").string() + "\"");
  write_file(folder_.layout().config(), std::string_view(config));
  serve();
  ASSERT_EQ(client("station")->get("/v1/health").status, 200U);
  EXPECT_THAT(log(), IsEmpty()) << "nothing on standard error";
  bool found = false;
  for (const std::string& line : lines_of(read_text(folder_.scratch("log")))) {
    const auto object = boost::json::parse(line).as_object();
    found = found || (object.contains("path") && object.at("path").as_string() == "/v1/health" &&
                      object.at("status").as_int64() == 200);
  }
  EXPECT_TRUE(found);
}

/// Each octet is printable, and no character of it steers a terminal or reorders text.
void expect_legible(const std::string& text) {
  for (const std::string& line : lines_of(text)) {
    EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7f; }))
        << hex(as_bytes(line));
    EXPECT_LT(line.size(), 2000U);
  }
}

TEST_F(Observed, HostileNamesLeaveTheLogLegible) {
  const std::string hostile =
      "\x1b[2J\x1b]0;owned\x07\nstatus=200 \xe2\x80\xae"
      "gnp.exe\xe2\x81\xa6 \x9b"
      "31m";
  // A client whose certificate the system CA signed, with such a name: the CA's key is encrypted.
  write_file(folder_.scratch("pass"), std::string_view(kPassphrase));
  const std::string tls = folder_.layout().tls().string();
  const CommandResult made =
      run({"bash", "-c",
           "cd '" + folder_.scratch("").string() +
               "' && openssl req -new -newkey ec -pkeyopt "
               "ec_paramgen_curve:P-256 -nodes -keyout '" +
               tls +
               "/evil.key.pem' -out evil.csr -utf8 -subj "
               "\"/OU=station/CN=$1\" && printf 'extendedKeyUsage=clientAuth\\nkeyUsage=digitalSignature\\n"
               "basicConstraints=critical,CA:FALSE\\n' > ext && openssl x509 -req -in evil.csr -CA '" +
               tls + "/ca.cert.pem' -CAkey '" + tls +
               "/ca.key.pem' -passin file:pass -CAcreateserial -extfile ext -days 2 "
               "-out '" +
               tls + "/evil.cert.pem'",
           "sh", "\x1b[2J\x1b]0;owned\x07 \xe2\x80\xaegnp.exe\xe2\x81\xa6"});
  ASSERT_EQ(made.status, 0) << made.output;
  serve();
  const auto evil = client("evil");
  (void)evil->get("/v1/issuers");
  (void)evil->call("POST", "/v1/enrol", "{\"device\":\"" + hostile + "\"}");
  (void)evil->call("POST", "/v1/nonce",
                   "{\"device\":\"'; DROP TABLE device; --\",\"profile\":\"\\u202e\\u0007\"}");
  EXPECT_EQ(client("station")->call("GET\x1b[2J", "/v1/\x1b[2J", "").status, 400U);
  const std::string text = log();
  expect_legible(text);
  EXPECT_THAT(text, HasSubstr(R"(who="\u001b[2J\u001b]0;owned\u0007 \u202egnp.exe\u2066")"));
}

TEST_F(Observed, HealthIsUnavailableWhileTheDatabaseIsAwayAndSaysWhy) {
  serve({"--metrics-listen", "127.0.0.1:0"});
  const std::string monitor = serve_->where("metrics");
  const std::string health = monitor.substr(0, monitor.rfind('/')) + "/v1/health";
  EXPECT_THAT(curl("", health), AllOf(HasSubstr(R"("status":"ok")"), HasSubstr("\n200")));
  const auto file = folder_.layout().database();
  const auto elsewhere = folder_.scratch("away.sqlite");
  std::filesystem::rename(file, elsewhere);
  std::string said;
  EXPECT_TRUE(serve_->process().wait_until([&] {
    said = curl("", health);
    return said.ends_with("\n503");
  })) << said;
  const auto json = boost::json::parse(body(said)).as_object();
  EXPECT_EQ(json.at("status").as_string(), "failing");
  EXPECT_EQ(json.at("store").as_string(), "failing");
  EXPECT_THAT(said, HasSubstr("pedigree.sqlite is gone"));
  EXPECT_THAT(curl("", health + "/live"), HasSubstr("\n200")) << "it is alive all the same";
  EXPECT_THAT(curl("", url_ + "/v1/health"), HasSubstr("\n503")) << "the same by /v1";
  EXPECT_EQ(parse_exposition(body(curl("", monitor))).at(R"(pedigree_ready{dependency="database"})"), 0);
  std::filesystem::rename(elsewhere, file);
  EXPECT_TRUE(serve_->process().wait_until([&] { return curl("", health).ends_with("\n200"); }));
}

TEST_F(Observed, ReadinessNamesDiskAndCertificatesThatEnd) {
  const auto directory = app::Directory::open(folder_.path(), nullptr);
  ASSERT_TRUE(directory) << directory.error().detail;
  const auto local = app::LocalAuthority::open(folder_.path());
  ASSERT_TRUE(local) << local.error().detail;
  const auto reasons = [&](der::UnixTime now, const app::ReadinessLimits& limits) {
    std::vector<std::string> found;
    for (const auto& one : app::check_dependencies(**directory, (*local)->store(), nullptr, now, limits)) {
      if (one.state != http::DependencyState::ok) {
        found.push_back(std::string(http::name(one.state)) + " " + one.name + ": " + one.reason);
      }
    }
    return found;
  };
  const der::UnixTime now = std::time(nullptr);
  app::ReadinessLimits limits;
  limits.disk_low = limits.disk_full = 0;
  EXPECT_THAT(reasons(now, limits), IsEmpty());
  limits.disk_low = limits.disk_full = std::uintmax_t{1} << 60U;
  EXPECT_THAT(reasons(now, limits),
              ::testing::ElementsAre(AllOf(HasSubstr("failing disk:"), HasSubstr("MiB are free"))));
  limits.disk_full = 0;
  EXPECT_THAT(reasons(now, limits), ::testing::ElementsAre(HasSubstr("warning disk:")));
  limits.disk_low = 0;
  constexpr der::UnixTime kCentury = 100 * 366 * der::UnixTime{86400};
  EXPECT_THAT(reasons(now + kCentury, limits), Contains(HasSubstr("failing server certificate: expired at")));
  EXPECT_THAT(reasons(now - kCentury, limits), Contains(HasSubstr("is the clock right?")));
}

}  // namespace
}  // namespace pedigree::testing
