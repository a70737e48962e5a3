// SPDX-License-Identifier: Apache-2.0
// pedigree authority lint: who accepts what the profiles write.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/lint.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using authority::LintResult;
using authority::LintVerdict;

struct LintArguments {
  std::string directory;
  std::string profile;
  std::string certificate;
  std::string out;
};

Style style_of(LintVerdict verdict) {
  switch (verdict) {
    case LintVerdict::accepted:
      return Style::good;
    case LintVerdict::warned:
      return Style::warning;
    case LintVerdict::refused:
      return Style::bad;
    case LintVerdict::not_applicable:
      break;
  }
  return Style::faint;
}

json::object to_json(const std::vector<LintResult>& results) {
  json::object out;
  for (const LintResult& result : results) {
    json::array findings;
    for (const auto& one : result.findings) {
      findings.push_back({{"verdict", name(one.verdict)}, {"what", one.what}});
    }
    out[name(result.target)] =
        json::object{{"verdict", name(result.verdict)}, {"findings", std::move(findings)}};
  }
  return out;
}

Table table_of(std::initializer_list<std::string> first) {
  std::vector<std::string> heads(first);
  for (const auto target : authority::kLintTargets) heads.emplace_back(name(target));
  return Table(heads);
}

void add_row(Table& table, std::vector<Table::Cell> cells, const std::vector<LintResult>& results) {
  for (const LintResult& result : results)
    cells.emplace_back(std::string(name(result.verdict)), style_of(result.verdict));
  table.add(std::move(cells));
}

/// Whose finding it is, by targets, and how often each is said.
class Findings {
 public:
  void add(const std::string& of, const std::vector<LintResult>& results) {
    for (const LintResult& result : results) {
      for (const auto& one : result.findings) {
        Line& line = lines_[one.what];
        if (line.of.empty()) line.order = lines_.size();
        line.verdict = std::max(line.verdict, one.verdict);
        insert(line.targets, std::string(name(result.target)));
        insert(line.of, of);
      }
    }
  }
  void print(Context& context) const {
    std::vector<const std::pair<const std::string, Line>*> ordered;
    for (const auto& line : lines_) ordered.push_back(&line);
    std::ranges::sort(ordered, {}, [](const auto* line) { return line->second.order; });
    for (const auto* entry : ordered) {
      const Line& line = entry->second;
      const std::string of = fmt::format("{}", fmt::join(line.of, ", "));
      print_line(fmt::format(
          "{}{}{}: {}",
          styled(context, style_of(line.verdict), fmt::format("{}", fmt::join(line.targets, ", "))),
          of.empty() ? "" : " of ", of, printable(entry->first)));
    }
  }

 private:
  struct Line {
    std::size_t order = 0;
    LintVerdict verdict{};
    std::vector<std::string> targets, of;
  };
  static void insert(std::vector<std::string>& into, const std::string& text) {
    if (!text.empty() && std::ranges::find(into, text) == into.end()) into.push_back(text);
  }
  std::map<std::string, Line> lines_;
};

/// What a profile's own `accepted_by` is not given.
std::vector<std::string> broken_promises(const authority::Profile& profile,
                                         const std::vector<LintResult>& results) {
  std::vector<std::string> broken;
  for (const std::string& target : profile.accepted_by) {
    for (const LintResult& result : results) {
      const bool given = result.verdict == LintVerdict::accepted || result.verdict == LintVerdict::warned;
      if (name(result.target) == target && !given) broken.push_back(target);
    }
  }
  return broken;
}

bool write_sample(Context& context, const LintArguments& arguments, const app::LintSample& sample) {
  std::string text;
  for (const auto& one : sample.chain) text += app::certificate_pem(one);
  const std::string file =
      fmt::format("{}/{}-{}-{}.pem", arguments.out, sample.profile,
                  sample.issuer == "system CA" ? "system" : sample.issuer, crypto::name(sample.key));
  const auto written = write_output(file, as_bytes(text));
  if (written) return true;
  print_error(context, kExitUnreadable, written.error());
  return false;
}

void run_profiles(Context& context, const LintArguments& arguments) {
  const auto directory = app::Directory::open(arguments.directory, nullptr);
  if (!directory) return report_refusal(context, "open the authority", directory.error());
  const auto samples = app::lint_profiles(**directory, arguments.profile, std::time(nullptr));
  if (!samples) return report_refusal(context, "lint", samples.error());
  const auto& profiles = (*directory)->engine().config().profiles;
  std::error_code ignored;  // whoever writes there says what is wrong
  if (!arguments.out.empty()) std::filesystem::create_directories(arguments.out, ignored);
  json::array list;
  Table table = table_of({"profile", "issuer", "key"});
  std::vector<std::string> broken;
  for (const app::LintSample& sample : *samples) {
    if (!arguments.out.empty() && !write_sample(context, arguments, sample)) return;
    add_row(table, {sample.profile, sample.issuer, std::string(crypto::name(sample.key))}, sample.results);
    list.push_back({{"profile", sample.profile},
                    {"issuer", sample.issuer},
                    {"key", crypto::name(sample.key)},
                    {"results", to_json(sample.results)}});
    for (const std::string& target : broken_promises(profiles.at(sample.profile), sample.results)) {
      broken.push_back(
          fmt::format("profile {} with {} keys by {} is not accepted by {}, as accepted_by wants",
                      sample.profile, crypto::name(sample.key), sample.issuer, target));
    }
  }
  if (!broken.empty()) context.exit_code = kExitAuthorityRefused;
  if (context.json) {
    return print_json(
        json::object{{"samples", std::move(list)}, {"broken", json::array(broken.begin(), broken.end())}});
  }
  print(table.draw(context));
  if (samples->empty()) print_line("No intermediate issues it: name it in the profiles of an [[issuer]]");
  if (arguments.profile.empty()) {
    print_line("What is warned of or refused, and why: pedigree authority lint --dir DIR PROFILE");
  } else {
    Findings findings;
    for (const app::LintSample& sample : *samples)
      findings.add(std::string(crypto::name(sample.key)), sample.results);
    findings.print(context);
  }
  for (const std::string& line : broken) print_warning(context, line);
}

void run_certificate(Context& context, const LintArguments& arguments) {
  const auto chain = read_certificates(arguments.certificate);
  if (!chain) return print_error(context, kExitUnreadable, chain.error());
  const crypto::OpenSslCrypto crypto;
  const auto results = authority::lint(crypto, *chain);
  if (!results) {
    return report_refusal(context, "lint",
                          {results.error().code, results.error().code == ErrorCode::empty_chain
                                                     ? "the file must hold a chain, leaf first and root last"
                                                     : std::string(sentence(results.error().code))});
  }
  if (context.json) return print_json(json::object{{"results", to_json(*results)}});
  Table table = table_of({});
  add_row(table, {}, *results);
  print(table.draw(context));
  Findings findings;
  findings.add({}, *results);
  findings.print(context);
}

}  // namespace

void add_authority_lint(CLI::App& authority, Context& context) {
  const auto arguments = std::make_shared<LintArguments>();
  CLI::App* lint = authority.add_subcommand("lint", "Say who accepts the profiles' certificates, or a chain");
  lint->footer(
      "Certificates are written as the profiles have them, by keys that are made for it and thrown away. The "
      "rules\n"
      "are those of OpenSSL, Mbed TLS, GnuTLS, AWS IoT, Azure DPS, IEEE 802.1AR and Matter, as far as a "
      "certificate can\n"
      "break them. Where a profile's accepted_by names one that refuses it, the exit status is 5.");
  CLI::Option* const directory =
      lint->add_option("--dir", arguments->directory, "The authority's directory")->option_text("DIR");
  lint->add_option("PROFILE", arguments->profile, "Only this profile")
      ->option_text("PROFILE")
      ->needs(directory);
  lint->add_option("--out", arguments->out, "Folder to write the sample chains to, for a try elsewhere")
      ->option_text("DIR")
      ->needs(directory);
  CLI::Option* const certificate = lint->add_option("--certificate", arguments->certificate,
                                                    "Lint this chain instead: leaf first, root last")
                                       ->option_text("FILE")
                                       ->excludes(directory);
  lint->callback([arguments, directory, certificate, &context] {
    if (directory->count() + certificate->count() == 0) throw CLI::RequiredError("--dir or --certificate");
    if (certificate->count() > 0) return run_certificate(context, *arguments);
    run_profiles(context, *arguments);
  });
}

}  // namespace pedigree::cli
