// SPDX-License-Identifier: Apache-2.0
// Errors, warnings and JSON: what programs and worried people read.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "cli/output.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

/// stderr has its own opinion about colour: stdout may be a pipe while a person reads the errors.
bool error_colour(const Context& context) {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  return isatty(STDERR_FILENO) != 0 && (context.colour || isatty(STDOUT_FILENO) == 0);
}

void write_json(const json::value& value, std::size_t depth, std::string& out);

template <typename Container, typename Item>
void write_items(const Container& items, char open, char close, std::size_t depth, std::string& out,
                 Item item) {
  out += open;
  if (!items.empty()) {
    const std::string indent(2 * (depth + 1), ' ');
    std::size_t left = items.size();
    for (const auto& element : items) {
      out += '\n' + indent;
      item(element);
      if (--left > 0) out += ',';
    }
    out += '\n' + std::string(2 * depth, ' ');
  }
  out += close;
}

void write_json(const json::value& value, std::size_t depth, std::string& out) {
  if (const json::object* object = value.if_object()) {
    write_items(*object, '{', '}', depth, out, [&](const json::key_value_pair& member) {
      out += json::serialize(json::string(member.key())) + ": ";
      write_json(member.value(), depth + 1, out);
    });
  } else if (const json::array* array = value.if_array()) {
    write_items(*array, '[', ']', depth, out,
                [&](const json::value& element) { write_json(element, depth + 1, out); });
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

void print_json(const json::value& value) {
  std::string out;
  write_json(value, 0, out);
  print_line(out);
}

void print_error(Context& context, int exit_code, const Problem& problem) {
  context.exit_code = exit_code;
  if (context.json) {
    json::object details;
    for (const auto& [key, value] : problem.details) details[key] = printable(value);
    json::object error{{"summary", printable(problem.summary)}, {"details", std::move(details)}};
    if (!problem.next.empty()) error["next"] = printable(problem.next);
    if (!problem.note.empty()) error["note"] = printable(problem.note);
    error["exit_status"] = exit_code;
    print_json(json::object{{"error", std::move(error)}});
    return;
  }
  Context colours;
  colours.colour = error_colour(context);
  std::string out = fmt::format("{} {}\n", styled(colours, Style::bad, "error:"), printable(problem.summary));
  std::vector<std::pair<std::string, std::string>> lines = problem.details;
  if (!problem.next.empty()) lines.emplace_back("next", problem.next);
  std::size_t width = 8;
  for (const auto& [key, value] : lines) width = std::max(width, display_width(key));
  for (const auto& [key, value] : lines)
    out += fmt::format("  {}{}  {}\n", styled(colours, Style::faint, key),
                       std::string(width - display_width(key), ' '), printable(value));
  if (!problem.note.empty()) out += fmt::format("({})\n", printable(problem.note));
  std::fwrite(out.data(), 1, out.size(), stderr);
}

void print_warning(const Context& context, std::string_view text) {
  if (context.quiet) return;
  Context colours;
  colours.colour = error_colour(context);
  fmt::print(stderr, "{} {}\n", styled(colours, Style::warning, "warning:"), printable(text));
}

}  // namespace pedigree::cli
