// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/cbor/cbor.h"
#include "core/der/der.h"

namespace pedigree::cli {
namespace {

Problem file_problem(std::string_view what, const std::string& path, const std::string& reason) {
  return {.summary = fmt::format("{} {}: {}", what, path, reason), .details = {}, .next = {}, .note = {}};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd > STDIN_FILENO) (void)close(fd);
  }
};

bool write_all(int fd, Bytes content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return fsync(fd) == 0;
}

std::expected<std::vector<Octets>, Problem> split_der(Bytes content, const std::string& source) {
  std::vector<Octets> elements;
  Reader in(content);
  while (!in.empty()) {
    const auto element = der::read(in, der::kSequence);
    if (!element) {
      const Error error = after_der(element.error(), !elements.empty());
      return std::unexpected(file_problem("cannot use", source,
                                          fmt::format("at byte {}, {}", error.offset, sentence(error.code))));
    }
    elements.emplace_back(element->whole.begin(), element->whole.end());
  }
  return elements;
}

std::expected<std::vector<Octets>, Problem> split_cbor(Bytes content, const std::string& source) {
  std::vector<Octets> elements;
  Reader in(content);
  const auto refuse = [&source](const Error& error) {
    return std::unexpected(file_problem("cannot use", source,
                                        fmt::format("at byte {}, {}", error.offset, sentence(error.code))));
  };
  const auto count = cbor::read_array(in);
  if (!count) return refuse(count.error());
  for (std::size_t i = 0; i < *count; ++i) {
    const auto element = cbor::read_bstr(in);
    if (!element) return refuse(element.error());
    elements.emplace_back(element->begin(), element->end());
  }
  if (const auto end = in.finish(); !end) return refuse(end.error());
  return elements;
}

std::expected<std::vector<Octets>, Problem> split_pem(Bytes content, const std::string& source,
                                                      std::string_view label) {
  auto blocks = parse_pem(as_text(content));
  if (!blocks) return std::unexpected(file_problem("cannot use", source, blocks.error().summary));
  std::vector<Octets> elements;
  std::string others;
  for (PemBlock& block : *blocks) {
    if (block.label == label)
      elements.push_back(std::move(block.der));
    else
      others += (others.empty() ? "" : ", ") + block.label;
  }
  if (elements.empty())
    return std::unexpected(
        file_problem("cannot use", source, fmt::format("it holds no {}, only {}", label, others)));
  return elements;
}

}  // namespace

std::expected<Octets, Problem> read_input(const std::string& path, std::size_t limit) {
  const bool standard = path == "-";
  const Descriptor file{standard ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return std::unexpected(file_problem("cannot open", path, std::strerror(errno)));
  Octets content;
  std::array<std::uint8_t, 65536> part{};
  while (true) {
    const ssize_t got = read(file.fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(file_problem("cannot read", path, std::strerror(errno)));
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > limit)
      return std::unexpected(
          file_problem("cannot use", path, fmt::format("it is larger than {} bytes", limit)));
    content.insert(content.end(), part.begin(), part.begin() + got);
  }
}

std::expected<void, Problem> write_output(const std::string& path, Bytes content, unsigned mode) {
  if (path == "-") {
    print(as_text(content));
    return {};
  }
  std::string temporary = path + ".XXXXXX";
  bool written = false;
  {
    const Descriptor file{mkostemp(temporary.data(), O_CLOEXEC)};
    if (file.fd < 0) return std::unexpected(file_problem("cannot write", path, std::strerror(errno)));
    written = fchmod(file.fd, mode) == 0 && write_all(file.fd, content);
  }
  if (written && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int reason = errno;
  (void)unlink(temporary.c_str());
  return std::unexpected(file_problem("cannot write", path, std::strerror(reason)));
}

Error after_der(Error error, bool further) noexcept {
  if (further && error.code == ErrorCode::bad_tag) error.code = ErrorCode::trailing_data;
  return error;
}

std::expected<std::vector<Octets>, Problem> split_certificates(Bytes content, const std::string& source,
                                                               std::string_view label) {
  if (content.empty()) return std::unexpected(file_problem("cannot use", source, "it is empty"));
  if (is_pem(content)) return split_pem(content, source, label);
  if (content[0] == der::kSequence) return split_der(content, source);
  if (content[0] >> 5U == static_cast<unsigned>(cbor::Major::array)) return split_cbor(content, source);
  return std::unexpected(
      file_problem("cannot use", source, "it is neither PEM nor DER nor a CBOR array of certificates"));
}

std::expected<std::vector<Octets>, Problem> read_certificates(const std::string& path,
                                                              std::string_view label) {
  const auto content = read_input(path);
  if (!content) return std::unexpected(content.error());
  return split_certificates(*content, path, label);
}

}  // namespace pedigree::cli
