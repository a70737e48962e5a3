// SPDX-License-Identifier: Apache-2.0
// The linter against those whom it speaks for: what every profile writes is given to openssl, GnuTLS's
// certtool and Mbed TLS, and each must do what the linter says. What nobody here can ask (AWS, Azure,
// 802.1AR, Matter) is tried rule by rule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mbedtls/x509_crt.h>

#include <ctime>

#include "authority/intermediate.h"
#include "server/app/lint.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using app::LintSample;
using authority::LintTarget;
using authority::LintVerdict;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LintTest : public ::testing::Test {
 protected:
  /// What a person would write below [profile.NAME], and which issuer issues it.
  void configure(const std::string& name, const std::string& settings, const std::string& issuer = "acme") {
    std::string config = read_text(folder_.layout().config());
    if (config.find("[profile." + name + "]") == std::string::npos) config += "\n[profile." + name + "]\n";
    const std::size_t table = config.find("[profile." + name + "]\n");
    std::size_t at = config.find('\n', table) + 1;
    for (std::size_t from = 0; from < settings.size();) {
      const std::size_t end = std::min(settings.find('\n', from), settings.size());
      const std::string line = settings.substr(from, end - from);
      const std::string key = line.substr(0, line.find(' '));
      const std::size_t next = std::min(config.find("\n[", at), config.size());
      const std::size_t old = config.find("\n" + key + " = ", at - 1);
      if (old < next) config.erase(old + 1, config.find('\n', old + 1) - old);
      config.insert(at, line + "\n");
      from = end + 1;
    }
    const std::size_t of = config.find("name = \"" + issuer + "\"");
    const std::size_t list = config.find("profiles = [", of) + std::string("profiles = [").size();
    if (!settings.contains("kind =")) config.insert(list, "\"" + name + "\", ");
    write_file(folder_.layout().config(), std::string_view(config));
  }
  std::vector<LintSample> samples(const std::string& profile = {}) {
    const auto directory = app::Directory::open(folder_.path(), nullptr);
    if (!directory) throw std::runtime_error(directory.error().detail);
    auto made = app::lint_profiles(**directory, profile, std::time(nullptr));
    if (!made) throw std::runtime_error(made.error().detail);
    return *std::move(made);
  }
  static const authority::LintResult& of(const LintSample& sample, LintTarget target) {
    return sample.results.at(static_cast<std::size_t>(target));
  }
  static std::vector<std::string> findings(const LintSample& sample, LintTarget target) {
    std::vector<std::string> texts;
    for (const auto& one : of(sample, target).findings) texts.push_back(one.what);
    return texts;
  }
  /// The only sample of a profile, for P-256.
  LintSample only(const std::string& profile) {
    for (LintSample& one : samples(profile)) {
      if (one.key == crypto::KeyType::p256) return std::move(one);
    }
    throw std::runtime_error("no sample of " + profile);
  }
  std::string pem(const std::vector<app::Der>& chain, std::size_t from, std::size_t to,
                  const std::string& name) {
    std::string text;
    for (std::size_t i = from; i < to; ++i) text += app::certificate_pem(chain[i]);
    write_file(scratch_ / name, std::string_view(text));
    return (scratch_ / name).string();
  }
  /// Whether openssl, certtool and Mbed TLS take the chain.
  bool openssl_takes(const LintSample& sample) {
    const std::size_t last = sample.chain.size() - 1;
    std::vector<std::string> words{"openssl", "verify", "-x509_strict", "-CAfile",
                                   pem(sample.chain, last, last + 1, "root.pem")};
    if (last > 1) words.insert(words.end(), {"-untrusted", pem(sample.chain, 1, last, "middle.pem")});
    words.push_back(pem(sample.chain, 0, 1, "leaf.pem"));
    return run(words).status == 0;
  }
  bool certtool_takes(const LintSample& sample) {
    const std::size_t last = sample.chain.size() - 1;
    const CommandResult result =
        run({"certtool", "--verify", "--load-ca-certificate", pem(sample.chain, last, last + 1, "root.pem"),
             "--infile", pem(sample.chain, 0, last, "chain.pem")});
    return result.status == 0 && result.output.contains("Chain verification output: Verified");
  }
  static bool mbedtls_takes(const LintSample& sample) {
    mbedtls_x509_crt trusted;
    mbedtls_x509_crt chain;
    mbedtls_x509_crt_init(&trusted);
    mbedtls_x509_crt_init(&chain);
    const app::Der& root = sample.chain.back();
    bool well = mbedtls_x509_crt_parse_der(&trusted, root.data(), root.size()) == 0;
    for (std::size_t i = 0; i + 1 < sample.chain.size(); ++i) {
      well = well && mbedtls_x509_crt_parse_der(&chain, sample.chain[i].data(), sample.chain[i].size()) == 0;
    }
    std::uint32_t flags = 0;
    if (well) (void)mbedtls_x509_crt_verify(&chain, &trusted, nullptr, nullptr, &flags, nullptr, nullptr);
    mbedtls_x509_crt_free(&chain);
    mbedtls_x509_crt_free(&trusted);
    return well && flags == 0;
  }

  AuthorityFolder folder_;
  TempDir scratch_;
};

TEST_F(LintTest, LibrariesDoWhatItSays) {
  configure("cloud",
            "subject = [\"O=Acme\", \"CN=lamp-{short}\"]\nkeys = [\"P-256\", \"P-384\", \"Ed25519\"]\n"
            "subject_alt_names = [\"DNS:lamp-{short}.acme.example\", \"URI:urn:acme:{device}\"]\n"
            "extended_key_usage = [\"clientAuth\"]");
  configure("narrow-ca", "kind = \"intermediate\"\nkeys = [\"P-256\"]\npermitted_dns = [\".acme.example\"]");
  std::size_t refused = 0;
  const auto all = samples();
  ASSERT_GT(all.size(), 30U);
  for (const LintSample& sample : all) {
    SCOPED_TRACE(sample.profile + " " + sample.issuer + " " + std::string(crypto::name(sample.key)));
    EXPECT_EQ(openssl_takes(sample), of(sample, LintTarget::openssl).verdict != LintVerdict::refused);
    EXPECT_EQ(certtool_takes(sample), of(sample, LintTarget::gnutls).verdict != LintVerdict::refused);
    EXPECT_EQ(mbedtls_takes(sample), of(sample, LintTarget::mbedtls).verdict != LintVerdict::refused);
    if (of(sample, LintTarget::mbedtls).verdict == LintVerdict::refused) ++refused;
  }
  EXPECT_GT(refused, 5U) << "Ed25519 keys, and a CA with nameConstraints";
}

TEST_F(LintTest, ACertificateIsWrittenAsItsProfileSays) {
  configure("cloud",
            "subject = [\"O=Acme\", \"CN=lamp-{short}\"]\n"
            "subject_alt_names = [\"DNS:lamp-{short}.acme.example\", \"email:a@acme.example\"]\n"
            "basic_constraints = true");
  const LintSample sample = only("cloud");
  const std::string text =
      run({"openssl", "x509", "-noout", "-subject", "-ext", "subjectAltName,basicConstraints", "-in",
           pem(sample.chain, 0, 1, "leaf.pem")})
          .output;
  EXPECT_THAT(text, HasSubstr("subject=O = Acme, CN = lamp-191a1b1c1d1e1f20"));
  EXPECT_THAT(text, HasSubstr("DNS:lamp-191a1b1c1d1e1f20.acme.example, email:a@acme.example"));
  EXPECT_THAT(text, HasSubstr("CA:FALSE"));
  EXPECT_EQ(of(sample, LintTarget::azure_dps).verdict, LintVerdict::accepted);
}

TEST_F(LintTest, CloudsWantClientsAndAzureANameOfItsOwn) {
  EXPECT_THAT(findings(only("tls-client"), LintTarget::aws_iot), IsEmpty());
  EXPECT_THAT(findings(only("tls-client"), LintTarget::azure_dps), Contains(HasSubstr("no commonName")));
  EXPECT_THAT(findings(only("data"), LintTarget::aws_iot), Contains(HasSubstr("other uses than clientAuth")));
  configure("cloud", "subject = [\"CN=a lamp {short}\"]");
  EXPECT_THAT(findings(only("cloud"), LintTarget::azure_dps), Contains(HasSubstr("no registration id")));
  configure("agreed", "key_usage = [\"keyAgreement\"]");
  EXPECT_THAT(findings(only("agreed"), LintTarget::aws_iot), Contains(HasSubstr("without digitalSignature")));
}

TEST_F(LintTest, A802dot1arDevidHasItsNames) {
  EXPECT_EQ(of(only("idevid"), LintTarget::ieee_802_1ar).verdict, LintVerdict::warned)
      << "it outlives its issuer";
  EXPECT_THAT(findings(only("ldevid"), LintTarget::ieee_802_1ar), Contains(HasSubstr("8.7")));
  EXPECT_THAT(findings(only("ldevid"), LintTarget::ieee_802_1ar), Contains(HasSubstr("hardwareModuleName")));
  configure("nameless", "subject = [\"CN={short}\"]\nhardware_module_name = true");
  EXPECT_THAT(findings(only("nameless"), LintTarget::ieee_802_1ar),
              Contains(HasSubstr("no serialNumber (8.6)")));
  for (const LintSample& one : samples("idevid")) {
    const bool suite = one.key != crypto::KeyType::ed25519;
    EXPECT_EQ(of(one, LintTarget::ieee_802_1ar).verdict != LintVerdict::refused, suite);
  }
  EXPECT_EQ(of(only("station"), LintTarget::ieee_802_1ar).verdict, LintVerdict::not_applicable);
}

/// Puts an intermediate in the place of acme's, straight below the root, as `profile` writes it.
void make_pai(const AuthorityFolder& folder, const std::string& profile) {
  const auto config = app::read_settings(folder.layout());
  ASSERT_TRUE(config) << config.error().detail;
  const auto root = app::read_certificate(folder.layout().root_certificate());
  const auto key = app::open_key(folder.layout().root_key(), app::SecretText(kPassphrase));
  const auto own =
      x509::Certificate::parse(*app::read_certificate(folder.layout().issuer_certificate("acme")));
  ASSERT_TRUE(root && key && own);
  const auto parsed = x509::Certificate::parse(*root);
  const auto made = authority::make_intermediate(
      host_crypto(), config->profiles.at(profile),
      {"Acme PAI", own->spki().whole, {*root, key->view()}, parsed->not_before(), parsed->not_after()});
  ASSERT_TRUE(made) << made.error().detail;
  std::filesystem::remove(folder.layout().issuer_certificate("acme"));
  ASSERT_TRUE(app::write_private(folder.layout().issuer_certificate("acme"), app::certificate_pem(*made)));
  std::string text = read_text(folder.layout().config());
  const std::size_t at = text.find("parent = \"vendor\"");
  write_file(folder.layout().config(), std::string_view(text.replace(at, 17, "parent = \"root\"")));
}

TEST_F(LintTest, MatterHasItsChainOfThree) {
  configure("matter-dac", "basic_constraints = true", "acme");
  const LintSample wrong = only("matter-dac");
  EXPECT_THAT(findings(wrong, LintTarget::matter), Contains(HasSubstr("the chain has 4 certificates")));
  make_pai(folder_, "matter-pai");
  const LintSample right = only("matter-dac");
  EXPECT_THAT(findings(right, LintTarget::matter), Not(Contains(HasSubstr("6.2"))));
  EXPECT_NE(of(right, LintTarget::matter).verdict, LintVerdict::refused);
  EXPECT_EQ(of(only("matter-pai"), LintTarget::matter).verdict, LintVerdict::accepted);
  EXPECT_THAT(run({"openssl", "x509", "-noout", "-subject", "-in", pem(right.chain, 1, 2, "pai.pem")}).output,
              HasSubstr("1.3.6.1.4.1.37244.2.1 = FFF1"));
}

TEST_F(LintTest, MatterSaysWhatIsWrong) {
  make_pai(folder_, "matter-pai");
  struct Case {
    const char* settings;
    const char* finding;
  };
  int number = 0;
  for (const Case& one : {
           Case{"subject = [\"CN={short}\", \"matterVid=FFF2\", \"matterPid=8000\"]", "not that of the PAI"},
           Case{"subject = [\"CN={short}\", \"matterVid=FFF1\"]", "no product id"},
           Case{"subject = [\"CN={short}\", \"matterVid=fff1\", \"matterPid=8000\"]", "four upper-case"},
           Case{"subject = [\"CN={short}\", \"matterVid=FFF1\", \"matterVid=FFF1\", \"matterPid=8000\"]",
                "more than one vendor id"},
           Case{"subject = [\"CN={short}\", \"matterVid=FFF1\", \"matterPid=8000\"]",
                "basicConstraints is missing"},
           Case{"subject = [\"CN={short}\", \"matterVid=FFF1\", \"matterPid=8000\"]\nkey_usage = "
                "[\"digitalSignature\", \"keyAgreement\"]",
                "digitalSignature alone"},
       }) {
    const std::string name = "dac-" + std::to_string(++number);
    configure(name, one.settings);
    EXPECT_THAT(findings(only(name), LintTarget::matter), Contains(HasSubstr(one.finding))) << one.settings;
  }
  configure("dac-p384",
            "subject = [\"CN={short}\", \"matterVid=FFF1\", \"matterPid=8000\"]\nkeys = [\"P-384\"]");
  EXPECT_THAT(findings(samples("dac-p384").front(), LintTarget::matter), Contains(HasSubstr("not on P-256")));
}

TEST_F(LintTest, ProfilesThatSayTooMuchAreRefused) {
  const std::string plain = read_text(folder_.layout().config());
  struct Case {
    const char* settings;
    const char* part;
  };
  for (const Case& one : {
           Case{"subject = [\"O=Acme\"]", "names no device"},
           Case{"subject = [\"CN={device}\"]", "longer than 64"},
           Case{"subject = [\"CN={short}{name}\"]", "placeholder"},
           Case{"subject = [\"XX=a\"]", "does not know \"XX=a\""},
           Case{"subject_alt_names = [\"DNS:{device}.example\"]", "no DNS name"},
           Case{"subject_alt_names = [\"URI:nothing\"]", "no scheme"},
           Case{"subject_alt_names = [\"URI:a:\\u202e\"]", "ASCII"},
           Case{"subject_alt_names = [\"IP:1.2.3.4\"]", "does not know"},
           Case{"key_usage = [\"keyCertSign\"]", "only where kind is \"intermediate\""},
           Case{"path_len = 0", "for kind \"intermediate\""},
           Case{"kind = \"intermediate\"\nvalidity = \"forever\"", "number of days"},
           Case{"kind = \"intermediate\"\nkey_usage = [\"digitalSignature\"]", "must name keyCertSign"},
           Case{"kind = \"thing\"", "must be \"device\""},
           Case{"accepted_by = [\"everybody\"]", "does not know \"everybody\""},
       }) {
    write_file(folder_.layout().config(), std::string_view(plain));
    configure("bad", one.settings);
    const auto read = app::read_settings(folder_.layout());
    ASSERT_FALSE(read) << one.settings;
    EXPECT_THAT(read.error().detail, HasSubstr(one.part)) << one.settings;
  }
  write_file(folder_.layout().config(), std::string_view(plain));
  std::string config = plain;
  const std::size_t list = config.find("profiles = [") + 12;
  write_file(folder_.layout().config(), std::string_view(config.insert(list, "\"station\", ")));
  EXPECT_FALSE(app::read_settings(folder_.layout()))
      << "an intermediate issues to devices, and to no station";
}

}  // namespace
}  // namespace pedigree::testing
