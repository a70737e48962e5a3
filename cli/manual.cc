// SPDX-License-Identifier: Apache-2.0
// Manual pages from the same texts as --help.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command_tree.h"

namespace pedigree::cli {
namespace {

/// Text for roff: backslashes and hyphens as themselves, and no line that looks like a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

/// A sentence: with a full stop.
std::string sentence_of(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out.back() != '.') out += '.';
  return out;
}

std::string dashed(std::string path) {
  std::replace(path.begin(), path.end(), ' ', '-');
  return path;
}

std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

std::string options_section(const std::vector<OptionFacts>& options) {
  std::string out;
  for (const OptionFacts& option : options) {
    std::string names;
    for (const std::string& name : option.names)
      names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
    if (!option.argument.empty() && option.names.back().starts_with('-'))
      names += fmt::format(" \\fI{}\\fR", roff(option.argument));
    out += fmt::format(".TP\n{}\n{}\n", names, roff(sentence_of(option.help)));
  }
  return out;
}

std::string synopsis(const CommandFacts& command) {
  std::string out = fmt::format(".B {}\n", roff(command.path));
  if (!command.options.empty()) out += "[\\fIOPTIONS\\fR]\n";
  if (!command.commands.empty()) out += "\\fICOMMAND\\fR\n";
  for (const OptionFacts& positional : command.positionals)
    out += fmt::format("{}\\fI{}\\fR{}{}\n", positional.required ? "" : "[", roff(positional.names[0]),
                       positional.repeatable ? " ..." : "", positional.required ? "" : "]");
  return out;
}

constexpr std::string_view kExitStatus = R"(.TP
.B 0
Done, or the answer is yes.
.TP
.B 1
A failure that has no number of its own.
.TP
.B 2
The command line is not understood.
.TP
.B 3
A verification was made and its answer is no.
.TP
.B 4
The device refused.
.TP
.B 5
The authority refused.
.TP
.B 6
No connection, or no answer in time.
.TP
.B 7
A file or input cannot be read, or is not what it should be.
)";

constexpr std::string_view kEnvironment = R"(.TP
.B NO_COLOR
If set and not empty, nothing is coloured unless \fB\-\-color always\fR asks for it.
)";

}  // namespace

std::string manual_file(const CommandFacts& command) {
  return dashed(command.path) + ".1";
}

std::string manual_page(const CommandFacts& command, const CommandFacts& root) {
  const bool is_root = &command == &root;
  std::string title = dashed(command.path);
  std::transform(title.begin(), title.end(), title.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  std::string out = fmt::format(".TH {} 1 \"{}\" \"pedigree {}\" \"Pedigree manual\"\n", title, PEDIGREE_DATE,
                                PEDIGREE_VERSION);
  out += fmt::format(".SH NAME\n{} \\- {}\n", roff(dashed(command.path)), roff(lower_first(command.help)));
  out += ".SH SYNOPSIS\n" + synopsis(command);
  out += fmt::format(".SH DESCRIPTION\n{}\n", roff(sentence_of(command.help)));
  if (!command.footer.empty()) out += fmt::format(".PP\n{}\n", roff(command.footer));
  if (!command.commands.empty()) {
    out += ".SH COMMANDS\n";
    for (const CommandFacts& below : command.commands)
      out += fmt::format(".TP\n.B {}\n{}\n", roff(below.name), roff(sentence_of(below.help)));
  }
  if (!command.positionals.empty()) out += ".SH ARGUMENTS\n" + options_section(command.positionals);
  out += ".SH OPTIONS\n" + options_section(command.options);
  if (!is_root) {
    std::vector<OptionFacts> global;
    for (const OptionFacts& option : root.options)
      if (option.names.back() != "--help" && option.names.back() != "--version") global.push_back(option);
    out += ".SS Options of every command\n" + options_section(global);
  }
  out += ".SH EXIT STATUS\n" + std::string(kExitStatus);
  out += ".SH ENVIRONMENT\n" + std::string(kEnvironment);
  std::string others;
  for (const CommandFacts& below : command.commands)
    others += fmt::format("{}.BR {} (1)", others.empty() ? "" : " ,\n", roff(dashed(below.path)));
  if (others.empty() && !is_root) {
    const std::string parent = command.path.substr(0, command.path.rfind(' '));
    others = fmt::format(".BR {} (1)", roff(dashed(parent)));
  }
  if (!others.empty()) out += ".SH SEE ALSO\n" + others + "\n";
  return out;
}

}  // namespace pedigree::cli
