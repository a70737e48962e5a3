// SPDX-License-Identifier: Apache-2.0
// For tests of `pedigree image`: an authority, two OEMs with signers, and code, made by the real program.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "testing/support/process.h"

namespace pedigree::cli {

using testing::CommandResult;
using Words = std::vector<std::string>;

/// A folder with: ca/ and passphrase; acme (for vendor acme.example, versions 1.0.0 to 1.255.65535) and
/// silicon (any product), each with NAME.cert.pem, NAME.key.pem and NAME-signer.{cert,chain,key}.pem;
/// app.bin (4,000 octets) and root.pem.
class ImageFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TempDir;
    const std::string script = R"(set -e
cd "$0"
umask 077
echo 'for tests only' > passphrase
seq 1 2000 | head -c 4000 > app.bin
P=$1
$P authority init --dir ca --root-name 'Silicon Root' --passphrase-file passphrase --quiet
cp ca/root.cert.pem root.pem
oem() { name=$1; shift; $P authority oem --dir ca --passphrase-file passphrase --name "$name OEM" --out $name "$@"; }
oem acme --vendor acme.example --min-version 1.0.0 --max-version 1.255.65535
oem silicon --any-product
for name in acme silicon; do
  $P authority firmware-signer --issuer $name.cert.pem --issuer-key $name.key.pem --name "$name signer" --out $name-signer
done
)";
    const CommandResult made = testing::run({"bash", "-c", script, folder_->path().string(), program()});
    ASSERT_EQ(made.status, 0) << made.output;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string program() { return std::getenv("PEDIGREE_PROGRAM"); }
  static std::string file(std::string_view name) { return (*folder_ / name).string(); }
  /// Runs a bash script in the folder, with the program as $1.
  static CommandResult bash(const std::string& script) {
    return testing::run({"bash", "-c", "cd \"$0\"; " + script, folder_->path().string(), program()});
  }
  /// `pedigree image ...`; words that begin with @ are files of the folder.
  static CommandResult image(Words words) {
    for (std::string& word : words) {
      if (word.starts_with('@')) word = file(word.substr(1));
    }
    words.insert(words.begin(), {program(), "image"});
    return testing::run(words);
  }
  /// Signs app.bin by NAME-signer as OUT, with --pad-header, and with these options.
  static CommandResult sign(const std::string& name, const std::string& out, const std::string& version,
                            Words more = {}) {
    Words words{"sign",
                "@app.bin",
                "@" + out,
                "--key",
                "@" + name + "-signer.key.pem",
                "--chain",
                "@" + name + "-signer.chain.pem",
                "--version",
                version,
                "--pad-header",
                "--root",
                "@root.pem"};
    if (name == "acme") words.insert(words.end(), {"--vid", "acme.example"});
    words.insert(words.end(), more.begin(), more.end());
    return image(words);
  }
  static CommandResult verify(const std::string& name, Words more = {}) {
    Words words{"verify", "@" + name, "--root", "@root.pem"};
    words.insert(words.end(), more.begin(), more.end());
    return image(words);
  }
  static boost::json::value json(Words words) {
    words.emplace_back("--json");
    return boost::json::parse(image(words).output);
  }
  static testing::TempDir* folder_;
};
inline testing::TempDir* ImageFixture::folder_ = nullptr;

}  // namespace pedigree::cli
