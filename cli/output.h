// SPDX-License-Identifier: Apache-2.0
// How the program speaks: colour where a person looks, tables, trees, progress, errors with the next step.
//
// Text that came from a file, a device or a server passes through printable() before it reaches a terminal;
// Table, draw_tree and print_error do that themselves.
#pragma once

#include <boost/json/fwd.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"

namespace pedigree::cli {

enum class Style : std::uint8_t { plain, strong, faint, good, warning, bad, accent };

/// `text` in that style for stdout; unchanged where context.colour is off.
[[nodiscard]] std::string styled(const Context& context, Style style, std::string_view text);

/// `text` with control characters and invalid UTF-8 as \xx, so that nobody's data steers the terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// Columns that `text` takes on a terminal: code points of its UTF-8, without colour sequences.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// Writes to stdout at once. A closed pipe ends the program with status 141, as SIGPIPE would; another
/// failure (a full disk) throws std::system_error, which main reports.
void print(std::string_view text);
void print_line(std::string_view text = {});

/// Lines up cells in columns.
class Table {
 public:
  struct Cell {
    Cell(std::string content, Style cell_style = Style::plain)
        : text(std::move(content)), style(cell_style) {}
    Cell(const char* content) : text(content) {}
    std::string text;
    Style style = Style::plain;
  };
  /// `header` may be empty: no header line.
  explicit Table(std::vector<std::string> header = {}) : header_(std::move(header)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string draw(const Context& context, std::size_t indent = 2) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

/// A node of a tree: a line, a remark behind it, facts below it, and children.
struct TreeNode {
  std::string label;
  Style style = Style::strong;
  std::string remark;              ///< shown faint behind the label
  std::vector<std::string> facts;  ///< lines below, before the children
  std::vector<TreeNode> children;
};
/// The tree with branches drawn in the margin; remarks of one tree start in the same column.
[[nodiscard]] std::string draw_tree(const Context& context, const TreeNode& root, std::size_t indent = 2);

/// A bar on stderr for work that takes more than a second; silent before that, and where nobody watches.
class Progress {
 public:
  Progress(const Context& context, std::string label, std::uint64_t total);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(std::uint64_t done);
  /// Removes the bar until the next advance(), so that a line can be printed.
  void clear();
  /// Removes the bar from the terminal; called by the destructor too.
  void finish();

 private:
  void draw(std::uint64_t done);
  std::string label_;
  std::uint64_t total_;
  bool active_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

/// A failure as a person needs it: what happened, the facts, and what to do now.
struct Problem {
  std::string summary;                                       ///< one sentence without a full stop
  std::vector<std::pair<std::string, std::string>> details;  ///< "device", "01a7..9e on /dev/ttyACM0"
  std::string next;                                          ///< what to do now; empty: no such line
  std::string note;                                          ///< "nothing was changed on the device"
};
/// Prints the problem on stderr, or as {"error": {...}} on stdout under --json, and sets context.exit_code.
void print_error(Context& context, int exit_code, const Problem& problem);
/// A line "warning: ..." on stderr; nothing under --quiet.
void print_warning(const Context& context, std::string_view text);

/// Prints a JSON value on stdout, indented by two, members in the order they were added.
void print_json(const boost::json::value& value);

/// The first `head` and last `tail` characters of a longer hex text: "3f9a..c2".
[[nodiscard]] std::string shorten(std::string_view hex, std::size_t head = 4, std::size_t tail = 2);

}  // namespace pedigree::cli
