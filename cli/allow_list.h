// SPDX-License-Identifier: Apache-2.0
// Lines of an allow-list as files have them: CSV with a header, or a JSON object a line.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/store.h"

namespace pedigree::cli {

/// One line.
struct AllowListLine {
  registry::Expected device;
  std::string batch;
};

/// Octets that a line may have, its end not counted.
inline constexpr std::size_t kMaxAllowListLine = 4096;

/// Reads line after line; the first tells the form: a JSON object begins with '{', else it is the header of a
/// CSV file (RFC 4180, without line breaks inside fields). Columns, and members of the objects, are `device`
/// (a device id or a UUID; required), `profiles` (separated by spaces or semicolons; in JSON a list of texts
/// too), `batch`, `product`, `label`. Anything else is refused, as are control characters and characters that
/// turn the direction of text.
class AllowListReader {
 public:
  /// `batch` counts for lines that name none.
  explicit AllowListReader(std::string batch) : batch_(std::move(batch)) {}

  /// A line without its end. Empty: a header or an empty line. Errors: a sentence, without the line's number.
  [[nodiscard]] std::expected<std::optional<AllowListLine>, std::string> read(std::string_view line);

 private:
  enum class Form : std::uint8_t { unknown, csv, json };
  [[nodiscard]] std::expected<void, std::string> read_header(std::string_view line);
  [[nodiscard]] std::expected<AllowListLine, std::string> read_csv(std::string_view line) const;
  [[nodiscard]] std::expected<AllowListLine, std::string> read_json(std::string_view line) const;

  std::string batch_;
  Form form_ = Form::unknown;
  std::vector<std::string> columns_;
};

}  // namespace pedigree::cli
