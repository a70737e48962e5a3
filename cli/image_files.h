// SPDX-License-Identifier: Apache-2.0
// Firmware images in files: read in pieces, or from Intel HEX; written in pieces, at once or not at all.
#pragma once

#include <expected>
#include <memory>
#include <optional>

#include "cli/files.h"
#include "signing/slot.h"

namespace pedigree::cli {

/// Whether a file is Intel HEX, by the ending of its name, as imgtool decides it.
[[nodiscard]] bool is_hex_file(std::string_view path);

/// A file as a source of octets. One that is not Intel HEX is read where it is asked for and takes no memory.
class ImageFile {
 public:
  /// What an input that must be kept in memory may hold at most: 64 MiB.
  static constexpr std::uint32_t kMaxInMemory = std::uint32_t{64} << 20U;

  /// Opens `path`; "-" is stdin. What a HEX file leaves out is `fill`. Problem: unreadable, malformed HEX,
  /// too large (4 GiB, or kMaxInMemory).
  [[nodiscard]] static std::expected<std::unique_ptr<ImageFile>, Problem> open(const std::string& path,
                                                                               std::uint8_t fill = 0xff);
  virtual ~ImageFile() = default;
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;
  [[nodiscard]] virtual const image::Source& source() const noexcept = 0;
  /// Of the first octet, where the file tells.
  [[nodiscard]] virtual std::optional<std::uint32_t> address() const noexcept { return std::nullopt; }

 protected:
  ImageFile() = default;
};

/// A file that is written in pieces under another name, and takes its own when all is there; "-" is stdout.
class OutputFile final : public signing::Sink {
 public:
  /// Problem: the folder cannot be written.
  [[nodiscard]] static std::expected<std::unique_ptr<OutputFile>, Problem> create(const std::string& path);
  /// Removes what was written unless commit was called.
  ~OutputFile() override;
  [[nodiscard]] Result<void> write(Bytes piece) noexcept override;
  /// Gives the file its name. Problem: why a write, or this, failed.
  [[nodiscard]] std::expected<void, Problem> commit();

 private:
  OutputFile(std::string path, std::string temporary, int file);
  std::string path_, temporary_;
  int file_;
  int reason_ = 0;  // errno of the first failure
};

/// Collects an image in memory.
class MemoryFile final : public signing::Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes piece) noexcept override;
  [[nodiscard]] const Octets& octets() const noexcept { return octets_; }

 private:
  Octets octets_;
};

}  // namespace pedigree::cli
