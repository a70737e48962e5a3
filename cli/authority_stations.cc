// SPDX-License-Identifier: Apache-2.0
// pedigree authority station|policy: which stations there are, and what they may.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>
#include <ctime>
#include <future>
#include <memory>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "server/app/app.h"
#include "server/app/directory.h"
#include "server/http/describe.h"
#include "server/http/station_claim.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

constexpr der::UnixTime kDay = 86400;

struct StationArguments {
  std::string directory;
  std::string name;
  std::string certificate;
  std::string why;
};

json::value to_json(const std::optional<Sha256>& hash) {
  if (!hash) return nullptr;
  return json::string(registry::hex(*hash));
}

void run_list(Context& context, const StationArguments& arguments) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const auto stations = (*authority)->store().stations(std::time(nullptr) / kDay);
  if (!stations) {
    return report_refusal(context, "read the registry",
                          {stations.error().code, std::string(sentence(stations.error().code))});
  }
  json::array list;
  Table table({"station", "state", "certificate (SHA-256)", "issued today", "refused today", "since"});
  for (const registry::Station& one : *stations) {
    list.push_back(http::describe(one));
    table.add({one.name,
               {one.enabled ? "enabled" : "disabled", one.enabled ? Style::good : Style::bad},
               one.certificate ? registry::hex(*one.certificate) : "any of this name",
               std::to_string(one.issued),
               std::to_string(one.refused),
               authority::iso_time(one.changed)});
  }
  if (context.json) return print_json(json::object{{"stations", std::move(list)}});
  if (stations->empty()) {
    print_line("No station is registered; policy.toml says whether one must be: pedigree authority policy");
    return;
  }
  print(table.draw(context));
}

/// The station as it is registered, or as it would be.
std::optional<registry::Station> find_station(Context& context, registry::Store& store,
                                              const std::string& name) {
  const auto stations = store.stations(std::time(nullptr) / kDay);
  if (!stations) {
    report_refusal(context, "read the registry",
                   {stations.error().code, std::string(sentence(stations.error().code))});
    return std::nullopt;
  }
  for (const registry::Station& one : *stations) {
    if (one.name == name) return one;
  }
  registry::Station fresh;
  fresh.name = name;
  return fresh;
}

void change(Context& context, app::LocalAuthority& authority, registry::Station station,
            const std::string& why) {
  std::promise<registry::Outcome<registry::Station>> answer;
  authority.store().set_station({std::move(station), why, {login(), "local"}, std::time(nullptr)},
                                [&](auto outcome) { answer.set_value(std::move(outcome)); });
  const auto outcome = answer.get_future().get();
  if (!outcome) {
    const auto& conflict = outcome.error();
    return report_refusal(
        context, "change the station",
        {conflict.code, conflict.detail.empty() ? std::string(sentence(conflict.code)) : conflict.detail});
  }
  if (context.json) {
    return print_json(json::object{{"name", outcome->name},
                                   {"enabled", outcome->enabled},
                                   {"certificate_sha256", to_json(outcome->certificate)}});
  }
  if (context.quiet) return;
  print_line(fmt::format("station {} is {}, {}", styled(context, Style::strong, printable(outcome->name)),
                         outcome->enabled ? "enabled" : "disabled",
                         outcome->certificate
                             ? "with the certificate " + registry::hex(*outcome->certificate).substr(0, 16)
                             : "with any certificate of this name"));
}

void run_register(Context& context, const StationArguments& arguments) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  registry::Station station;
  station.name = arguments.name;
  if (!arguments.certificate.empty()) {
    const auto certificate = app::read_certificate(arguments.certificate);
    if (!certificate) return report_refusal(context, "read the certificate", certificate.error());
    const auto hash = (*authority)->engine().crypto().sha256(*certificate);
    if (!hash) return report_refusal(context, "read the certificate", {hash.error().code, {}});
    station.certificate = *hash;
  }
  change(context, **authority, std::move(station), arguments.why.empty() ? "registered" : arguments.why);
}

void run_enable(Context& context, const StationArguments& arguments, bool enabled) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  auto station = find_station(context, (*authority)->store(), arguments.name);
  if (!station) return;
  station->enabled = enabled;
  change(context, **authority, *std::move(station), arguments.why);
}

struct PolicyArguments {
  std::string directory;
  std::string station;
  std::string device;
  std::string profile;
  std::string issuer;
  bool init = false;
};

void run_policy_init(Context& context, const PolicyArguments& arguments) {
  const auto path = app::Layout{arguments.directory}.policy();
  const auto written = app::write_private(path, authority::write_policy(authority::open_policy()));
  if (!written) return report_refusal(context, "write the policy", written.error());
  if (context.json) return print_json(json::object{{"file", path.string()}});
  if (!context.quiet)
    print_line("wrote " + printable(path.string()) + ": every station may enrol every device");
}

using Texts = std::optional<std::vector<std::string>>;

std::string shown(const Texts& texts) {
  return texts ? fmt::format("{}", fmt::join(*texts, ", ")) : std::string("all");
}

json::value to_json(const Texts& texts) {
  if (!texts) return nullptr;
  return json::array(texts->begin(), texts->end());
}

void show_rules(Context& context, const authority::Policy& policy) {
  json::array list;
  Table table({"station", "profiles", "intermediates", "devices", "batches", "products", "a day"});
  for (const authority::StationRule& rule : policy.stations) {
    list.push_back({{"name", rule.name},
                    {"profiles", to_json(rule.profiles)},
                    {"issuers", to_json(rule.issuers)},
                    {"devices", to_json(rule.devices)},
                    {"batches", to_json(rule.batches)},
                    {"products", to_json(rule.products)},
                    {"per_day", rule.per_day}});
    table.add({rule.name, shown(rule.profiles), shown(rule.issuers), shown(rule.devices), shown(rule.batches),
               shown(rule.products), rule.per_day == 0 ? "any number" : std::to_string(rule.per_day)});
  }
  if (context.json) {
    return print_json(json::object{{"stations", policy.registered_only ? "registered" : "any"},
                                   {"rules", std::move(list)}});
  }
  print_line(policy.registered_only ? "Stations must be registered (pedigree authority station list)."
                                    : "Stations need not be registered.");
  print(table.draw(context));
}

/// The registry's side of the question: is the station known, and enabled; has it a certificate left today.
authority::Answer<void> check_registered(registry::Store& store, const authority::Policy& policy,
                                         const authority::StationRule& rule, const std::string& name) {
  const auto stations = store.stations(std::time(nullptr) / kDay);
  if (!stations) return authority::refuse(stations.error());
  const auto found = std::ranges::find(*stations, name, &registry::Station::name);
  const auto no = [&](std::string_view what) {
    return authority::refuse(ErrorCode::not_authorised, fmt::format("station \"{}\" {}", name, what));
  };
  if (found == stations->end()) {
    if (policy.registered_only) return no("is not registered");
    return {};
  }
  if (!found->enabled) return no("is disabled");
  if (rule.per_day != 0 && found->issued >= rule.per_day) return no("has had the certificates of its day");
  return {};
}

authority::Answer<const authority::StationRule*> decide(app::LocalAuthority& authority,
                                                        const PolicyArguments& arguments,
                                                        const registry::DeviceId& device) {
  const auto issuer =
      authority.engine().select_issuer(arguments.issuer, arguments.profile, std::time(nullptr));
  const auto rule = http::check_station(authority.engine(), authority.store(),
                                        {device, arguments.profile, arguments.issuer, arguments.station},
                                        std::time(nullptr));
  if (!rule) return rule;
  if (!issuer) return std::unexpected(issuer.error());
  const auto registered =
      check_registered(authority.store(), authority.engine().config().policy, **rule, arguments.station);
  if (!registered) return std::unexpected(registered.error());
  return rule;
}

void run_policy(Context& context, const PolicyArguments& arguments) {
  if (arguments.init) return run_policy_init(context, arguments);
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  if (arguments.station.empty()) return show_rules(context, (*authority)->engine().config().policy);
  const auto device = registry::parse_device_name(arguments.device);
  if (!device) {
    return report_refusal(context, "ask the policy", {ErrorCode::bad_request, "--device is no device id"});
  }
  const auto rule = decide(**authority, arguments, *device);
  if (!rule) {
    if (!context.json) return report_refusal(context, "enrol the device", rule.error());
    context.exit_code = kExitAuthorityRefused;
    return print_json(json::object{{"allowed", false}, {"detail", rule.error().detail}});
  }
  if (context.json) return print_json(json::object{{"allowed", true}, {"rule", (*rule)->name}});
  print_line(fmt::format("{}: the rule for \"{}\" lets station \"{}\" enrol it",
                         styled(context, Style::good, "allowed"), (*rule)->name,
                         printable(arguments.station)));
}

CLI::App* add(CLI::App& parent, const char* name, const char* help, std::string& directory) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--dir", directory, "The authority's directory")->required()->option_text("DIR");
  return command;
}

void add_change(CLI::App& station, Context& context, bool enabled) {
  const auto arguments = std::make_shared<StationArguments>();
  CLI::App* command = enabled
                          ? add(station, "enable", "Let a station enrol again", arguments->directory)
                          : add(station, "disable", "Refuse a station, whatever the policy says, from now on",
                                arguments->directory);
  command->add_option("NAME", arguments->name, "commonName of its client certificate")
      ->required()
      ->option_text("NAME");
  command->add_option("--why", arguments->why, "A sentence for the history")->required()->option_text("TEXT");
  command->callback([arguments, enabled, &context] { run_enable(context, *arguments, enabled); });
}

}  // namespace

void add_authority_stations(CLI::App& authority, Context& context) {
  CLI::App* station = authority.add_subcommand("station", "Register, disable and list stations");
  station->require_subcommand(1);
  const auto listed = std::make_shared<StationArguments>();
  add(*station, "list", "List registered stations, and what they did today", listed->directory)
      ->callback([listed, &context] { run_list(context, *listed); });
  const auto registered = std::make_shared<StationArguments>();
  CLI::App* enter =
      add(*station, "register", "Register a station, or its new certificate", registered->directory);
  enter->add_option("NAME", registered->name, "commonName of its client certificate")
      ->required()
      ->option_text("NAME");
  enter
      ->add_option("--certificate", registered->certificate,
                   "Take this certificate only, and no other of the name")
      ->option_text("FILE");
  enter->add_option("--why", registered->why, "A sentence for the history")->option_text("TEXT");
  enter->callback([registered, &context] { run_register(context, *registered); });
  add_change(*station, context, false);
  add_change(*station, context, true);

  const auto asked = std::make_shared<PolicyArguments>();
  CLI::App* policy =
      add(authority, "policy", "Show policy.toml, or what it lets a station do", asked->directory);
  CLI::Option* const name =
      policy->add_option("--station", asked->station, "Say whether this station might enrol")
          ->option_text("NAME");
  CLI::Option* const device =
      policy->add_option("--device", asked->device, "The device that it would enrol")->option_text("ID");
  CLI::Option* const profile =
      policy->add_option("--profile", asked->profile, "The profile that it would enrol it for")
          ->option_text("NAME");
  CLI::Option* const issuer =
      policy->add_option("--issuer", asked->issuer, "The intermediate that would certify it")
          ->option_text("NAME");
  name->needs(device)->needs(profile);
  device->needs(name);
  profile->needs(name);
  issuer->needs(name);
  policy->add_flag("--init", asked->init, "Write a policy.toml that lets every station enrol every device")
      ->excludes(name);
  policy->callback([asked, &context] { run_policy(context, *asked); });
}

}  // namespace pedigree::cli
