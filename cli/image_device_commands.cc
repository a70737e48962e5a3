// SPDX-License-Identifier: Apache-2.0
// pedigree image state|upload|test|confirm|erase|revocations: firmware images of devices, over SMP.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "cli/device_lines.h"
#include "cli/files.h"
#include "cli/image_device.h"
#include "core/firmware_image/revocation_list.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using station::ImageClient;
using station::ImageSlot;
using station::Outcome;

/// Larger than any slot of a microcontroller.
constexpr std::size_t kLargestImage = std::size_t{64} << 20U;

struct ImageArguments {
  LineArguments lines;
  std::string file;   ///< image, or list
  std::string which;  ///< hash, or file of the image that is meant
  bool test = false;
  bool reset = false;
  std::optional<std::uint32_t> slot;
};

/// What a command does with one device: its lines of text, and members for the JSON.
struct Report {
  std::string text;
  json::object members;
};
using Action = std::function<Outcome<Report>(station::Link& link, const std::string& peer)>;

Outcome<Report> act_on(const station::Unit& unit, const Action& action) {
  STATION_ASSIGN(const auto link, unit.open());
  STATION_TRY(station::negotiate(*link));
  return action(*link, unit.peer);
}

/// Runs `action` for each device in turn; one that fails does not keep the others from theirs.
void for_each_device(Context& context, ImageArguments& arguments, const Action& action) {
  Lines lines;
  prepare(lines, context, arguments.lines);
  json::array list;
  for (const station::Unit& unit : lines.units) {
    auto report = act_on(unit, action);
    if (report) {
      json::object entry{{"line", unit.peer}};
      for (const auto& member : report->members) entry.insert(member);
      list.push_back(std::move(entry));
      if (!context.json && !context.quiet) print(report->text);
      continue;
    }
    const station::Failure& failure = report.error();
    list.push_back(json::object{
        {"line", unit.peer}, {"error", failure.message}, {"code", static_cast<unsigned>(failure.code)}});
    const ExitCode code = exit_code_of(failure);
    if (!context.json) {
      print_error(context, code, {failure.message, {{"line", unit.peer}}, image_next_step(failure), {}});
    }
    context.exit_code = code;
  }
  if (context.json) print_json(json::object{{"devices", std::move(list)}});
  if (lines.capture != nullptr && !lines.capture->finish())
    print_warning(context, "the capture is not complete");
}

Report state_report(const Context& context, const std::string& peer, const std::vector<ImageSlot>& slots) {
  return {printable(peer) + "\n" + image_table(context, slots), {{"images", to_json(slots)}}};
}

/// The image that a hash or a file names. Throws Stop.
Octets hash_of(const std::string& which) {
  const auto given = from_hex(which);
  if (given && (given->size() == 32 || given->size() == 48 || given->size() == 64)) return *given;
  const auto content = read_input(which, kLargestImage);
  if (!content) {
    Problem problem = content.error();
    problem.next = "give the image's file, or its hash as `pedigree image state --json` shows it";
    throw Stop{kExitUnreadable, problem};
  }
  auto hash = station::image_hash(*content);
  if (!hash) {
    stop(kExitUnreadable, which + ": " + std::string(sentence(hash.error().code)),
         "pedigree image sign makes such an image");
  }
  return *std::move(hash);
}

/// The image to try where none was named: the only one that does not run and may be started.
Outcome<Octets> candidate(ImageClient& client) {
  STATION_ASSIGN(const auto slots, client.state());
  const auto may_start = [](const ImageSlot& slot) {
    return slot.image == 0 && !slot.active && !slot.hash.empty();
  };
  const auto found = std::ranges::find_if(slots, may_start);
  if (found == slots.end()) return station::failed(station::Side::device, ErrorCode::not_found);
  return *from_hex(found->hash);
}

void run_state(Context& context, ImageArguments& arguments) {
  for_each_device(context, arguments, [&](station::Link& link, const std::string& peer) -> Outcome<Report> {
    STATION_ASSIGN(const auto slots, ImageClient(link).state());
    return state_report(context, peer, slots);
  });
}

Outcome<Report> upload(const Context& context, station::Link& link, const std::string& peer,
                       const ImageArguments& arguments, Bytes content, const Octets& hash) {
  const auto digest = crypto::OpenSslCrypto().sha256(content);
  if (!digest) return station::failed(station::Side::station, digest.error().code);
  ImageClient client(link);
  const auto start = std::chrono::steady_clock::now();
  Progress progress(context, "upload", content.size());
  station::UploadOptions options;
  options.progress = [&progress](std::size_t done, std::size_t) { progress.advance(done); };
  STATION_ASSIGN(const auto sent, client.upload(content, *digest, options));
  progress.finish();
  const auto time = std::chrono::duration_cast<station::Duration>(std::chrono::steady_clock::now() - start);
  Outcome<std::vector<ImageSlot>> slots = arguments.test ? client.test(hash) : client.state();
  if (!slots) return std::unexpected(std::move(slots).error());
  if (arguments.reset) STATION_TRY(station::reset(link));
  Report report = state_report(context, peer, *slots);
  const std::string resumed =
      sent.resumed_at > 0 ? fmt::format(", of which {} were there before", sent.resumed_at) : std::string();
  report.text =
      fmt::format("uploaded {} octets{} in {}\n", sent.size, resumed, duration_text(time)) + report.text;
  report.members["hash"] = to_hex(hash);
  report.members["octets"] = sent.size;
  report.members["resumed_at"] = sent.resumed_at;
  report.members["microseconds"] = time.count();
  report.members["reset"] = arguments.reset;
  return report;
}

void run_upload(Context& context, ImageArguments& arguments) {
  const auto content = read_input(arguments.file, kLargestImage);
  if (!content) throw Stop{kExitUnreadable, content.error()};
  const Octets hash = hash_of(arguments.file);
  for_each_device(context, arguments, [&](station::Link& link, const std::string& peer) {
    return upload(context, link, peer, arguments, *content, hash);
  });
}

void run_test(Context& context, ImageArguments& arguments) {
  const Octets named = arguments.which.empty() ? Octets() : hash_of(arguments.which);
  for_each_device(context, arguments, [&](station::Link& link, const std::string& peer) -> Outcome<Report> {
    ImageClient client(link);
    Octets hash = named;
    if (hash.empty()) {
      STATION_ASSIGN(hash, candidate(client));
    }
    STATION_ASSIGN(const auto slots, client.test(hash));
    if (arguments.reset) STATION_TRY(station::reset(link));
    return state_report(context, peer, slots);
  });
}

void run_confirm(Context& context, ImageArguments& arguments) {
  const Octets hash = arguments.which.empty() ? Octets() : hash_of(arguments.which);
  for_each_device(context, arguments, [&](station::Link& link, const std::string& peer) -> Outcome<Report> {
    STATION_ASSIGN(const auto slots, ImageClient(link).confirm(hash));
    return state_report(context, peer, slots);
  });
}

void run_erase(Context& context, ImageArguments& arguments) {
  for_each_device(context, arguments, [&](station::Link& link, const std::string& peer) -> Outcome<Report> {
    ImageClient client(link);
    STATION_TRY(client.erase(arguments.slot));
    STATION_ASSIGN(const auto slots, client.state());
    return state_report(context, peer, slots);
  });
}

/// A list's octets, read as a device will read them. Throws Stop.
Octets read_list_file(const std::string& file) {
  auto content = read_input(file, image::kMaxRevocationList + 1);
  if (!content) throw Stop{kExitUnreadable, content.error()};
  if (const auto list = image::read_list(*content); !list) {
    stop(kExitUnreadable, file + ": " + std::string(sentence(list.error().code)),
         "pedigree authority signer-revocations --out writes such a list");
  }
  return *std::move(content);
}

void run_revocations(Context& context, ImageArguments& arguments) {
  const Octets list = arguments.file.empty() ? Octets() : read_list_file(arguments.file);
  for_each_device(context, arguments, [&](station::Link& link, const std::string& peer) -> Outcome<Report> {
    ImageClient client(link);
    auto kept = list.empty() ? client.revocations() : client.send_revocations(list);
    if (!kept) return std::unexpected(std::move(kept).error());
    const std::string text = kept->number == 0 ? std::string("no list of revoked signers")
                                               : fmt::format("list {} of {} revoked signers, {} octets",
                                                             kept->number, kept->count, kept->size);
    return Report{fmt::format("{}\n  {}{}\n", printable(peer), text,
                              list.empty() ? "" : ", heeded from the next reset on"),
                  {{"number", kept->number}, {"count", kept->count}, {"octets", kept->size}}};
  });
}

using Run = void (*)(Context&, ImageArguments&);

struct Added {
  CLI::App* command;
  std::shared_ptr<ImageArguments> arguments;
};

Added add(CLI::App& image, Context& context, const char* name, const char* help, Run run) {
  const auto arguments = std::make_shared<ImageArguments>();
  CLI::App* command = image.add_subcommand(name, help);
  command->callback([arguments, &context, run] { guarded(context, [&] { run(context, *arguments); }); });
  add_line_options(*command, arguments->lines);
  return {command, arguments};
}

}  // namespace

void add_image_device_commands(CLI::App& image, Context& context) {
  add(image, context, "state", "Show the images in devices' slots, and why one was refused", run_state);
  const Added upload = add(image, context, "upload",
                           "Send an image to devices; run again, it goes on where it stopped", run_upload);
  upload.command->add_option("FILE", upload.arguments->file, "The signed image")
      ->required()
      ->option_text("FILE");
  upload.command->add_flag("--test", upload.arguments->test, "Have it started at the next reset, once");
  upload.command->add_flag("--reset", upload.arguments->reset, "Restart the device at the end");
  const Added test = add(image, context, "test",
                         "Have an image started at the next reset, once; confirm keeps it", run_test);
  test.command
      ->add_option("IMAGE", test.arguments->which,
                   "The image's file, or its hash (default: the one that does not run)")
      ->option_text("FILE|HASH");
  test.command->add_flag("--reset", test.arguments->reset, "Restart the device at the end");
  const Added confirm =
      add(image, context, "confirm", "Keep the image that runs, so that each reset starts it", run_confirm);
  confirm.command
      ->add_option("IMAGE", confirm.arguments->which,
                   "Another image, to be started for good at the next reset (default: the one that runs)")
      ->option_text("FILE|HASH");
  const Added erase =
      add(image, context, "erase", "Erase a slot that is neither running nor confirmed", run_erase);
  erase.command
      ->add_option_function<std::uint32_t>(
          "--slot", [arguments = erase.arguments](std::uint32_t slot) { arguments->slot = slot; },
          "Which slot (default: the one that the next upload goes to)")
      ->option_text("N");
  const Added revocations =
      add(image, context, "revocations", "Show which list of revoked signers devices keep, or send one",
          run_revocations);
  revocations.command->add_option("LIST", revocations.arguments->file, "Signed list to send")
      ->option_text("FILE");
}

}  // namespace pedigree::cli
