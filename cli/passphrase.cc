// SPDX-License-Identifier: Apache-2.0
#include "cli/passphrase.h"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/files.h"

namespace pedigree::cli {
namespace {

constexpr std::size_t kMaxPassphrase = 4096;

/// Turns the terminal's echo off for as long as it lives.
class NoEcho {
 public:
  NoEcho() {
    known_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (known_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    if (known_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool known_ = false;
};

app::SecretText ask(const char* prompt) {
  const NoEcho silence;
  std::cerr << prompt << std::flush;
  std::string line;
  std::getline(std::cin, line);
  std::cerr << '\n';
  return app::SecretText(std::move(line));
}

}  // namespace

std::expected<app::SecretText, Problem> read_passphrase(const std::string& file, bool confirm) {
  if (!file.empty()) {
    auto content = read_input(file, kMaxPassphrase);
    if (!content) return std::unexpected(content.error());
    const std::string_view text = as_text(*content);
    app::SecretText secret{std::string(text.substr(0, text.find_first_of("\r\n")))};
    wipe(*content);
    return secret;
  }
  if (const char* given = std::getenv("PEDIGREE_PASSPHRASE"); given != nullptr) return app::SecretText(given);
  if (isatty(STDIN_FILENO) == 0) {
    return std::unexpected(Problem{.summary = "there is no passphrase for the CA keys",
                                   .details = {},
                                   .next = "give --passphrase-file FILE, or set PEDIGREE_PASSPHRASE",
                                   .note = {}});
  }
  app::SecretText secret = ask("Passphrase of the CA keys: ");
  if (confirm && ask("Again: ").text() != secret.text()) {
    return std::unexpected(
        Problem{.summary = "the two passphrases differ", .details = {}, .next = {}, .note = {}});
  }
  return secret;
}

}  // namespace pedigree::cli
