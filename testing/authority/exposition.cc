// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/exposition.h"

#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace pedigree::testing {
namespace {

[[noreturn]] void wrong(const std::string& what, const std::string& line) {
  throw std::runtime_error(what + ": " + line);
}

class Parser {
 public:
  Metrics parse(std::string_view text) {
    if (text.empty() || text.back() != '\n') wrong("the last line has no end", "");
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("# HELP ")) {
        help(line);
      } else if (line.starts_with("# TYPE ")) {
        type(line);
      } else {
        sample(line);
      }
    }
    end_family();
    return std::move(metrics_);
  }

 private:
  void help(const std::string& line) {
    end_family();
    static const std::regex form(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\\]+)");
    std::smatch found;
    if (!std::regex_match(line, found, form)) wrong("HELP", line);
    name_ = found[1];
    type_.clear();
    if (!families_.insert(name_).second) wrong("a family in pieces", line);
  }

  void type(const std::string& line) {
    static const std::regex form("# TYPE ([^ ]+) (counter|gauge|histogram)");
    std::smatch found;
    if (!std::regex_match(line, found, form) || found[1] != name_ || !type_.empty()) wrong("TYPE", line);
    type_ = found[2];
    if ((type_ == "counter") != name_.ends_with("_total")) wrong("a counter's name ends in _total", line);
  }

  void sample(const std::string& line) {
    static const std::regex form(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*")*\})? (\+Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?))re");
    std::smatch found;
    if (type_.empty() || !std::regex_match(line, found, form)) wrong("sample", line);
    const std::string suffix = found[1].str().substr(std::min(name_.size(), found[1].str().size()));
    const bool is_part =
        type_ == "histogram" ? suffix == "_bucket" || suffix == "_sum" || suffix == "_count" : suffix.empty();
    if (!found[1].str().starts_with(name_) || !is_part) wrong("a sample of another family", line);
    const double value = std::stod(found[3]);
    if (type_ == "counter" && value < 0) wrong("a counter below zero", line);
    if (!metrics_.emplace(found[1].str() + found[2].str(), value).second) wrong("said twice", line);
    if (type_ == "histogram") part(suffix, found[2], value, line);
  }

  void part(const std::string& suffix, const std::string& labels, double value, const std::string& line) {
    static const std::regex bound(R"re(^(.*?),?le="([^"]*)"\}$)re");
    std::smatch found;
    if (suffix == "_bucket") {
      if (!std::regex_match(labels, found, bound)) wrong("a bucket without le", line);
      if (value < last_bucket_) wrong("buckets do not grow", line);
      last_bucket_ = value;
      if (found[2] == "+Inf") total_ = value;
    } else if (suffix == "_count") {
      if (value != total_) wrong("the count is not that of the last bucket", line);
      last_bucket_ = 0;
      total_ = -1;
    }
  }

  void end_family() const {
    if (total_ != -1) wrong("a histogram without a count", name_);
  }

  Metrics metrics_;
  std::set<std::string> families_;
  std::string name_;
  std::string type_;
  double last_bucket_ = 0;
  double total_ = -1;
};

}  // namespace

Metrics parse_exposition(std::string_view text) {
  return Parser().parse(text);
}

}  // namespace pedigree::testing
