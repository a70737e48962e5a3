// SPDX-License-Identifier: Apache-2.0
#include "server/app/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/http/json.h"

namespace pedigree::app {
namespace {

std::unexpected<authority::Refusal> failed(std::string_view what, const std::filesystem::path& path) {
  return authority::refuse(ErrorCode::io_failure,
                           fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

/// A file descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number;
};

Answer<void> check_writers(const struct stat& status, const std::filesystem::path& path) {
  if ((status.st_mode & 022U) == 0) return {};
  return authority::refuse(
      ErrorCode::bad_configuration,
      fmt::format("{} decides whom to trust, but others may write it: chmod go-w it", path.string()));
}

/// `expected` octets are made room for, so that a secret of that size is never copied to a larger place.
Answer<std::string> read_all(const Descriptor& file, const std::filesystem::path& path,
                             std::size_t expected = 0) {
  std::string text;
  text.reserve(expected);
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = ::read(file.number, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  wipe({reinterpret_cast<std::uint8_t*>(part.data()), part.size()});
  return text;
}

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

}  // namespace

Answer<void> make_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  std::error_code ignored;
  if (errno == EEXIST && std::filesystem::is_directory(path, ignored) &&
      std::filesystem::is_empty(path, ignored)) {
    if (::chmod(path.c_str(), 0700) == 0) return {};
  }
  return failed("make directory", path);
}

Answer<void> write_private(const std::filesystem::path& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.number < 0) return failed("create", path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.number, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.number) != 0) return failed("synchronise", path);
  return {};
}

Answer<void> replace_private(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::error_code ignored;
  std::filesystem::remove(fresh, ignored);
  if (auto written = write_private(fresh, text); !written) return written;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("replace", path);
  return {};
}

Answer<void> check_ours(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return failed("examine", path);
  return check_writers(status, path);
}

Answer<std::string> read_text(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number < 0) return failed("open", path);
  struct stat status{};
  if (::fstat(file.number, &status) != 0) return failed("examine", path);
  if (const auto checked = check_writers(status, path); !checked) return std::unexpected(checked.error());
  return read_all(file, path);
}

Answer<SecretText> read_private(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number < 0) return failed("open", path);
  struct stat status{};
  if (::fstat(file.number, &status) != 0) return failed("examine", path);
  if ((status.st_mode & 077U) != 0) {
    return authority::refuse(
        ErrorCode::bad_configuration,
        fmt::format("{} is a secret, but others may read it: chmod 600 it", path.string()));
  }
  auto text = read_all(file, path, static_cast<std::size_t>(status.st_size));
  if (!text) return std::unexpected(text.error());
  return SecretText(*std::move(text));
}

Answer<crypto::OpenSslKey> open_key(const std::filesystem::path& path, const SecretText& passphrase) {
  const auto pem = read_private(path);
  if (!pem) return std::unexpected(pem.error());
  auto key = crypto::OpenSslKey::from_pem(pem->text(), passphrase.text());
  if (!key) {
    return authority::refuse(key.error().code,
                             fmt::format("{}: {}", path.string(), sentence(key.error().code)));
  }
  return *std::move(key);
}

std::string certificate_pem(Bytes der) {
  const std::string base64 = http::to_base64(der);
  std::string out(kBegin);
  out += '\n';
  for (std::size_t at = 0; at < base64.size(); at += 64) {
    out += base64.substr(at, 64);
    out += '\n';
  }
  out += kEnd;
  out += '\n';
  return out;
}

Answer<Der> read_certificate(const std::filesystem::path& path) {
  const auto text = read_text(path);
  if (!text) return std::unexpected(text.error());
  const std::size_t begin = text->find(kBegin);
  const std::size_t end = text->find(kEnd);
  if (begin != std::string::npos && end != std::string::npos && end > begin) {
    std::string base64 = text->substr(begin + kBegin.size(), end - begin - kBegin.size());
    std::erase_if(base64, [](char c) { return c == '\n' || c == '\r'; });
    if (auto der = http::from_base64(base64); der && !der->empty()) return *std::move(der);
  }
  return authority::refuse(ErrorCode::bad_pem, fmt::format("{} holds no certificate in PEM", path.string()));
}

}  // namespace pedigree::app
