// SPDX-License-Identifier: Apache-2.0
// The log of a serving authority: one line for each event, of named fields, for people or for programs.
// Nothing of a field's value reaches it unescaped, and no caller gives it a body, a token, a passphrase or a
// key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "authority/config.h"
#include "authority/refusal.h"
#include "server/observe/metrics.h"

namespace pedigree::observe {

using authority::LogFormat;
using authority::LogLevel;

/// A field of a line; `value` is borrowed.
struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double> value;
};

/// Longest value of a field, in octets before escaping; what is longer is cut, and ends with "...".
inline constexpr std::size_t kMaxFieldValue = 256;

/// The text with every octet or character escaped that moves a cursor, hides or reorders text, or ends a
/// field: control characters (C0, DEL, C1), bidirectional and invisible formatting, line and paragraph
/// separators, quotation marks, backslashes, and whatever is no UTF-8. Characters become \u202e, octets \xff.
/// `json`: as JSON's strings have it, where an octet that is no UTF-8 becomes \ufffd.
[[nodiscard]] std::string escape_field(std::string_view text, bool json);

/// One line without its end. `at`: milliseconds of Unix time.
[[nodiscard]] std::string format_line(LogFormat format, LogLevel level, std::int64_t at,
                                      std::string_view event, std::initializer_list<Field> fields);

/// Any number of threads may write. A thread of the log's own gathers their lines for 10 ms and writes them:
/// where the reader of the log stands still, lines are lost and counted, and serving goes on.
class Log {
 public:
  /// `lost` is borrowed. Errors: io_failure (the file).
  static authority::Answer<std::shared_ptr<Log>> open(const authority::LogConfig& config, Counter& lost);
  /// Writes what waits.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Takes other settings, and opens the file anew. Errors: io_failure: the old settings stay.
  [[nodiscard]] authority::Answer<void> reopen(const authority::LogConfig& config);

  [[nodiscard]] bool takes(LogLevel level) const noexcept;
  void write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) noexcept;
  /// A number for a request, unlike those of other processes.
  [[nodiscard]] std::string next_id();

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pedigree::observe
