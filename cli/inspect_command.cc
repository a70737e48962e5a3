// SPDX-License-Identifier: Apache-2.0
// `pedigree inspect`: what is in this file.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/files.h"
#include "cli/inspect.h"

namespace pedigree::cli {
namespace {

Problem refuse(const std::string& file, const InspectError& error) {
  Problem problem{.summary = "cannot read " + file + ": " + error.reason,
                  .details = {},
                  .next = "pedigree inspect --help lists what can be inspected",
                  .note = {}};
  if (error.offset) problem.details.emplace_back("offset", std::to_string(*error.offset));
  if (!error.where.empty()) problem.details.emplace_back("in", error.where);
  return problem;
}

void inspect_files(const std::vector<std::string>& files, Context& context) {
  const der::UnixTime now = unix_now();
  boost::json::array results;
  for (const std::string& file : files) {
    auto content = read_input(file);
    if (!content) return print_error(context, kExitUnreadable, content.error());
    const auto report = inspect(*content, now);
    wipe(*content);  // it may be a private key
    if (!report) return print_error(context, kExitUnreadable, refuse(file, report.error()));
    if (!context.json) {
      if (files.size() > 1) print_line(printable(file));
      print(to_text(context, *report));
      continue;
    }
    boost::json::object result{{"file", printable(file)}};
    const boost::json::value facts = to_json(*report);
    for (const auto& member : facts.as_object()) result[member.key()] = member.value();
    results.push_back(std::move(result));
  }
  if (context.json) print_json(results.size() == 1 ? results[0] : boost::json::value(results));
}

}  // namespace

void add_inspect_command(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("inspect", "Show what a file holds, found by its content");
  command->footer(
      "Certificates, requests, CRLs, keys (PEM or DER; never a secret), chains (PEM, DER or the CBOR array "
      "of\n"
      "devices), COSE_Sign1 receipts, firmware images, and SMP traffic (pcap of provision --capture, "
      "console\n"
      "text, packets).\n"
      "Exit status 7 means that a file cannot be read; the reason comes with its offset.");
  const auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *files, "Files to show; - is stdin")->required();
  command->callback([files, &context] { inspect_files(*files, context); });
}

}  // namespace pedigree::cli
