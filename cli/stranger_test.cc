// SPDX-License-Identifier: Apache-2.0
// The program as a stranger meets it: wrong options, missing and strange files, JSON, colour, exit status.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <random>

#include "cli/command.h"
#include "testing/support/process.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using testing::CommandResult;
using Words = std::vector<std::string>;

std::string program() {
  return std::getenv("PEDIGREE_PROGRAM");
}

CommandResult pedigree(Words words) {
  words.insert(words.begin(), program());
  return testing::run(words);
}

std::string joined(const Words& words) {
  std::string text = "pedigree";
  for (const std::string& word : words) text += " " + word;
  return text;
}

/// Files that no command should take for what it wants.
class Stranger : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TempDir;
    std::mt19937 random(7);
    std::string noise(100'000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    write("noise", noise);
    write("empty", "");
    write("text", "Dear Sir or Madam,\n\ni am no certificate.\n");
    write("braces", "{\"devices\": [1, {}]}");
    write("escape", "\x1b[2J\x1b]0;owned\x07");
    const CommandResult made = testing::run(
        {"bash", "-c",
         "cd \"$0\" && mkdir folder && truncate -s 20M huge &&"
         "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out root.pem "
         "-subj \"/CN=$(printf 'a\\033[2Jb')\" -days 9 2>/dev/null &&"
         "head -c 200 root.pem > cut.pem && openssl x509 -in root.pem -outform der -out root.der &&"
         "(cat root.der; printf junk) > trailing.der && head -c 100 root.der > cut.der",
         folder_->path().string()});
    ASSERT_EQ(made.status, 0) << made.output;
  }
  static void TearDownTestSuite() { delete folder_; }
  static void write(std::string_view name, std::string_view content) {
    testing::write_file(*folder_ / name, content);
  }
  static std::string file(std::string_view name) { return (*folder_ / name).string(); }
  static testing::TempDir* folder_;
};
testing::TempDir* Stranger::folder_ = nullptr;

constexpr const char* kStrangeFiles[] = {"noise",     "empty",     "text",    "braces",        "escape",
                                         "folder",    "huge",      "cut.pem", "cut.der",       "trailing.der",
                                         "/dev/null", "/dev/zero", "missing", "mis\x1b[2Jsing"};

std::string strange(const char* name, const std::string& inside) {
  return name[0] == '/' ? std::string(name) : inside;
}

TEST_F(Stranger, StrangeFilesAreRefusedByEveryCommandThatReadsOne) {
  for (const char* name : kStrangeFiles) {
    const std::string given = strange(name, file(name));
    const std::vector<Words> commands{
        {"inspect", given},
        {"verify", "chain", given, "--root", file("root.der")},
        {"verify", "chain", file("root.der"), "--root", given},
        {"verify", "chain", file("root.der"), "--root", file("root.der"), "--crl", given},
        {"image", "verify", given, "--root", file("root.der")},
        {"image", "verify", given, "--key", file("root.pem")},
        {"image", "tree", given},
        {"image", "inspect", given},
        {"image", "diff", given, given},
        {"image", "sign", file("text"), file("never"), "--key", given, "--version", "1", "--pad-header"},
        {"image", "sign", file("text"), file("never"), "--key", file("key.pem"), "--version", "1", "--chain",
         given},
        {"authority", "oem", "--dir", given, "--name", "x", "--out", file("never"), "--any-product"},
        {"authority", "firmware-signer", "--issuer", given, "--issuer-key", file("key.pem"), "--name", "x",
         "--out", file("never")},
        {"provision", "--devices", given, "--info"},
        {"provision", "status", "--journal", given},
        {"device", "connect", "--state", file("folder"), "--to", "localhost:1", "--ca", given},
        {"device", "connect", "--state", given, "--to", "localhost:1", "--ca", file("root.pem")},
        {"image", "upload", given, "--udp", "127.0.0.1:1"},
        {"image", "test", given, "--udp", "127.0.0.1:1"},
        {"image", "revocations", given, "--udp", "127.0.0.1:1"},
        {"authority", "revoke-signer", "--dir", file("folder"), "--certificate", given, "--why", "x"},
        {"grant", "send", given, "--udp", "127.0.0.1:1"},
        {"repin", "--new-root", given, "--why", "x", "--udp", "127.0.0.1:1", "--authority",
         "https://127.0.0.1:1", "--tls", file("folder")},
        {"authority", "grant-signer", "--dir", given, "--passphrase-file", file("text")},
        {"authority", "grant-signer", "--dir", given, "--passphrase-file", file("text"), "--request",
         file("never")},
        {"authority", "grant-signer", "--dir", file("folder"), "--passphrase-file", file("text"),
         "--certificate", given},
        {"authority", "sign-grant-signer", "--request", given, "--issuer", file("root.pem"), "--issuer-key",
         file("key.pem"), "--out", file("never")},
        {"authority", "list", "--dir", given},
        {"authority", "serve", "--dir", given, "--passphrase-file", file("text")}};
    for (const Words& words : commands) {
      const CommandResult result = pedigree(words);
      EXPECT_EQ(result.status, kExitUnreadable) << joined(words) << "\n" << result.output;
      EXPECT_TRUE(result.output.starts_with("error: ")) << joined(words) << "\n" << result.output;
      EXPECT_EQ(result.output.find('\x1b'), std::string::npos) << joined(words);
      Words as_json = words;
      as_json.emplace_back("--json");
      const CommandResult told = pedigree(as_json);
      EXPECT_EQ(told.status, kExitUnreadable) << joined(as_json) << "\n" << told.output;
      boost::system::error_code error;
      const json::value value = json::parse(told.output, error);
      ASSERT_FALSE(error) << joined(as_json) << "\n" << told.output;
      EXPECT_EQ(value.at("error").at("exit_status").as_int64(), kExitUnreadable);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(*folder_ / "folder"))
      << "a command made files where it should only read";
}

TEST_F(Stranger, WhatIsWrongWithAFileIsSaidOfTheRightForm) {
  EXPECT_NE(pedigree({"inspect", file("trailing.der")}).output.find("there are bytes after the end"),
            std::string::npos);
  EXPECT_NE(pedigree({"verify", "chain", file("trailing.der"), "--root", file("root.der")})
                .output.find("there are bytes after the end"),
            std::string::npos);
  for (const char* name : {"noise", "text", "escape"})
    EXPECT_NE(pedigree({"inspect", file(name)}).output.find("none that this program knows"),
              std::string::npos)
        << name;
}

TEST_F(Stranger, WrongCommandLinesAreMistakesOfUsage) {
  const std::string state = file("never");
  const std::string secret = file("secret");
  write("secret", "a passphrase");
  std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
  const std::vector<Words> lines{
      {},
      {"nonsense"},
      {"--nonsense"},
      {"--color", "sometimes", "version"},
      {"authority"},
      {"authority", "init"},
      {"authority", "init", "--dir", state, "--issuer", "nameless"},
      {"authority", "init", "--dir", state, "--issuer", "a=b@c", "--passphrase-file", secret},
      {"authority", "init", "--dir", state, "--key", "DSA"},
      {"authority", "serve", "--dir", state, "--listen", "nowhere"},
      {"authority", "list", "--dir", state, "../../nonsense?x"},
      {"authority", "list", "--dir", state, "--state", "glad"},
      {"authority", "export", "crl", "--dir", state},
      {"authority", "export", "joke", "--dir", state},
      {"authority", "revoke", "--dir", state},
      {"authority", "revoke", "x", "--dir", state, "--reason", "bored"},
      {"export"},
      {"export", "trust-bundle", "--dir", state},
      {"export", "trust-bundle", "--dir", state, "--out", state, "--valid", "never"},
      {"device"},
      {"device", "--state", state, "--udp", "x"},
      {"device", "--state", state, "--count", "0"},
      {"device", "--state", state, "--lifecycle", "young"},
      {"device", "connect", "--state", state},
      {"provision"},
      {"provision", "--info"},
      {"provision", "--udp", "127.0.0.1:9"},
      {"provision", "--baud", "fast"},
      {"provision", "--profile", "unknown"},
      {"provision", "status"},
      {"inspect"},
      {"image"},
      {"image", "sign"},
      {"image", "sign", "a", "b", "--key", "c"},
      {"image", "sign", "a", "b", "--key", "c", "--version", "one"},
      {"image", "verify", file("text")},
      {"image", "verify", file("text"), "--root", file("root.der"), "--key", file("root.der")},
      {"image", "verify", file("text"), "--root", file("root.der"), "--time", "noon"},
      {"image", "verify", file("text"), "--root", file("root.der"), "--require-parent-signer", file("text")},
      {"image", "diff", file("text")},
      {"authority", "oem", "--dir", state, "--name", "x", "--out", state},
      {"authority", "firmware-signer", "--issuer", state},
      {"verify"},
      {"verify", "chain", file("root.der")},
      {"verify", "chain", file("root.der"), "--root-spki", "12"},
      {"verify", "chain", file("root.der"), "--root", file("root.der"), "--time", "noon"},
      {"completion", "tcsh"},
      {"man", "nonsense"},
      {"version", "again"}};
  for (const Words& words : lines) {
    const CommandResult result = pedigree(words);
    EXPECT_EQ(result.status, kExitUsage) << joined(words) << "\n" << result.output;
    EXPECT_TRUE(result.output.starts_with("error: ") ||
                result.output.find("Usage: pedigree") != std::string::npos)
        << joined(words) << "\n"
        << result.output;
    Words as_json{"--json"};
    as_json.insert(as_json.end(), words.begin(), words.end());
    const CommandResult told = pedigree(as_json);
    boost::system::error_code error;
    const json::value value = json::parse(told.output, error);
    ASSERT_FALSE(error) << joined(as_json) << "\n" << told.output;
    EXPECT_EQ(value.at("error").at("exit_status").as_int64(), kExitUsage) << joined(as_json);
    EXPECT_EQ(told.status, kExitUsage);
  }
  EXPECT_FALSE(std::filesystem::exists(state));
}

TEST_F(Stranger, UsageNamesTheWholeCommand) {
  EXPECT_NE(pedigree({"verify", "chain", "--help"}).output.find("Usage: pedigree verify chain "),
            std::string::npos);
  EXPECT_NE(pedigree({"--help"}).output.find("Usage: pedigree [OPTIONS]"), std::string::npos);
  EXPECT_EQ(pedigree({"provision"}).output.find("Usage:"), std::string::npos);
}

TEST_F(Stranger, EveryAnswerHasAJsonForm) {
  const std::vector<Words> lines{
      {"--help"},
      {"verify", "chain", "--help"},
      {"--version"},
      {"version"},
      {"completion", "bash"},
      {"completion", "zsh"},
      {"completion", "fish"},
      {"man"},
      {"man", "verify", "chain"},
      {"man", "--all", file("man")},
      {"inspect", file("root.pem")},
      {"inspect", file("root.pem"), file("key.pem")},
      {"verify", "chain", file("root.pem"), "--root", file("root.pem"), "--allow-ca"}};
  for (const Words& words : lines) {
    Words as_json = words;
    as_json.emplace_back("--json");
    const CommandResult told = pedigree(as_json);
    EXPECT_EQ(told.status, kExitOk) << joined(as_json) << told.output;
    // Another reader's opinion of what JSON is.
    const CommandResult read = testing::run({"python3", "-m", "json.tool"}, told.output);
    EXPECT_EQ(read.status, 0) << joined(as_json) << "\n" << read.output;
    EXPECT_EQ(told.output.find('\x1b'), std::string::npos) << joined(as_json);
  }
  EXPECT_EQ(json::parse(pedigree({"verify", "chain", "--help", "--json"}).output).at("command"),
            "pedigree verify chain");
  const json::value version = json::parse(pedigree({"version", "--json"}).output);
  EXPECT_EQ("pedigree " + std::string(version.at("version").as_string()) + "\n",
            pedigree({"--version"}).output);
}

TEST_F(Stranger, ColourIsForTerminalsThatWantIt) {
  const auto shown = [](Words words, const std::string& no_colour, bool terminal) {
    words.insert(words.begin(), program());
    testing::Process running(words, {.environment = {{"NO_COLOR", no_colour}}, .terminal = terminal});
    running.wait();
    return running.output().find("\x1b[") != std::string::npos;
  };
  const Words inspect{"inspect", file("root.pem")};
  EXPECT_TRUE(shown(inspect, "", true));
  EXPECT_FALSE(shown(inspect, "1", true));
  EXPECT_FALSE(shown(inspect, "", false));
  EXPECT_TRUE(shown({"--color", "always", "inspect", file("root.pem")}, "1", false));
  EXPECT_FALSE(shown({"--color", "never", "inspect", file("root.pem")}, "", true));
  EXPECT_FALSE(shown({"--json", "inspect", file("root.pem")}, "", true));
  EXPECT_TRUE(shown({"inspect", file("missing")}, "", true));
  EXPECT_FALSE(shown({"inspect", file("missing")}, "1", true));
}

}  // namespace
}  // namespace pedigree::cli
