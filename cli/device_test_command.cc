// SPDX-License-Identifier: Apache-2.0
// pedigree device-test: the conformance suite on one device.
#include <fmt/format.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/device_lines.h"
#include "cli/device_test_keys.h"
#include "cli/device_test_view.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "cli/private_key.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using namespace station::conformance;
using station::Outcome;

struct DeviceTestArguments {
  LineArguments lines;
  bool pin_root = false;
  bool allow_changes = false;
  bool list = false;
  std::string test_root;
  std::string passphrase_file;
  std::string power_cut;
  std::vector<std::string> filters;
  std::vector<std::string> skips;
};

std::atomic<bool> interrupted = false;

/// The first SIGINT ends the run after the check at hand, so that its keys are removed; a second one ends it.
class InterruptGuard {
 public:
  InterruptGuard() {
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_);
  }
  ~InterruptGuard() { ::sigaction(SIGINT, &before_, nullptr); }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction before_{};
};

std::unique_ptr<Line> open_line(LineArguments& arguments) {
  take_up_devices(arguments);
  const std::size_t count = arguments.udp.size() + arguments.serial.size();
  if (count == 0) {
    stop(kExitUsage, "no device is named", "give --udp HOST:PORT, --serial PATH or --devices FILE");
  }
  if (count > 1) {
    stop(kExitUsage, fmt::format("{} devices are named, and one is tested at a time", count),
         "name one, and run it once for each");
  }
  if (!arguments.udp.empty()) return need(open_udp_line(arguments.udp.front()));
  return need(open_serial_line(arguments.serial.front(), arguments.baud));
}

/// The root that was kept in a folder, or a new one that is kept there.
TestAuthority authority_in(const std::filesystem::path& folder, const std::string& passphrase_file,
                           const crypto::Crypto& crypto, RunKeys& keys) {
  const std::string certificate_file = folder / "root.cert.pem";
  const std::string key_file = folder / "root.key.pem";
  if (std::filesystem::exists(certificate_file)) {
    auto certificates = read_certificates(certificate_file);
    if (!certificates) throw Stop{kExitUnreadable, certificates.error()};
    auto key = open_private_key(key_file, passphrase_file);
    if (!key) throw Stop{kExitUnreadable, key.error()};
    return need(TestAuthority::open(crypto, keys, certificates->front(), keys.keep(*std::move(key))),
                "give another --test-root DIR; a new folder gets a new root");
  }
  TestAuthority made = need(TestAuthority::make(crypto, keys));
  app::SecretText passphrase;
  if (!passphrase_file.empty()) {
    auto read = read_passphrase(passphrase_file, true);
    if (!read) throw Stop{kExitUnreadable, read.error()};
    passphrase = *std::move(read);
  }
  auto pem = keys.first().to_pem(passphrase.text());
  if (!pem) stop(kExitUnexpected, std::string(sentence(pem.error().code)));
  const app::SecretText secret(*std::move(pem));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  auto written = write_output(key_file, as_bytes(secret.text()), 0600);
  if (written) written = write_output(certificate_file, as_bytes(to_pem("CERTIFICATE", made.root())));
  if (!written) throw Stop{kExitUnreadable, written.error()};
  return made;
}

/// Runs the caller's command; its exit status says whether power was cut.
Outcome<void> cut_power(const std::string& command) {
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): no other thread runs
  if (status == 0) return {};
  return station::failed_with(station::Side::station, ErrorCode::io_failure,
                              fmt::format("the command of --power-cut ended with status {}",
                                          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
}

/// Refuses what the caller has not allowed, before anything is changed.
void check_permissions(const Checks& checks, const Bench& bench) {
  const bool changes = std::ranges::any_of(checks, [](const Check& c) { return c.effect != Effect::looks; });
  if (!changes) return;
  if (!bench.slots_before.empty() && !bench.permissions.change_in_use) {
    throw Stop{kExitUsage,
               {.summary = fmt::format("the device is in use: it holds {} keys", bench.slots_before.size()),
                .details = {{"device", shorten(bench.info.id)}},
                .next = "--allow-changes tests it all the same, in its free slots alone; or name checks that "
                        "only look: --filter smp --filter info",
                .note = "nothing was changed on the device"}};
  }
  const bool commits = std::ranges::any_of(
      checks, [](const Check& c) { return c.effect == Effect::commits || c.effect == Effect::cuts_power; });
  const bool pins = commits && bench.info.pinned_root.empty() &&
                    (bench.info.lifecycle == enrol::Lifecycle::assembly_and_test || bench.closes_at_boot);
  if (!pins || bench.permissions.pin_root) return;
  throw Stop{
      kExitUsage,
      {.summary = "the device has no root yet: the first chain that is stored pins the test's root for "
                  "good, and no other chain is taken after that",
       .details = {{"device", shorten(bench.info.id)}},
       .next = "--pin-root allows it (with --test-root DIR the root is kept, to test the device again); "
               "or leave those checks out: --skip commit --skip refusal --skip power",
       .note = "nothing was changed on the device"}};
}

/// Runs the checks; the table grows, with a bar below it on a terminal.
Report run_watched(const Context& context, const Checks& checks, Bench& bench) {
  const InterruptGuard guard;
  Progress progress(context, "checks", checks.size());
  const ReportTable table(context, checks);
  if (!context.json && !context.quiet) table.print_header();
  std::size_t done = 0;
  const auto ended = [&](const Row& row) {
    const bool wanted = !context.json && (!context.quiet || row.ending == Ending::failed);
    progress.clear();
    if (wanted) table.print_row(row);
    progress.advance(++done);
  };
  return run_checks(
      checks, bench,
      {.began = [](const Check&) {}, .ended = ended, .stop = [] { return interrupted.load(); }});
}

void run_device_test(Context& context, DeviceTestArguments& arguments) {
  const Checks checks = select(all_checks(), arguments.filters, arguments.skips);
  if (checks.empty()) {
    stop(kExitUsage, "no check has such a name", "pedigree device-test --list shows them all");
  }
  if (arguments.list) return print_catalogue(context, checks);
  const auto capture = open_capture(arguments.lines);
  auto line = open_line(arguments.lines);
  const std::uint16_t group = smp_group_of(arguments.lines, line->peer());
  Wire wire(std::move(line),
            {.give_up = seconds(arguments.lines.timeout), .capture = capture.get(), .pedigree_group = group});
  const crypto::OpenSslCrypto crypto;
  RunKeys keys;
  TestAuthority authority = arguments.test_root.empty()
                                ? need(TestAuthority::make(crypto, keys))
                                : authority_in(arguments.test_root, arguments.passphrase_file, crypto, keys);
  PowerCut power_cut;
  if (!arguments.power_cut.empty()) power_cut = [&] { return cut_power(arguments.power_cut); };
  Bench bench({wire, crypto, authority, keys, {arguments.pin_root, arguments.allow_changes}, power_cut});
  need(bench.meet(), "pedigree provision --info shows what a device says of itself");
  check_permissions(checks, bench);
  const std::vector<std::string> plan = plan_of(checks, bench);
  if (!context.json && !context.quiet) {
    print_line(fmt::format("{}  {}", shorten(bench.info.id), printable(wire.peer())));
    for (const std::string& sentence : plan) print_line("  " + sentence);
    print_line();
  }
  const Report report = run_watched(context, checks, bench);
  if (context.json) {
    json::object all{{"line", wire.peer()}, {"device", bench.info.id}, {"plan", json::value_from(plan)}};
    for (auto& member : to_json(report)) all.insert(member);
    print_json(all);
  } else {
    print_summary(context, wire.peer(), report, arguments.filters.empty() && arguments.skips.empty());
  }
  if (report.failed > 0) context.exit_code = kExitNotTrusted;
  if (report.failed == 0 && report.passed == 0) context.exit_code = kExitUnexpected;
  if (capture != nullptr && !capture->finish()) print_warning(context, "the capture is not complete");
}

void add_device_test_options(CLI::App& command, DeviceTestArguments& arguments) {
  command.add_flag("--pin-root", arguments.pin_root,
                   "Allow the test's root to be pinned on a device that has none; it stays for good");
  command
      .add_option(
          "--test-root", arguments.test_root,
          "Folder of the root to issue from, root.cert.pem and root.key.pem; made if missing, so that "
          "a device that has pinned it can be tested again (default: a root of this run alone)")
      ->option_text("DIR");
  command.add_option("--passphrase-file", arguments.passphrase_file, kKeyPassphraseHelp)->option_text("FILE");
  command.add_flag("--allow-changes", arguments.allow_changes,
                   "Test a device that holds keys already; they are left alone, free slots are used");
  command
      .add_option(
          "--power-cut", arguments.power_cut,
          "Shell command that cuts the device's power and gives it back; run in the midst of its work")
      ->option_text("COMMAND");
  command
      .add_option("--filter", arguments.filters,
                  "Only these checks: area, or area.check, with * and ? (default: all)")
      ->option_text("PATTERN");
  command.add_option("--skip", arguments.skips, "Not these checks")->option_text("PATTERN");
  command.add_flag("--list", arguments.list,
                   "List the checks, what they do to a device, and the errors that no request provokes");
}

}  // namespace

void add_device_test_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<DeviceTestArguments>();
  CLI::App* command =
      app.add_subcommand("device-test", "Test a device: every operation and every error, over SMP");
  add_line_options(*command, arguments->lines);
  add_device_test_options(*command, *arguments);
  command->footer(
      "Exit status: 0 all checks that ran passed, 3 one failed, 2 the device's state needs an option that is "
      "not given, 6 no device.");
  command->callback(
      [arguments, &context] { guarded(context, [&] { run_device_test(context, *arguments); }); });
}

}  // namespace pedigree::cli
