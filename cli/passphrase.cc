// SPDX-License-Identifier: Apache-2.0
#include "cli/passphrase.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

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

/// Octets of one passphrase as they are read: wiped, and never copied to a larger place.
struct Buffer {
  ~Buffer() { wipe({reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()}); }
  [[nodiscard]] app::SecretText line() const {
    const std::string_view text(octets.data(), size);
    return app::SecretText(std::string(text.substr(0, text.find_first_of("\r\n"))));
  }
  /// Reads until the end, or until the end of a line where `to_newline`. False: a failure, or too long.
  [[nodiscard]] bool fill(int file, bool to_newline) {
    while (size < octets.size()) {
      const ssize_t got = read(file, octets.data() + size, octets.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return got == 0;
      size += static_cast<std::size_t>(got);
      if (to_newline && octets[size - 1] == '\n') return true;
    }
    errno = EFBIG;
    return false;
  }
  std::array<char, kMaxPassphrase> octets{};
  std::size_t size = 0;
};

app::SecretText ask(const char* prompt) {
  const NoEcho silence;
  std::cerr << prompt << std::flush;
  Buffer buffer;
  (void)buffer.fill(STDIN_FILENO, true);  // what cannot be read is no passphrase
  std::cerr << '\n';
  return buffer.line();
}

std::expected<app::SecretText, Problem> from_file(const std::string& name) {
  const bool standard = name == "-";
  const int file = standard ? STDIN_FILENO : open(name.c_str(), O_RDONLY | O_CLOEXEC);
  const auto problem = [&](std::string reason, std::string next) {
    if (!standard && file >= 0) close(file);
    return std::unexpected(Problem{.summary = "cannot use the passphrase file " + name,
                                   .details = {{"reason", std::move(reason)}},
                                   .next = std::move(next),
                                   .note = {}});
  };
  struct stat status{};
  if (file < 0 || fstat(file, &status) != 0) return problem(std::strerror(errno), {});
  if (S_ISREG(status.st_mode) && (status.st_mode & 077U) != 0) {
    return problem("others may read it", "chmod 600 " + name);
  }
  Buffer buffer;
  if (!buffer.fill(file, false)) return problem(std::strerror(errno), {});
  if (!standard) close(file);
  return buffer.line();
}

/// The variable's value; the process then forgets it, also where /proc shows it.
app::SecretText from_environment(char* value) {
  app::SecretText secret{std::string(value)};
  wipe({reinterpret_cast<std::uint8_t*>(value), std::strlen(value)});
  unsetenv("PEDIGREE_PASSPHRASE");
  return secret;
}

}  // namespace

std::expected<app::SecretText, Problem> read_passphrase(const std::string& file, bool confirm) {
  if (!file.empty()) return from_file(file);
  if (char* given = std::getenv("PEDIGREE_PASSPHRASE"); given != nullptr) return from_environment(given);
  if (isatty(STDIN_FILENO) == 0) {
    return std::unexpected(Problem{.summary = "there is no passphrase for the key",
                                   .details = {},
                                   .next = "give --passphrase-file FILE, or set PEDIGREE_PASSPHRASE",
                                   .note = {}});
  }
  app::SecretText secret = ask("Passphrase: ");
  if (confirm && ask("Again: ").text() != secret.text()) {
    return std::unexpected(
        Problem{.summary = "the two passphrases differ", .details = {}, .next = {}, .note = {}});
  }
  return secret;
}

}  // namespace pedigree::cli
