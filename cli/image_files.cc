// SPDX-License-Identifier: Apache-2.0
#include "cli/image_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "signing/intel_hex.h"

namespace pedigree::cli {
namespace {

std::unexpected<Problem> refuse(std::string_view what, const std::string& path, std::string_view reason) {
  return std::unexpected(Problem{
      .summary = fmt::format("{} {}: {}", what, path, reason), .details = {}, .next = {}, .note = {}});
}

/// A regular file, read where it is asked for.
class FileSource final : public image::Source {
 public:
  FileSource(int file, std::uint32_t size) noexcept : file_(file), size_(size) {}
  ~FileSource() { (void)::close(file_); }
  [[nodiscard]] std::uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] Result<void> read(std::uint32_t offset, MutableBytes out) const noexcept override {
    while (!out.empty()) {
      const ssize_t got = ::pread(file_, out.data(), out.size(), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return fail(ErrorCode::io_failure, offset);  // 0: it has become shorter
      offset += static_cast<std::uint32_t>(got);
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

 private:
  int file_;
  std::uint32_t size_;
};

class StoredImage final : public ImageFile {
 public:
  StoredImage(int file, std::uint32_t size) : source_(file, size) {}
  [[nodiscard]] const image::Source& source() const noexcept override { return source_; }

 private:
  FileSource source_;
};

class LoadedImage final : public ImageFile {
 public:
  LoadedImage(Octets octets, std::optional<std::uint32_t> address)
      : octets_(std::move(octets)), source_(octets_), address_(address) {}
  [[nodiscard]] const image::Source& source() const noexcept override { return source_; }
  [[nodiscard]] std::optional<std::uint32_t> address() const noexcept override { return address_; }

 private:
  Octets octets_;
  image::MemorySource source_;
  std::optional<std::uint32_t> address_;
};

using Opened = std::expected<std::unique_ptr<ImageFile>, Problem>;

Opened load(const std::string& path) {
  auto content = read_input(path, ImageFile::kMaxInMemory);
  if (!content) return std::unexpected(content.error());
  return std::make_unique<LoadedImage>(*std::move(content), std::nullopt);
}

/// The line of a text at this offset, from 1.
std::size_t line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, offset), '\n'));
}

Opened load_hex(const std::string& path, std::uint8_t fill) {
  const auto content = read_input(path, 3 * ImageFile::kMaxInMemory);
  if (!content) return std::unexpected(content.error());
  const std::string_view text = as_text(*content);
  auto segment = signing::read_intel_hex(text, fill, ImageFile::kMaxInMemory);
  if (segment) return std::make_unique<LoadedImage>(std::move(segment->octets), segment->address);
  const Error error = segment.error();
  switch (error.code) {
    case ErrorCode::too_long:
      return refuse("cannot use", path,
                    fmt::format("from its first to its last address there are more than {} bytes",
                                ImageFile::kMaxInMemory));
    case ErrorCode::duplicate:
      return refuse("cannot use", path, "it gives some addresses twice");
    case ErrorCode::missing_field:
      return refuse("cannot use", path, "it holds no data");
    case ErrorCode::truncated:
      return refuse("cannot use", path, "it has no end record; it was cut off, or is no Intel HEX");
    default:
      return refuse("cannot use", path,
                    fmt::format("line {} is no record of Intel HEX: {}", line_at(text, error.offset),
                                sentence(error.code)));
  }
}

}  // namespace

bool is_hex_file(std::string_view path) {
  if (path.size() < 4) return false;
  std::string ending(path.substr(path.size() - 4));
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".hex";
}

Opened ImageFile::open(const std::string& path, std::uint8_t fill) {
  if (is_hex_file(path)) return load_hex(path, fill);
  if (path == "-") return load(path);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refuse("cannot open", path, std::strerror(errno));
  struct stat status{};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  if (regular && status.st_size <= 0xffffffff) {
    return std::make_unique<StoredImage>(file, static_cast<std::uint32_t>(status.st_size));
  }
  (void)::close(file);
  if (regular) return refuse("cannot use", path, "it is larger than 4 GiB");
  return load(path);
}

OutputFile::OutputFile(std::string path, std::string temporary, int file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}

OutputFile::~OutputFile() {
  (void)::close(file_);
  if (!temporary_.empty()) (void)::unlink(temporary_.c_str());
}

std::expected<std::unique_ptr<OutputFile>, Problem> OutputFile::create(const std::string& path) {
  const bool standard = path == "-";
  std::string temporary = standard ? std::string() : path + ".XXXXXX";
  const int file =
      standard ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : ::mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return refuse("cannot write", path, std::strerror(errno));
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private
  return std::unique_ptr<OutputFile>(new OutputFile(path, std::move(temporary), file));
}

Result<void> OutputFile::write(Bytes piece) noexcept {
  while (!piece.empty()) {
    const ssize_t written = ::write(file_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      reason_ = errno;
      return fail(ErrorCode::io_failure);
    }
    piece = piece.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

std::expected<void, Problem> OutputFile::commit() {
  if (reason_ == 0 && temporary_.empty()) return {};
  // What a build makes it makes again: unlike a key or a certificate it need not survive a power cut.
  if (reason_ == 0 && ::fchmod(file_, 0644) == 0 && ::rename(temporary_.c_str(), path_.c_str()) == 0) {
    temporary_.clear();
    return {};
  }
  return refuse("cannot write", path_, std::strerror(reason_ != 0 ? reason_ : errno));
}

Result<void> MemoryFile::write(Bytes piece) noexcept {
  octets_.insert(octets_.end(), piece.begin(), piece.end());
  return {};
}

}  // namespace pedigree::cli
