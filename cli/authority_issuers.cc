// SPDX-License-Identifier: Apache-2.0
// pedigree authority issuer list|activate|standby|retire|rotate: which intermediates issue.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/describe.h"
#include "server/app/app.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct IssuerArguments {
  std::string directory;
  std::string name;
  std::string in_place_of;
  std::string why;
};

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

/// The answer of /v1, or nothing after an error was printed.
std::optional<json::value> call(Context& context, const IssuerArguments& arguments, http::Method method,
                                const std::string& path, const std::string& body, std::string_view doing) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) {
    report_refusal(context, "open the authority", authority.error());
    return std::nullopt;
  }
  auto answer = ask(**authority, method, path, body);
  if (answer) return *std::move(answer);
  report_refusal(context, doing, answer.error());
  return std::nullopt;
}

Style style_of(const std::string& state) {
  if (state == "active") return Style::good;
  return state == "revoked" ? Style::bad : Style::plain;
}

void run_list(Context& context, const IssuerArguments& arguments) {
  const auto answer = call(context, arguments, http::Method::get, "/v1/issuers", "", "list intermediates");
  if (!answer) return;
  if (context.json) return print_json(json::object{{"issuers", answer->at("issuers")}});
  Table table({"intermediate", "state", "factory", "issues from", "until", "subject"});
  for (const json::value& one : answer->at("issuers").as_array()) {
    const std::string state = text_of(one.at("state"));
    const std::string factory = text_of(one.at("factory"));
    table.add({text_of(one.at("name")),
               {state, style_of(state)},
               factory.empty() ? "any" : factory,
               authority::iso_time(one.at("from").to_number<std::int64_t>()),
               authority::iso_time(one.at("until").to_number<std::int64_t>()),
               printable(text_of(one.at("subject")))});
  }
  print(table.draw(context));
}

void run_order(Context& context, const IssuerArguments& arguments, std::string_view state) {
  json::object body{{"state", state}, {"why", arguments.why}};
  if (!arguments.in_place_of.empty()) body["retires"] = arguments.in_place_of;
  const auto answer = call(context, arguments, http::Method::post, "/v1/issuers/" + arguments.name + "/state",
                           json::serialize(body), "change the intermediate");
  if (!answer) return;
  if (context.json) return print_json(*answer);
  if (context.quiet) return;
  const std::string now = fmt::format("intermediate {} is {}", styled(context, Style::strong, arguments.name),
                                      text_of(answer->at("state")));
  print_line(arguments.in_place_of.empty() ? now : now + ", and " + arguments.in_place_of + " is retired");
  print_line("Servers on this registry know it within a second.");
}

CLI::App* add(CLI::App& issuer, const char* name, const char* help, IssuerArguments& arguments) {
  CLI::App* command = issuer.add_subcommand(name, help);
  command->add_option("--dir", arguments.directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  return command;
}

void add_order(CLI::App& issuer, Context& context, const char* name, const char* help, const char* state) {
  const auto a = std::make_shared<IssuerArguments>();
  CLI::App* command = add(issuer, name, help, *a);
  command->add_option("NAME", a->name, "The intermediate's name")->required()->option_text("NAME");
  command->add_option("--why", a->why, "A sentence for the history")->required()->option_text("TEXT");
  command->callback([a, state, &context] { run_order(context, *a, state); });
}

}  // namespace

void add_authority_issuers(CLI::App& authority, Context& context) {
  CLI::App* issuer = authority.add_subcommand("issuer", "List intermediates, and say which of them issue");
  issuer->require_subcommand(1);
  const auto listed = std::make_shared<IssuerArguments>();
  add(*issuer, "list", "List intermediates with their states", *listed)->callback([listed, &context] {
    run_list(context, *listed);
  });
  add_order(*issuer, context, "activate", "Have an intermediate issue", "active");
  add_order(*issuer, context, "standby", "Publish an intermediate and issue nothing by it yet", "standby");
  add_order(*issuer, context, "retire",
            "Issue nothing more by an intermediate; its CRLs and OCSP answers go on", "retired");
  const auto rotated = std::make_shared<IssuerArguments>();
  CLI::App* rotate =
      add(*issuer, "rotate", "Have one intermediate issue in the place of another, at once", *rotated);
  rotate->add_option("OLD", rotated->in_place_of, "The intermediate that retires")
      ->required()
      ->option_text("OLD");
  rotate->add_option("NEW", rotated->name, "The one that becomes active")->required()->option_text("NEW");
  rotate->add_option("--why", rotated->why, "A sentence for the history")->required()->option_text("TEXT");
  rotate->callback([rotated, &context] { run_order(context, *rotated, "active"); });
}

}  // namespace pedigree::cli
