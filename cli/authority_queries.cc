// SPDX-License-Identifier: Apache-2.0
// pedigree authority list|revoke|export: on the directory, which may be served at the same time.
#include <unistd.h>

#include <boost/json.hpp>
#include <map>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/describe.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/app.h"
#include "server/http/json.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct QueryArguments {
  std::string directory;
  std::string state;
  /// Narrow a list: parameters of GET /v1/devices and what was given for them.
  std::map<std::string, std::string> filters;
  std::string since, until;
  std::string name;
  std::string reason = "keyCompromise";
  std::string why;
  std::string what;
  std::string out = "-";
  std::string passphrase_file;
  bool der = false;
};

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

/// Calls the authority; a refusal is printed, and the result is then empty.
std::optional<json::value> call(Context& context, app::LocalAuthority& authority, http::Method method,
                                const std::string& target, const std::string& body, std::string_view doing) {
  auto answer = ask(authority, method, target, body);
  if (answer) return *std::move(answer);
  report_refusal(context, doing, answer.error(), "pedigree authority list --dir DIR");
  return std::nullopt;
}

std::unique_ptr<app::LocalAuthority> open(Context& context, const QueryArguments& arguments,
                                          const app::SecretText* passphrase = nullptr) {
  auto authority = app::LocalAuthority::open(arguments.directory, passphrase);
  if (authority) return *std::move(authority);
  report_refusal(context, "open the authority", authority.error());
  return nullptr;
}

Style style_of(std::string_view state) {
  return state == "active"                            ? Style::good
         : state == "revoked" || state == "suspended" ? Style::bad
                                                      : Style::plain;
}

void print_device(const Context& context, const json::value& device) {
  if (context.json) return print_json(device);
  const std::string state = text_of(device.at("state"));
  print_line(styled(context, Style::strong, text_of(device.at("device"))) + "  " +
             styled(context, style_of(state), state));
  Table certificates({"serial", "profile", "issuer", "state"});
  for (const json::value& one : device.at("certificates").as_array()) {
    const std::string certificate_state = text_of(one.at("state"));
    certificates.add({text_of(one.at("serial")),
                      text_of(one.at("profile")),
                      text_of(one.at("issuer")),
                      {certificate_state, style_of(certificate_state)}});
  }
  print(certificates.draw(context));
  Table events({"when", "what", "who", "from", "why"});
  for (const json::value& one : device.at("events").as_array()) {
    const std::string what = text_of(one.at("what"));
    events.add({authority::iso_time(one.at("when").as_int64()),
                {what, what == "alarm" ? Style::bad : Style::plain},
                text_of(one.at("who")),
                text_of(one.at("from")),
                text_of(one.at("why"))});
  }
  print(events.draw(context));
}

/// The query that narrows a list.
std::optional<std::string> filter_of(Context& context, const QueryArguments& arguments) {
  std::string query = "&state=" + arguments.state;
  for (const auto& [key, text] : arguments.filters) query += "&" + key + "=" + http::encode_query_text(text);
  for (const auto& [key, text] : {std::pair("from", arguments.since), std::pair("until", arguments.until)}) {
    if (text.empty()) continue;
    const auto when = parse_time(text);
    if (!when) {
      print_error(context, kExitUsage,
                  {.summary = "a time is written as 2026-11-27 or 2026-11-27T08:00:00Z",
                   .details = {{"given", text}},
                   .next = "pedigree authority list --help",
                   .note = {}});
      return std::nullopt;
    }
    query += "&" + std::string(key) + "=" + std::to_string(*when);
  }
  return query;
}

void run_list(Context& context, const QueryArguments& arguments) {
  if (!arguments.name.empty() && !registry::parse_device_id(arguments.name)) {
    return print_error(context, kExitUsage,
                       {.summary = "a device id is 66 lower-case hex digits, and begins with 01",
                        .details = {{"given", arguments.name}},
                        .next = "pedigree authority list --dir " + arguments.directory,
                        .note = {}});
  }
  const auto authority = open(context, arguments);
  if (!authority) return;
  if (!arguments.name.empty()) {
    const auto device =
        call(context, *authority, http::Method::get, "/v1/devices/" + arguments.name, "", "show it");
    if (device) print_device(context, *device);
    return;
  }
  const auto filter = filter_of(context, arguments);
  if (!filter) return;
  json::array devices;
  for (std::string after;;) {
    std::string target = "/v1/devices?limit=1000" + *filter;
    if (!after.empty()) target += "&after=" + after;
    const auto page = call(context, *authority, http::Method::get, target, "", "list devices");
    if (!page) return;
    for (const json::value& device : page->at("devices").as_array()) devices.push_back(device);
    const json::value* next = page->as_object().if_contains("next");
    if (next == nullptr) break;
    after = text_of(*next);
  }
  if (context.json) return print_json(json::object{{"devices", std::move(devices)}});
  Table table({"device", "state", "since", "batch", "label", "station"});
  for (const json::value& device : devices) {
    const std::string state = text_of(device.at("state"));
    const auto text = [&](const char* key) {
      const json::value* value = device.as_object().if_contains(key);
      return value == nullptr ? std::string() : text_of(*value);
    };
    table.add({text_of(device.at("device")),
               {state, style_of(state)},
               authority::iso_time(device.at("changed").as_int64()),
               text("batch"),
               text("label"),
               text("station")});
  }
  print(table.draw(context));
  if (!context.quiet)
    print_line(std::to_string(devices.size()) + (devices.size() == 1 ? " device" : " devices"));
}

/// The serial numbers that `name` stands for: itself, or the live certificates of a device.
std::optional<std::vector<std::string>> serials_of(Context& context, app::LocalAuthority& authority,
                                                   const std::string& name) {
  if (!registry::parse_device_id(name)) return std::vector{name};
  const auto device =
      call(context, authority, http::Method::get, "/v1/devices/" + name, "", "find the device");
  if (!device) return std::nullopt;
  std::vector<std::string> serials;
  for (const json::value& one : device->at("certificates").as_array()) {
    if (text_of(one.at("state")) != "revoked") serials.push_back(text_of(one.at("serial")));
  }
  return serials;
}

void run_revoke(Context& context, const QueryArguments& arguments) {
  const auto authority = open(context, arguments);
  if (!authority) return;
  const auto serials = serials_of(context, *authority, arguments.name);
  if (!serials) return;
  json::array revoked;
  for (const std::string& serial : *serials) {
    const json::object body{{"serial", serial}, {"reason", arguments.reason}, {"why", arguments.why}};
    const auto answer = call(context, *authority, http::Method::post, "/v1/revoke", json::serialize(body),
                             "revoke " + serial);
    if (!answer) return;
    revoked.push_back(*answer);
    if (context.json || context.quiet) continue;
    print_line("revoked " + serial + " since " + authority::iso_time(answer->at("revoked_at").as_int64()) +
               " (" + text_of(answer->at("reason")) + ")");
  }
  if (context.json) print_json(json::object{{"revoked", std::move(revoked)}});
  if (!context.json && !context.quiet && revoked.empty())
    print_line("the device holds no certificate to revoke");
}

struct Exported {
  std::string label;
  std::vector<Octets> objects;
};

std::optional<Exported> collect(Context& context, app::LocalAuthority& authority,
                                const QueryArguments& arguments) {
  const authority::Engine& engine = authority.engine();
  if (arguments.what == "root") return Exported{"CERTIFICATE", {engine.root()}};
  if (arguments.what == "crl") {
    const http::Response response =
        authority.call(http::Method::get, "/v1/crl/" + arguments.name, "", login());
    if (response.status == 200) {
      const Bytes der = as_bytes(response.body);
      return Exported{"X509 CRL", {Octets(der.begin(), der.end())}};
    }
    report_refusal(context, "make the CRL", refusal_of(response));
    return std::nullopt;
  }
  if (const authority::Issuer* issuer = engine.find_issuer(arguments.name); issuer != nullptr) {
    if (arguments.what == "chain") return Exported{"CERTIFICATE", issuer->chain()};
    return Exported{"CERTIFICATE", {issuer->chain().front()}};
  }
  const auto found =
      call(context, authority, http::Method::get, "/v1/certificates/" + arguments.name, "", "find it");
  if (!found) return std::nullopt;
  Exported exported{"CERTIFICATE", {from_base64(text_of(found->at("certificate"))).value_or(Octets{})}};
  if (arguments.what == "chain") {
    const authority::Issuer* issuer = engine.find_issuer(text_of(found->at("issuer")));
    if (issuer != nullptr) {
      exported.objects.insert(exported.objects.end(), issuer->chain().begin(), issuer->chain().end());
    }
  }
  return exported;
}

void run_export(Context& context, const QueryArguments& arguments) {
  if (arguments.what != "root" && arguments.name.empty()) throw CLI::RequiredError("NAME");
  std::optional<app::SecretText> passphrase;
  if (arguments.what == "crl") {
    auto given = read_passphrase(arguments.passphrase_file, false);
    if (!given) return print_error(context, kExitUnreadable, given.error());
    passphrase = *std::move(given);
  }
  const auto authority = open(context, arguments, passphrase ? &*passphrase : nullptr);
  if (!authority) return;
  const auto exported = collect(context, *authority, arguments);
  if (!exported) return;
  std::string content;
  for (const Octets& object : exported->objects) {
    content += arguments.der ? std::string(as_text(object)) : to_pem(exported->label, object);
  }
  if (context.json) {
    json::array objects;
    for (const Octets& object : exported->objects) objects.emplace_back(to_base64(object));
    return print_json(json::object{{"type", exported->label}, {"der", std::move(objects)}});
  }
  if (arguments.out == "-") return print(content);
  if (const auto written = write_output(arguments.out, as_bytes(content)); !written) {
    print_error(context, kExitUnreadable, written.error());
  }
}

CLI::App* add(CLI::App& authority, const char* name, const char* help, QueryArguments& arguments) {
  CLI::App* command = authority.add_subcommand(name, help);
  command->add_option("--dir", arguments.directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  return command;
}

}  // namespace

std::string login() {
  const char* user = getlogin();
  return "local " + (user != nullptr ? std::string(user) : "uid " + std::to_string(getuid()));
}

std::vector<std::string> reason_names() {
  constexpr unsigned kLastReason = 10;
  std::vector<std::string> names;
  for (unsigned number = 0; number <= kLastReason; ++number) {
    const auto reason = static_cast<x509::RevocationReason>(number);
    if (registry::parse_reason(x509::name(reason)) == reason) names.emplace_back(x509::name(reason));
  }
  return names;
}

void add_authority_queries(CLI::App& authority, Context& context) {
  const auto listed = std::make_shared<QueryArguments>();
  CLI::App* list =
      add(authority, "list", "List devices, or show one with its certificates and history", *listed);
  list->add_option("ID", listed->name, "A device id, to show that device")->option_text("ID");
  list->add_option("--state", listed->state, "Only devices in this state")
      ->check(CLI::IsMember({"expected", "pending", "issued", "active", "suspended", "revoked", "retired"}));
  const auto narrow = [&](const char* option, const char* key, const char* help, const char* text) {
    list->add_option_function<std::string>(
            option, [listed, key](const std::string& value) { listed->filters[key] = value; }, help)
        ->option_text(text);
  };
  narrow("--batch", "batch", "Only devices of this production batch", "NAME");
  narrow("--station", "station", "Only devices whose last certificate this station asked for", "NAME");
  narrow("--profile", "profile", "Only devices with a certificate of this profile that is not revoked",
         "NAME");
  narrow("--label", "label", "Only devices with this label", "TEXT");
  narrow("--id-prefix", "prefix", "Only devices whose id begins with these hex digits", "HEX");
  list->add_option("--since", listed->since, "Only devices whose state changed then or later")
      ->option_text("TIME");
  list->add_option("--until", listed->until, "Only devices whose state changed before that")
      ->option_text("TIME");
  list->callback([listed, &context] { run_list(context, *listed); });

  const auto revoked = std::make_shared<QueryArguments>();
  CLI::App* revoke =
      add(authority, "revoke", "Revoke a certificate, or all certificates of a device", *revoked);
  revoke->add_option("NAME", revoked->name, "A serial number or a device id")
      ->required()
      ->option_text("NAME");
  revoke
      ->add_option("--reason", revoked->reason,
                   "Reason of RFC 5280 5.3.1; superseded leaves the device in use")
      ->check(CLI::IsMember(reason_names()));
  revoke->add_option("--why", revoked->why, "A sentence for the history")->option_text("TEXT");
  revoke->callback([revoked, &context] { run_revoke(context, *revoked); });

  const auto exported = std::make_shared<QueryArguments>();
  CLI::App* out = add(authority, "export", "Write root, chain, certificate or CRL as PEM or DER", *exported);
  out->add_option("WHAT", exported->what, "What to write")
      ->required()
      ->check(CLI::IsMember({"root", "chain", "certificate", "crl"}))
      ->option_text("root|chain|certificate|crl");
  out->add_option(
         "NAME", exported->name,
         "An issuer's name, or a serial number; of a CRL also ISSUER/PART (8 hex digits) and ISSUER/delta")
      ->option_text("NAME");
  out->add_option("--out", exported->out, "File to write; - is stdout")->option_text("FILE");
  out->add_flag("--der", exported->der, "DER instead of PEM");
  out->add_option("--passphrase-file", exported->passphrase_file,
                  "For a CRL, which is signed: file with the passphrase")
      ->option_text("FILE");
  out->callback([exported, &context] { run_export(context, *exported); });
}

}  // namespace pedigree::cli
