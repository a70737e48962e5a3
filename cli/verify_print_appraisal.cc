// SPDX-License-Identifier: Apache-2.0
// An appraisal for people.
#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/verify_appraisal.h"
#include "cli/verify_images.h"

namespace pedigree::cli {
namespace {

using verifier::Appraisal;
using verifier::Outcome;
using verifier::Verdict;

Style style_of(Verdict verdict) {
  return verdict == Verdict::trusted   ? Style::good
         : verdict == Verdict::warning ? Style::warning
                                       : Style::bad;
}

std::string_view word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::warning:
      return "warn";
    case Outcome::failed:
      return "no";
    case Outcome::skipped:
      break;
  }
  return "skip";
}

Style style_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return Style::good;
    case Outcome::warning:
      return Style::warning;
    case Outcome::failed:
      return Style::bad;
    case Outcome::skipped:
      break;
  }
  return Style::faint;
}

std::string device_of(const Appraisal& appraisal) {
  return appraisal.device_id ? shorten(to_hex(*appraisal.device_id)) : "unknown device";
}

/// "BL 1.0.3, PRoT 2.1.0".
std::string firmware_of(const psa_token::Claims& claims) {
  std::string out;
  Reader in(claims.software_components);
  for (std::size_t i = 0; i < claims.software_component_count; ++i) {
    const auto component = psa_token::read_component(in);
    if (!component) break;
    if (!out.empty()) out += ", ";
    out += component->measurement_type.empty() ? "unnamed" : component->measurement_type;
    if (!component->version.empty()) out += " " + std::string(component->version);
  }
  return out.empty() ? "not measured" : out;
}

}  // namespace

ExitCode exit_code_of(Verdict verdict, bool strict) noexcept {
  const bool trusted = verdict == Verdict::trusted || (verdict == Verdict::warning && !strict);
  return trusted ? kExitOk : kExitNotTrusted;
}

void print_appraisal(const Context& context, const Appraisal& appraisal) {
  std::string about = appraisal.model;
  if (const verifier::Check* reason = appraisal.reason())
    about = sentence(appraisal, *reason);
  else if (about.empty() && appraisal.claims)
    about = "lifecycle " + sentence(appraisal, appraisal.check(verifier::CheckKind::lifecycle));
  print_line(fmt::format("{}  {}  {}", styled(context, style_of(appraisal.verdict), name(appraisal.verdict)),
                         device_of(appraisal), printable(about)));
  if (context.quiet) return;
  Table table;
  for (const verifier::Check& check : appraisal.checks) {
    table.add({{std::string(word_of(check.outcome)), style_of(check.outcome)},
               std::string(name(check.kind)),
               sentence(appraisal, check)});
  }
  if (appraisal.claims) table.add({"", "firmware", firmware_of(*appraisal.claims)});
  for (const std::string& line : image_lines(appraisal)) table.add({"", "image", line});
  print(table.draw(context));
}

std::string appraisal_line(const Context& context, const Appraisal& appraisal) {
  const verifier::Check* reason = appraisal.reason();
  return fmt::format("{}  {}  {} bytes{}",
                     styled(context, style_of(appraisal.verdict), name(appraisal.verdict)),
                     device_of(appraisal), appraisal.payload.size(),
                     reason == nullptr ? "" : "  " + printable(sentence(appraisal, *reason)));
}

}  // namespace pedigree::cli
