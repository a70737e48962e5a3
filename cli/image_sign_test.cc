// SPDX-License-Identifier: Apache-2.0
// `pedigree image sign` in a build: the options that imgtool has, Intel HEX, slots, keys in files and tokens;
// and who certifies signers.
#include <gmock/gmock.h>

#include "cli/image_test_fixture.h"
#include "cli/image_values.h"
#include "core/firmware_image/image.h"
#include "signing/intel_hex.h"

namespace pedigree::cli {
namespace {

using ::testing::HasSubstr;
using testing::Octets;

class ImageSign : public ImageFixture {
 protected:
  /// Signs app.bin without a chain, as OUT.
  static CommandResult plain(const std::string& out, Words more) {
    Words words{"sign", "@app.bin", "@" + out, "-k", "@acme-signer.key.pem"};
    words.insert(words.end(), more.begin(), more.end());
    return image(words);
  }
  static Octets read(const std::string& name) { return testing::read_file(file(name)); }
};

TEST_F(ImageSign, WritesWhatTheOptionsSay) {
  const CommandResult made = plain("all.bin", {"--version",
                                               "1.2.3+4",
                                               "--header-size",
                                               "0x200",
                                               "--pad-header",
                                               "-s",
                                               "auto",
                                               "-d",
                                               "(1, 1.2.3+0), (2,2.0.0)",
                                               "--boot-record",
                                               "NSPE",
                                               "--vid",
                                               "acme.example",
                                               "--cid",
                                               "lamp",
                                               "-L",
                                               "0x20000000",
                                               "--custom-tlv",
                                               "0x00a0",
                                               "0x0102",
                                               "--custom-tlv",
                                               "0xb0a1",
                                               "text",
                                               "--public-key-format",
                                               "full",
                                               "--align",
                                               "8"});
  ASSERT_EQ(made.status, kExitOk) << made.output;
  EXPECT_EQ(image({"verify", "@all.bin", "-k", "@acme-signer.cert.pem"}).status, kExitOk);
  const boost::json::value shown = json({"inspect", "@all.bin"});
  EXPECT_EQ(shown.at("version").as_string(), "1.2.3+4");
  EXPECT_EQ(shown.at("header").as_int64(), 0x200);
  EXPECT_EQ(shown.at("flags").as_int64(), image::kRamLoad);
  EXPECT_EQ(shown.at("load_address").as_int64(), 0x20000000);
  std::vector<std::string> tlvs;
  for (const auto& tlv : shown.at("tlvs").as_array()) {
    const std::string kind(tlv.at("kind").as_string());
    const std::string value(tlv.at("value").as_string());
    tlvs.push_back(kind + (value.size() < 60 ? " " + value : ""));
  }
  // The ids are what python's uuid module makes of these names.
  const CommandResult ids = testing::run({"python3", "-c",
                                          "import uuid; v = uuid.uuid5(uuid.NAMESPACE_DNS, 'acme.example'); "
                                          "print(v, uuid.uuid5(v, 'lamp'), end='')"});
  const std::string vendor = ids.output.substr(0, 36);
  const std::string class_id = ids.output.substr(37);
  EXPECT_EQ(tlvs, (std::vector<std::string>{
                      "SEC_CNT 16908291", "BOOT_RECORD", "DEPENDENCY image 1 from version 1.2.3",
                      "DEPENDENCY image 2 from version 2.0.0", "UUID_VID " + vendor, "UUID_CID " + class_id,
                      "0x00a0 0102", "0xb0a1 74657874", "SHA256", "PUBKEY", "ECDSASIG"}));
  const Octets octets = read("all.bin");
  EXPECT_TRUE(
      std::ranges::all_of(Bytes(octets).subspan(32, 0x200 - 32), [](auto octet) { return octet == 0xff; }));
  EXPECT_TRUE(equal(Bytes(octets).subspan(0x200, 4000), read("app.bin")));
}

TEST_F(ImageSign, RefusesWhatItDoesNotUnderstand) {
  const std::vector<Words> lines{{"--version", "1.256"},
                                 {"--version", "1.2.3.4"},
                                 {"--version", "01.2"},
                                 {"--version", "1", "-s", "4294967296"},
                                 {"--version", "1", "-d", "(1 1.2.3)"},
                                 {"--version", "1", "--cid", "a name without a vendor"},
                                 {"--version", "1", "--header-size", "16"},
                                 {"--version", "1", "--boot-record", "thirteenchars"},
                                 {"--version", "1", "--custom-tlv", "0x50a0", "1"},
                                 {"--version", "1", "--custom-tlv", "0x10", "1"},
                                 {"--version", "1", "--pad"},
                                 {"--version", "1", "--align", "3"},
                                 {"--version", "1", "-L", "1", "-F", "2"},
                                 {"--version", "1", "--pure"},
                                 {"--version", "1", "--sha", "512"},
                                 {"--version", "1", "--slot-size", "4096", "--pad-header"},
                                 {"--version", "1", "--endian", "big"},
                                 {"--version", "1", "--parent", "@app.bin"},
                                 {"--version", "1"}};  // app.bin does not begin with zeros
  for (const Words& words : lines) {
    const CommandResult refused = plain("never.bin", words);
    EXPECT_EQ(refused.status, kExitUsage) << words.back() << "\n" << refused.output;
  }
  EXPECT_FALSE(std::filesystem::exists(file("never.bin")));
}

TEST_F(ImageSign, AFilledSlotHasItsTrailer) {
  const Words common{"--version", "1.0.0", "--pad-header", "--slot-size", "0x4000"};
  const auto with = [&](Words more) {
    more.insert(more.begin(), common.begin(), common.end());
    return more;
  };
  ASSERT_EQ(plain("pad.bin", with({"--pad"})).status, kExitOk);
  ASSERT_EQ(plain("confirm.bin", with({"--confirm", "--align", "16", "--max-align", "16"})).status, kExitOk);
  const Octets padded = read("pad.bin");
  ASSERT_EQ(padded.size(), 0x4000U);
  const Octets magic = testing::unhex("77c295f360d2ef7f3552500f2cb67980");
  EXPECT_TRUE(equal(Bytes(padded).last(16), magic));
  EXPECT_TRUE(std::ranges::all_of(Bytes(padded).subspan(0x4000 - 48, 32), [](auto o) { return o == 0xff; }));
  const Octets confirmed = read("confirm.bin");
  EXPECT_TRUE(equal(Bytes(confirmed).last(16), testing::unhex("10002de15d29410b8d77679c110f1f8a")));
  EXPECT_EQ(confirmed[0x4000 - 32], 1);
  EXPECT_EQ(image({"verify", "@confirm.bin", "-k", "@acme-signer.cert.pem"}).status, kExitOk);
  // 128 sectors of 3 records of 32 octets do not fit beside the image.
  const CommandResult large = plain("never.bin", with({"--pad", "--align", "32"}));
  EXPECT_EQ(large.status, kExitUsage);
  EXPECT_THAT(large.output, HasSubstr("its trailer of 12448"));
}

TEST_F(ImageSign, IntelHexKeepsItsAddresses) {
  const Octets code = read("app.bin");
  std::string text;
  signing::append_intel_hex(0x0c00fff8, Bytes(code), text);
  signing::append_intel_hex_end(text);
  testing::write_file(file("app.hex"), std::string_view(text));
  const Words sign{"sign", "@app.hex", "@out.hex", "-k",   "@acme-signer.key.pem",
                   "-v",   "1",        "-H",       "0x40", "--pad-header"};
  ASSERT_EQ(image(sign).status, kExitOk) << image(sign).output;
  const auto out = signing::read_intel_hex(testing::read_text(file("out.hex")), 0xff, 1 << 20);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->address, 0x0c00fff8U - 0x40U);
  EXPECT_TRUE(equal(Bytes(out->octets).subspan(0x40, code.size()), code));
  EXPECT_EQ(image({"verify", "@out.hex", "-k", "@acme-signer.cert.pem"}).status, kExitOk);
  // From binary to HEX the address must be said; in a filled slot only image and trailer have records.
  Words to_hex{"sign",         "@app.bin", "@slot.hex", "-k",       "@acme-signer.key.pem", "-v", "1",
               "--pad-header", "-S",       "0x8000",    "--confirm"};
  EXPECT_EQ(image(to_hex).status, kExitUsage);
  to_hex.insert(to_hex.end(), {"-x", "0x10000"});
  ASSERT_EQ(image(to_hex).status, kExitOk);
  const auto slot = signing::read_intel_hex(testing::read_text(file("slot.hex")), 0x5a, 1 << 20);
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->address, 0x10000U);
  EXPECT_EQ(slot->octets.size(), 0x8000U);
  EXPECT_EQ(slot->octets[0x7000], 0x5a) << "not in the file";
  EXPECT_EQ(slot->octets[0x8000 - 24], 1) << "confirmed";
}

TEST_F(ImageSign, GoesThroughPipes) {
  const CommandResult piped = bash(
      "cat app.bin | $1 image sign - - -k acme-signer.key.pem -v 1 --pad-header > piped.bin && "
      "$1 image verify piped.bin -k acme-signer.cert.pem --quiet && "
      "cat piped.bin | $1 image verify - -k acme-signer.cert.pem --quiet");
  EXPECT_EQ(piped.status, kExitOk) << piped.output;
  EXPECT_EQ(piped.output,
            "trusted  image 1.0.0, signed by the given key\n"
            "trusted  image 1.0.0, signed by the given key\n");
}

TEST_F(ImageSign, KeysAreReadAsSecrets) {
  ASSERT_EQ(
      bash(
          "umask 077; openssl pkey -in acme-signer.key.pem -aes256 -passout file:passphrase -out locked.pem; "
          "echo wrong > wrong; cp acme-signer.key.pem open.pem; chmod 644 open.pem")
          .status,
      0);
  const auto with = [&](const char* key, Words more) {
    Words words{"sign", "@app.bin", "@locked.bin", "-k", key, "-v", "1", "--pad-header"};
    words.insert(words.end(), more.begin(), more.end());
    return image(words);
  };
  EXPECT_EQ(with("@locked.pem", {"--passphrase-file", "@passphrase"}).status, kExitOk);
  EXPECT_EQ(with("@locked.pem", {"--passphrase-file", "@wrong"}).status, kExitUnreadable);
  EXPECT_EQ(with("@locked.pem", {}).status, kExitUnreadable);
  const CommandResult readable = with("@open.pem", {});
  EXPECT_EQ(readable.status, kExitUnreadable);
  EXPECT_THAT(readable.output, HasSubstr("chmod 600"));
  EXPECT_EQ(with("pkcs11:object=x?pin-value=1234", {}).status, kExitUnreadable)
      << "a PIN where others read it";
}

// A key in a token never leaves it; the OEM certifies its public half.
TEST_F(ImageSign, SignsWithKeysInATokenByPkcs11) {
  const CommandResult token = bash(R"(set -e; umask 077
mkdir tokens; printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$PWD" > softhsm2.conf
export SOFTHSM2_CONF=$PWD/softhsm2.conf
softhsm2-util --init-token --free --label 'image test' --so-pin 12345678 --pin 4321
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem
id=1
for name in p256 p384 rsa; do
  softhsm2-util --import $name.pem --token 'image test' --label $name --id 0$id --pin 4321
  id=$((id + 1))
done
rm p256.pem p384.pem rsa.pem
echo 4321 > pin; echo 1111 > wrong-pin)");
  ASSERT_EQ(token.status, 0) << token.output;
  setenv("SOFTHSM2_CONF", file("softhsm2.conf").c_str(), 1);
  const std::string module = "?module-path=/usr/lib/softhsm/libsofthsm2.so";
  for (const std::string name : {"p256", "p384", "rsa"}) {
    const std::string uri = "pkcs11:token=image%20test;object=" + name + module;
    const CommandResult certified = bash(
        "$1 authority firmware-signer --issuer acme.cert.pem --issuer-key acme.key.pem "
        "--name '" +
        name + "' --out hsm-" + name + " --key '" + uri + "' --key-passphrase-file pin --quiet");
    ASSERT_EQ(certified.status, kExitOk) << certified.output;
    Words words{"sign",  "@app.bin",    "@hsm.bin",
                "-k",    uri,           "--passphrase-file",
                "@pin",  "--chain",     "@hsm-" + name + ".chain.pem",
                "-v",    "1.2.3",       "--pad-header",
                "--vid", "acme.example"};
    const CommandResult made = image(words);
    ASSERT_EQ(made.status, kExitOk) << made.output;
    EXPECT_EQ(verify("hsm.bin").status, kExitOk) << verify("hsm.bin").output;
    words[4] = uri + "&pin-source=file:" + file("pin");
    words.erase(words.begin() + 5, words.begin() + 7);
    EXPECT_EQ(image(words).status, kExitOk) << "the PIN's file is named in the URI";
  }
  const auto refused = [&](const std::string& uri, const char* pin) {
    return image(
        {"sign", "@app.bin", "@hsm2.bin", "-k", uri, "--passphrase-file", pin, "-v", "1", "--pad-header"});
  };
  const CommandResult wrong = refused("pkcs11:token=image%20test;object=p256" + module, "@wrong-pin");
  EXPECT_EQ(wrong.status, kExitUnreadable);
  EXPECT_THAT(wrong.output, HasSubstr("refuses the PIN"));
  const CommandResult missing = refused("pkcs11:token=image%20test;object=other" + module, "@pin");
  EXPECT_EQ(missing.status, kExitUnreadable);
  EXPECT_THAT(missing.output, HasSubstr("no such private key"));
  const CommandResult unloaded = refused("pkcs11:object=p256?module-path=/nowhere.so", "@pin");
  EXPECT_EQ(unloaded.status, kExitUnreadable);
  EXPECT_THAT(unloaded.output, HasSubstr("module cannot be loaded"));
}

TEST_F(ImageSign, OnlyOemsCertifySigners) {
  const auto run = [](const std::string& line) { return bash("$1 authority " + line); };
  // An intermediate for devices is no OEM's; nor is the root.
  for (const char* issuer : {"ca/issuers/devices", "ca/root"}) {
    const std::string name(issuer);
    const CommandResult refused = run("firmware-signer --issuer " + name + ".cert.pem --issuer-key " + name +
                                      ".key.pem --passphrase-file passphrase --name x --out x");
    EXPECT_EQ(refused.status, kExitAuthorityRefused) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr("no OEM's intermediate"));
  }
  EXPECT_EQ(
      run("firmware-signer --issuer acme.cert.pem --issuer-key silicon.key.pem --name x --out x").status,
      kExitAuthorityRefused);
  EXPECT_EQ(run("oem --dir ca --passphrase-file passphrase --name x --out x").status, kExitUsage)
      << "without limits it must be said so";
  EXPECT_EQ(run("oem --dir ca --passphrase-file passphrase --name x --out x --any-product --vendor a.example")
                .status,
            kExitUsage);
  EXPECT_EQ(run("oem --dir ca --passphrase-file passphrase --name x --out x --min-version 2 --max-version 1")
                .status,
            kExitAuthorityRefused);
  EXPECT_EQ(run("oem --dir ca --passphrase-file passphrase --name x --out acme --any-product").status,
            kExitUnreadable)
      << "nothing is overwritten";
  // A request whose signature is another key's.
  ASSERT_EQ(
      bash("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k1.pem -subj /CN=x "
           "-outform der -out x.csr; python3 -c \"d=bytearray(open('x.csr','rb').read()); d[-5]^=1; "
           "open('x.csr','wb').write(d)\"")
          .status,
      0);
  const CommandResult forged = run(
      "firmware-signer --issuer acme.cert.pem --issuer-key acme.key.pem --name x --out x --request x.csr");
  EXPECT_EQ(forged.status, kExitAuthorityRefused) << forged.output;
  EXPECT_FALSE(std::filesystem::exists(file("x.cert.pem")));
  EXPECT_FALSE(std::filesystem::exists(file("x.key.pem")));
}

// MCUboot's development key root-ec-p256.pem, whose private half is in its repository.
TEST_F(ImageSign, APublishedKeyIsCertifiedByNobody) {
  testing::write_file(
      file("published.der"),
      Bytes(testing::unhex(
          "3059301306072a8648ce3d020106082a8648ce3d030107034200042acb403ce8feed5ba44995a1a91d"
          "aee8dbbe1937cd14fb2f245737e5953988d994b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834"
          "cc3a6afc538efac1")));
  const CommandResult refused = bash(
      "$1 authority firmware-signer --issuer acme.cert.pem --issuer-key acme.key.pem --name x --out "
      "published "
      "--public-key published.der");
  EXPECT_EQ(refused.status, kExitAuthorityRefused);
  EXPECT_THAT(refused.output, HasSubstr("MCUboot's root-ec-p256.pem, whose private half everybody has"));
}

TEST_F(ImageSign, CertificatesSayWhatTheyAreFor) {
  const CommandResult shown =
      bash("openssl x509 -in acme.cert.pem -noout -text; openssl x509 -in acme-signer.cert.pem -noout -text");
  EXPECT_THAT(shown.output, HasSubstr("CA:TRUE, pathlen:0"));
  EXPECT_THAT(shown.output, HasSubstr("Code Signing"));
  EXPECT_THAT(shown.output, HasSubstr("Digital Signature"));
  EXPECT_EQ(bash("openssl verify -CAfile root.pem -untrusted acme.cert.pem acme-signer.cert.pem").status, 0);
  EXPECT_EQ(bash("stat -c %a acme.key.pem acme-signer.key.pem").output, "600\n600\n");
}

TEST_F(ImageSign, CertificatesLoadInLibrariesWithShortObjectIdentifiers) {
  const CommandResult certtool = bash("certtool --certificate-info --infile acme.cert.pem");
  EXPECT_EQ(certtool.status, 0);
  EXPECT_THAT(certtool.output, HasSubstr("Unknown extension 1.2.840.113556.1.8000.2554.2662."));
  EXPECT_EQ(bash("certtool --certificate-info --infile acme-signer.cert.pem").status, 0);
  EXPECT_EQ(
      bash("python3 -c 'import sys; from cryptography import x509; "
           "[e.oid for e in x509.load_pem_x509_certificate(open(sys.argv[1], \"rb\").read()).extensions]' "
           "acme.cert.pem")
          .status,
      0);
}

TEST(ImageValues, AreReadAsImgtoolReadsThem) {
  EXPECT_EQ(version_text(*parse_version("1.2.3+4")), "1.2.3+4");
  EXPECT_EQ(version_text(*parse_version("7")), "7.0.0");
  for (const char* text : {"", "1.", "1.2.3+", "1.2+3", "-1", " 1", "1.2.65536", "1.2.3+4294967296", "00"}) {
    EXPECT_FALSE(parse_version(text)) << text;
  }
  EXPECT_EQ(parse_number("0x10"), 16U);
  EXPECT_EQ(parse_number("0b101"), 5U);
  EXPECT_EQ(parse_number("0o17"), 15U);
  for (const char* text : {"", "0x", "1 ", "-1", "4294967296", "ten"})
    EXPECT_FALSE(parse_number(text)) << text;
  EXPECT_EQ(parse_counter("auto", {1, 2, 3, 4}), 0x01020003U);
  EXPECT_EQ(parse_dependencies(" ( 1 , 1.2.3+0 ),(2,2)")->size(), 2U);
  for (const char* text : {"", "1,1.2", "(1,1.2", "(256,1.0)", "(1,1.0),", "(1,1.0) (2,1.0)"}) {
    EXPECT_FALSE(parse_dependencies(text)) << text;
  }
  const auto raw = parse_uuid("12345678-1234-5678-1234-567812345678", {});
  EXPECT_EQ(raw, parse_uuid("12345678123456781234567812345678", {}));
  EXPECT_EQ(uuid_text(*raw), "12345678-1234-5678-1234-567812345678");
  EXPECT_FALSE(parse_uuid("a name", {}));
  EXPECT_FALSE(parse_uuid("", vendor_name_space()));
}

}  // namespace
}  // namespace pedigree::cli
