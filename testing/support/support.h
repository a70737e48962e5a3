// SPDX-License-Identifier: Apache-2.0
// What tests share: files, text forms of octets, PEM, vectors, temporary folders, other programs. Malformed
// input throws std::runtime_error, which fails the test that gave it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::testing {

using Octets = std::vector<std::uint8_t>;

/// The whole file. Throws if it cannot be read.
[[nodiscard]] std::string read_text(const std::filesystem::path& file);
[[nodiscard]] Octets read_file(const std::filesystem::path& file);
/// Replaces the file's content. Throws if it cannot be written.
void write_file(const std::filesystem::path& file, std::string_view content);
void write_file(const std::filesystem::path& file, Bytes content);

/// Lower-case hexadecimal without separators.
[[nodiscard]] std::string hex(Bytes octets);
/// Reads hexadecimal of either case; white space is skipped. Throws on anything else.
[[nodiscard]] Octets unhex(std::string_view text);

/// Standard base64 with padding (RFC 4648 4), without line breaks.
[[nodiscard]] std::string base64(Bytes octets);
/// Reads standard base64; white space and padding are skipped. Throws on anything else.
[[nodiscard]] Octets unbase64(std::string_view text);

struct PemBlock {
  std::string label;  ///< "CERTIFICATE"
  Octets der;
};
/// Every block of a PEM text, in order; the text between blocks is skipped. Throws if one is not closed.
[[nodiscard]] std::vector<PemBlock> pem_blocks(std::string_view pem);
/// The DER of every block with this label, in order.
[[nodiscard]] std::vector<Octets> pem_ders(std::string_view pem, std::string_view label = "CERTIFICATE");
/// One PEM block with lines of 64 characters.
[[nodiscard]] std::string to_pem(std::string_view label, Bytes der);

/// The folder of test vectors made by others: the environment's PEDIGREE_VECTORS, or ../shared/vectors
/// beside the source tree. Empty where neither exists; a test then says "skipped: no vectors".
[[nodiscard]] std::optional<std::filesystem::path> vectors_dir();

/// An empty folder of its own, removed with its content at the end.
class TempDir {
 public:
  /// In the system's folder for temporary files, or in `parent`.
  explicit TempDir(const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct CommandResult {
  int status = -1;     ///< exit status, or 128 + the signal that ended it
  std::string output;  ///< standard output and standard error, as they came
};
/// Runs a program found in PATH with these arguments (no shell) and `input` on its standard input, and waits
/// for it. Status 127 means that it could not be started.
[[nodiscard]] CommandResult run(const std::vector<std::string>& command, std::string_view input = {});

}  // namespace pedigree::testing
