// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "cli/text.h"

namespace pedigree::cli {
namespace {

std::string_view sequence_of(Style style) {
  switch (style) {
    case Style::strong:
      return "\x1b[1m";
    case Style::faint:
      return "\x1b[2m";
    case Style::good:
      return "\x1b[32m";
    case Style::warning:
      return "\x1b[33m";
    case Style::bad:
      return "\x1b[31m";
    case Style::accent:
      return "\x1b[36m";
    case Style::plain:
      break;
  }
  return "";
}

}  // namespace

std::string styled(const Context& context, Style style, std::string_view text) {
  if (!context.colour || style == Style::plain || text.empty()) return std::string(text);
  return fmt::format("{}{}\x1b[0m", sequence_of(style), text);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const auto octet = static_cast<unsigned char>(text[i]);
    // C1 control characters are two octets of UTF-8, C2 80 to C2 9F.
    const bool c1 = length == 2 && octet == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (length == 0 || octet < 0x20 || octet == 0x7F || c1) {
      const std::size_t step = c1 ? 2 : 1;
      for (std::size_t k = i; k < i + step; ++k)
        out += fmt::format("\\{:02x}", static_cast<unsigned char>(text[k]));
      i += step;
      continue;
    }
    out.append(text.substr(i, length));
    i += length;
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\x1b') {
      const std::size_t end = text.find('m', i);
      i = end == std::string_view::npos ? text.size() : end + 1;
      continue;
    }
    i += std::max<std::size_t>(1, utf8_length(text.substr(i)));
    ++width;
  }
  return width;
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) std::_Exit(128 + SIGPIPE);
  throw std::system_error(errno, std::generic_category(), "writing to standard output failed");
}

void print_line(std::string_view text) {
  print(fmt::format("{}\n", text));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  const auto note = [&widths](std::size_t column, std::string_view text) {
    if (column >= widths.size()) widths.resize(column + 1);
    widths[column] = std::max(widths[column], display_width(text));
  };
  for (std::size_t i = 0; i < header_.size(); ++i) note(i, header_[i]);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) note(i, printable(row[i].text));
  return widths;
}

std::string Table::draw(const Context& context, std::size_t indent) const {
  const std::vector<std::size_t> columns = widths();
  std::string out;
  const auto add_line = [&](const std::vector<Cell>& row) {
    out.append(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      const std::string text = printable(row[i].text);
      out += styled(context, row[i].style, text);
      if (!last) out.append(columns[i] - display_width(text) + 2, ' ');
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
  };
  if (!header_.empty()) {
    std::vector<Cell> cells;
    for (const std::string& text : header_) cells.emplace_back(text, Style::faint);
    add_line(cells);
  }
  for (const auto& row : rows_) add_line(row);
  return out;
}

namespace {

struct TreeLine {
  std::string margin;
  const TreeNode* node;     ///< a node's own line, or
  const std::string* fact;  ///< a fact below it
};

void collect(const TreeNode& node, const std::string& margin, const std::string& below,
             std::vector<TreeLine>& lines) {
  lines.push_back({margin, &node, nullptr});
  const std::string fact_margin = below + (node.children.empty() ? "   " : "│  ");
  for (const std::string& fact : node.facts) lines.push_back({fact_margin, nullptr, &fact});
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const bool last = i + 1 == node.children.size();
    collect(node.children[i], below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "), lines);
  }
}

}  // namespace

std::string draw_tree(const Context& context, const TreeNode& root, std::size_t indent) {
  std::vector<TreeLine> lines;
  collect(root, "", "", lines);
  std::size_t width = 0;
  for (const TreeLine& line : lines)
    if (line.node != nullptr && !line.node->remark.empty())
      width = std::max(width, display_width(line.margin) + display_width(printable(line.node->label)));
  std::string out;
  for (const TreeLine& line : lines) {
    out.append(indent, ' ');
    out += styled(context, Style::faint, line.margin);
    if (line.fact != nullptr) {
      out += printable(*line.fact);
    } else {
      const std::string label = printable(line.node->label);
      out += styled(context, line.node->style, label);
      if (!line.node->remark.empty()) {
        out.append(width - display_width(line.margin) - display_width(label) + 3, ' ');
        out += styled(context, Style::faint, printable(line.node->remark));
      }
    }
    out += '\n';
  }
  return out;
}

Progress::Progress(const Context& context, std::string label, std::uint64_t total)
    : label_(std::move(label)),
      total_(std::max<std::uint64_t>(total, 1)),
      active_(context.progress && !context.quiet && !context.json),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

void Progress::advance(std::uint64_t done) {
  using namespace std::chrono_literals;
  if (!active_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - start_ < 1s || (now - last_ < 100ms && done < total_)) return;
  last_ = now;
  draw(std::min(done, total_));
}

void Progress::draw(std::uint64_t done) {
  constexpr std::uint64_t kWidth = 20;
  const auto filled = static_cast<std::size_t>(done * kWidth / total_);
  fmt::print(stderr, "\r\x1b[K  {} [{}{}] {}/{}", label_, std::string(filled, '#'),
             std::string(kWidth - filled, ' '), done, total_);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }
  drawn_ = false;
}

void Progress::finish() {
  clear();
  active_ = false;
}

std::string shorten(std::string_view hex, std::size_t head, std::size_t tail) {
  if (hex.size() <= head + tail + 2) return std::string(hex);
  return fmt::format("{}..{}", hex.substr(0, head), hex.substr(hex.size() - tail));
}

}  // namespace pedigree::cli
