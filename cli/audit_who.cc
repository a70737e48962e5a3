// SPDX-License-Identifier: Apache-2.0
// pedigree audit who: who issued what, where, when, and on whose authority.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "authority/text.h"
#include "cli/audit_command.h"
#include "cli/authority_command.h"
#include "cli/describe.h"
#include "cli/files.h"
#include "core/x509/certificate.h"
#include "server/app/app.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct WhoArguments {
  std::string directory;
  std::string subject;
  std::string who, batch, what, since, until;
  bool alarms = false;
};

/// What was asked about: a device, and a certificate of it where one was named.
struct Subject {
  registry::DeviceId device{};
  std::optional<registry::Certificate> certificate;
};

/// A device id, a serial number, or a certificate in a file.
app::Answer<Subject> find_subject(registry::Store& store, const std::string& text) {
  if (const auto device = registry::parse_device_id(text)) return Subject{*device, {}};
  auto serial = registry::parse_serial(text);
  if (!serial) {
    const auto certificates = read_certificates(text);
    if (!certificates) {
      return authority::refuse(ErrorCode::bad_value,
                               text + " is no device id, no serial number, and no certificate's file");
    }
    const auto parsed = x509::Certificate::parse(certificates->front());
    serial = registry::parse_serial(parsed ? to_hex(parsed->serial()) : std::string());
  }
  if (!serial) return authority::refuse(ErrorCode::bad_serial, text + " is not one of this authority's");
  auto certificate = store.certificate(*serial);
  if (!certificate) {
    return authority::refuse(certificate.error().code, "the registry has no certificate " + text);
  }
  const registry::DeviceId device = certificate->device;
  return Subject{device, *std::move(certificate)};
}

/// The issuers above a certificate, from its own to the root.
std::string authority_of(const authority::Engine& engine, const std::string& issuer) {
  std::string path = issuer;
  for (const authority::Issuer* found = engine.find_issuer(issuer); found != nullptr;
       found = engine.find_issuer(found->config().parent)) {
    path += " < " + found->config().parent;
  }
  return path;
}

class View {
 public:
  View(const Context& context, app::LocalAuthority& authority) : context_(context), authority_(authority) {}

  app::Answer<void> show(const Subject& subject) {
    auto certificates = authority_.store().certificates(subject.device);
    auto events = authority_.store().events(subject.device);
    if (!certificates || !events) {
      return authority::refuse(ErrorCode::database_failure, "the registry cannot be read");
    }
    if (events->empty()) return authority::refuse(ErrorCode::not_found, "the registry knows nothing of it");
    certificates_ = *std::move(certificates);
    if (subject.certificate) {
      std::erase_if(*events, [&](const registry::Event& event) {
        return event.serial && *event.serial != subject.certificate->serial;
      });
    }
    context_.json ? print_json(as_json(subject, *events)) : print(as_text(subject, *events));
    return {};
  }

 private:
  const registry::Certificate* certificate_of(const registry::Event& event) const {
    for (const registry::Certificate& one : certificates_) {
      if (event.serial == one.serial) return &one;
    }
    return nullptr;
  }

  json::object as_json(const Subject& subject, const std::vector<registry::Event>& events) const {
    json::array lines;
    for (const registry::Event& event : events) {
      json::object line{{"event", event.number},  {"when", event.when},        {"what", event.what},
                        {"who", event.actor.who}, {"where", event.actor.from}, {"why", event.why}};
      if (event.serial) line["serial"] = registry::hex(*event.serial);
      if (event.digest) line["sha256"] = registry::hex(*event.digest);
      if (const auto* certificate = certificate_of(event)) {
        line["profile"] = certificate->profile;
        line["authority"] = authority_of(authority_.engine(), certificate->issuer);
      }
      lines.push_back(std::move(line));
    }
    return {{"device", registry::hex(subject.device)}, {"events", std::move(lines)}};
  }

  std::string as_text(const Subject& subject, const std::vector<registry::Event>& events) const {
    Table table({"event", "when", "what", "who", "where", "on whose authority", "why"});
    for (const registry::Event& event : events) {
      const auto* certificate = certificate_of(event);
      const bool issues = event.what == "issued" && certificate != nullptr;
      table.add({std::to_string(event.number),
                 authority::iso_time(event.when),
                 {event.what, Style::strong},
                 event.actor.who,
                 event.actor.from,
                 issues ? authority_of(authority_.engine(), certificate->issuer) : std::string(),
                 event.why});
    }
    return "device " + registry::hex(subject.device) + "\n" + table.draw(context_);
  }

  const Context& context_;
  app::LocalAuthority& authority_;
  std::vector<registry::Certificate> certificates_;
};

/// What is asked of the whole log. Errors: bad_request (a time).
app::Answer<registry::EventQuery> query_of(const WhoArguments& arguments) {
  registry::EventQuery query;
  query.who = arguments.who;
  query.batch = arguments.batch;
  query.what = arguments.what;
  query.alarms = arguments.alarms;
  query.limit = 1000;
  for (const auto& [text, when] :
       {std::pair(&arguments.since, &query.from), std::pair(&arguments.until, &query.until)}) {
    if (text->empty()) continue;
    *when = parse_time(*text);
    if (!*when) {
      return authority::refuse(ErrorCode::bad_request,
                               *text + " is no time: write 2026-11-27 or 2026-11-27T08:00:00Z");
    }
  }
  return query;
}

json::object as_json(const registry::LoggedEvent& logged, const authority::Engine& engine) {
  const registry::Event& event = logged.event;
  json::object line{{"event", event.number},  {"when", event.when},        {"what", event.what},
                    {"who", event.actor.who}, {"where", event.actor.from}, {"why", event.why}};
  if (event.device != registry::DeviceId{}) line["device"] = registry::hex(event.device);
  if (event.serial) line["serial"] = registry::hex(*event.serial);
  if (event.digest) line["sha256"] = registry::hex(*event.digest);
  if (!logged.profile.empty()) line["profile"] = logged.profile;
  if (!logged.batch.empty()) line["batch"] = logged.batch;
  if (!logged.issuer.empty()) line["authority"] = authority_of(engine, logged.issuer);
  return line;
}

/// The log, narrowed: page by page, so that a long one needs no memory but for its table.
void run_search(Context& context, const WhoArguments& arguments, app::LocalAuthority& authority) {
  auto query = query_of(arguments);
  if (!query) return report_refusal(context, "search the log", query.error());
  json::array lines;
  Table table({"event", "when", "what", "device", "who", "where", "on whose authority", "why"});
  for (;;) {
    const auto page = authority.store().search_events(*query);
    if (!page) {
      return report_refusal(context, "search the log",
                            {page.error().code, std::string(sentence(page.error().code))});
    }
    for (const registry::LoggedEvent& logged : page->events) {
      const registry::Event& event = logged.event;
      if (context.json) {
        lines.push_back(as_json(logged, authority.engine()));
        continue;
      }
      const bool is_own = event.device == registry::DeviceId{};
      table.add({std::to_string(event.number),
                 authority::iso_time(event.when),
                 {event.what, Style::strong},
                 is_own ? std::string("-") : registry::hex(event.device),
                 event.actor.who,
                 event.actor.from,
                 logged.issuer.empty() ? std::string() : authority_of(authority.engine(), logged.issuer),
                 event.why});
    }
    if (!page->next) break;
    query->after = *page->next;
  }
  if (context.json) return print_json(json::object{{"events", std::move(lines)}});
  print(table.draw(context));
}

void run_who(Context& context, const WhoArguments& arguments) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  if (arguments.subject.empty()) return run_search(context, arguments, **authority);
  const auto subject = find_subject((*authority)->store(), arguments.subject);
  if (!subject) return report_refusal(context, "look it up", subject.error());
  const auto shown = View(context, **authority).show(*subject);
  if (!shown) report_refusal(context, "look it up", shown.error());
}

}  // namespace

void add_audit_who(CLI::App& audit, Context& context) {
  auto* command = audit.add_subcommand("who", "Who issued what, where, when, and on whose authority");
  const auto arguments = std::make_shared<WhoArguments>();
  CLI::Option* const subject =
      command
          ->add_option("subject", arguments->subject,
                       "A device id, a serial number, or a certificate's file; without one, the whole log")
          ->option_text("SUBJECT");
  command->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  const auto narrow = [&](const char* name, std::string& into, const char* help, const char* text) {
    command->add_option(name, into, help)->option_text(text)->excludes(subject);
  };
  narrow("--by", arguments->who, "Only what this station, operator, device or token did", "NAME");
  narrow("--batch", arguments->batch, "Only devices of this batch, and its imports", "NAME");
  narrow("--what", arguments->what,
         "Only this: issued, revoked, imported, alarm, refused, or another word of the log", "WORD");
  narrow("--since", arguments->since, "Only then or later", "TIME");
  narrow("--until", arguments->until, "Only before that", "TIME");
  command->add_flag("--alarms", arguments->alarms, "Only alarms and refusals")->excludes(subject);
  command->callback([arguments, &context] { run_who(context, *arguments); });
}

}  // namespace pedigree::cli
