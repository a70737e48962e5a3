// SPDX-License-Identifier: Apache-2.0
// pedigree authority status|reload|backup|restore, and serve --check: for whoever runs an authority.
#include <boost/json.hpp>
#include <ctime>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/passphrase.h"
#include "server/app/app.h"
#include "server/app/backup.h"
#include "server/app/check.h"
#include "server/app/readiness.h"
#include "server/app/serve_mark.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kReloadPatience{60};

struct Arguments {
  std::string directory;
  std::string folder;
};

void run_reload(Context& context, const Arguments& arguments) {
  const auto done = app::request_reload({arguments.directory}, kReloadPatience);
  if (!done) return report_refusal(context, "reload", done.error());
  if (context.json) return print_json({{"reloaded", true}});
  if (!context.quiet) print_line("reloaded: new connections and requests see what the directory has now");
}

json::object serving_json(const std::optional<app::Serving>& serving) {
  if (!serving) return {{"serving", false}};
  return {{"serving", true},
          {"pid", serving->pid},
          {"url", serving->url},
          {"reloads", serving->reloads},
          {"last_reload_taken", serving->last_taken},
          {"last_reload_detail", serving->last_detail}};
}

void show_status(const Context& context, const std::optional<app::Serving>& serving,
                 const std::vector<http::Dependency>& found) {
  if (context.json) {
    json::object out = serving_json(serving);
    json::array checks;
    for (const http::Dependency& one : found) {
      checks.push_back({{"name", one.name}, {"state", http::name(one.state)}, {"reason", one.reason}});
    }
    out["checks"] = std::move(checks);
    return print_json(out);
  }
  Table table;
  table.add(
      {"serving", serving ? printable(serving->url) + ", process " + std::to_string(serving->pid) : "no",
       serving && !serving->last_taken ? "the last reload was refused: " + printable(serving->last_detail)
                                       : ""});
  for (const http::Dependency& one : found) {
    const Style style = one.state == http::DependencyState::ok        ? Style::good
                        : one.state == http::DependencyState::warning ? Style::warning
                                                                      : Style::bad;
    table.add({printable(one.name), {std::string(http::name(one.state)), style}, printable(one.reason)});
  }
  print(table.draw(context));
}

void run_status(Context& context, const Arguments& arguments) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) {
    return report_refusal(context, "read the authority", authority.error(),
                          "pedigree authority serve --check --dir " + printable(arguments.directory));
  }
  const auto found = (*authority)->dependencies();
  show_status(context, app::find_serving({arguments.directory}), found);
  const bool fails = std::ranges::any_of(
      found, [](const http::Dependency& one) { return one.state == http::DependencyState::failing; });
  if (fails) context.exit_code = kExitAuthorityRefused;
}

void run_backup(Context& context, const Arguments& arguments) {
  std::optional<Progress> progress;
  const auto made = app::make_backup(
      {arguments.directory}, arguments.folder,
      [&](int done, int all) {
        if (!progress) progress.emplace(context, "copying the database", static_cast<std::uint64_t>(all));
        progress->advance(static_cast<std::uint64_t>(done));
      },
      std::time(nullptr));
  progress.reset();
  if (!made) return report_refusal(context, "make the backup", made.error());
  if (context.json) {
    return print_json({{"backup", arguments.folder},
                       {"files", made->files},
                       {"database_octets", made->octets},
                       {"database_url", made->database_url},
                       {"checkpoint_size", made->checkpoint_size}});
  }
  if (context.quiet) return;
  const bool is_whole = made->database_url.empty();
  print_line("backup " + styled(context, Style::strong, printable(arguments.folder)) + ": " +
             std::to_string(made->files) + " files, " +
             (is_whole ? "a database of " + std::to_string(made->octets) + " octets"
                       : styled(context, Style::warning, "without the registry, which is in PostgreSQL")));
  if (!is_whole) {
    print_line("Dump it now, after the files, so that its log has the checkpoint too:");
    print_line("  pg_dump --format=custom --dbname='" + printable(made->database_url) + "' --file='" +
               printable(arguments.folder) + ".dump'");
  }
  print_line(made->checkpoint_size == 0
                 ? "The audit log has no checkpoint yet."
                 : "backup.checkpoint covers " + std::to_string(made->checkpoint_size) +
                       " events: keep a copy of it elsewhere.");
  print_line("It holds keys that are not encrypted (TLS, nonces): keep it as you keep the authority.");
}

void run_restore(Context& context, const Arguments& arguments) {
  std::optional<Progress> progress;
  const auto restored =
      app::restore_backup(arguments.folder, {arguments.directory}, [&](std::uint64_t done, std::uint64_t of) {
        if (!progress) progress.emplace(context, "verifying the log", of);
        progress->advance(done);
      });
  progress.reset();
  if (!restored) return report_refusal(context, "restore the backup", restored.error());
  if (context.json) {
    return print_json({{"directory", arguments.directory},
                       {"made_at", restored->content.made_at},
                       {"files", restored->content.files},
                       {"events", restored->audit.head.size},
                       {"certificates", restored->audit.certificates},
                       {"devices", restored->audit.devices}});
  }
  if (context.quiet) return;
  print_line("restored " + styled(context, Style::strong, printable(arguments.directory)) + " as of " +
             authority::iso_time(restored->content.made_at) + ": " +
             std::to_string(restored->audit.certificates) + " certificates of " +
             std::to_string(restored->audit.devices) + " devices, " +
             std::to_string(restored->audit.head.size) + " events, all proved by the log");
  print_line("What came later is not in it: hold the newest checkpoint that anybody has against it,");
  print_line("pedigree audit verify --dir " + printable(arguments.directory) + " --checkpoint FILE");
}

CLI::App* add(CLI::App& authority, const char* name, const char* help, Arguments& arguments) {
  CLI::App* command = authority.add_subcommand(name, help);
  command->add_option("--dir", arguments.directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  return command;
}

}  // namespace

void run_serve_check(Context& context, const std::string& directory, const std::string& passphrase_file) {
  std::optional<app::SecretText> passphrase;
  if (!passphrase_file.empty() || std::getenv("PEDIGREE_PASSPHRASE") != nullptr) {
    auto given = read_passphrase(passphrase_file, false);
    if (!given) return print_error(context, kExitUnreadable, given.error());
    passphrase = *std::move(given);
  }
  const auto problems =
      app::check_directory({directory}, passphrase ? &*passphrase : nullptr, std::time(nullptr));
  if (!problems.empty()) context.exit_code = kExitUnreadable;
  if (context.json) {
    json::array list;
    for (const app::Problem& one : problems) {
      list.push_back({{"file", one.file}, {"line", one.line}, {"what", one.what}, {"todo", one.todo}});
    }
    return print_json(
        {{"ok", problems.empty()}, {"keys_opened", passphrase.has_value()}, {"problems", list}});
  }
  for (const app::Problem& one : problems) {
    print_line(styled(context, Style::strong,
                      printable(one.file) + (one.line == 0 ? "" : ":" + std::to_string(one.line))) +
               ": " + printable(one.what));
    if (!one.todo.empty()) print_line("  " + printable(one.todo));
  }
  if (context.quiet || !problems.empty()) return;
  print_line(passphrase ? "nothing is wrong with it"
                        : "nothing is wrong with it, as far as that is seen without the keys' passphrase");
}

void add_authority_operations(CLI::App& authority, Context& context) {
  const auto seen = std::make_shared<Arguments>();
  CLI::App* status = add(authority, "status", "Who serves it, and whether it has what it needs", *seen);
  status->callback([seen, &context] { run_status(context, *seen); });

  const auto told = std::make_shared<Arguments>();
  CLI::App* reload = add(authority, "reload",
                         "Have the process that serves take certificates, issuers and profiles anew", *told);
  reload->callback([told, &context] { run_reload(context, *told); });

  const auto kept = std::make_shared<Arguments>();
  CLI::App* backup = add(authority, "backup", "Copy the directory, also while it is served", *kept);
  backup->add_option("FOLDER", kept->folder, "Folder to make")->required()->option_text("FOLDER");
  backup->callback([kept, &context] { run_backup(context, *kept); });

  const auto back = std::make_shared<Arguments>();
  CLI::App* restore =
      add(authority, "restore", "Make a directory of a backup, proved by its audit log", *back);
  restore->add_option("FOLDER", back->folder, "The backup")->required()->option_text("FOLDER");
  restore->callback([back, &context] { run_restore(context, *back); });
}

}  // namespace pedigree::cli
