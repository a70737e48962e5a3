// SPDX-License-Identifier: Apache-2.0
// pedigree authority import|batches|alarms: what the registry expects, and what it noticed.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <ctime>
#include <future>
#include <map>
#include <memory>

#include "authority/text.h"
#include "cli/allow_list.h"
#include "cli/authority_command.h"
#include "server/app/app.h"
#include "server/http/describe.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxFaults = 20;
/// Lines of one file: each costs 56 octets of memory.
constexpr std::size_t kMaxLines = 4'000'000;
/// Batches whose lines are collected at once; a file that mixes more of them is imported in smaller parts.
constexpr std::size_t kMaxOpenBatches = 64;

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

struct ImportArguments {
  std::string directory;
  std::string file;
  std::string batch;
};

/// The file, or what a pipe holds in a temporary file that has no name, because it is read twice.
File open_input(const std::string& name) {
  File file(name == "-" ? ::fdopen(::dup(STDIN_FILENO), "r") : std::fopen(name.c_str(), "re"), &std::fclose);
  struct stat about{};
  if (file == nullptr || ::fstat(::fileno(file.get()), &about) != 0) return {nullptr, &std::fclose};
  if (S_ISREG(about.st_mode)) return file;
  File copy(std::tmpfile(), &std::fclose);
  std::array<char, 65536> part{};
  while (copy != nullptr) {
    const std::size_t size = std::fread(part.data(), 1, part.size(), file.get());
    if (size > 0 && std::fwrite(part.data(), 1, size, copy.get()) != size) return {nullptr, &std::fclose};
    if (size < part.size()) break;
  }
  if (copy == nullptr || std::ferror(file.get()) != 0 || std::fflush(copy.get()) != 0) {
    return {nullptr, &std::fclose};
  }
  return copy;
}

/// Calls `take(line, number)` for each line, from the beginning; a line that is too long is cut after one
/// octet too many, which is how the reader learns of it. False: reading failed.
template <typename Take>
bool for_each_line(std::FILE* file, Take take) {
  std::rewind(file);
  std::string line;
  std::size_t number = 0;
  std::vector<char> part(std::size_t{1} << 16U);
  bool pending = false;
  for (std::size_t size = 0; (size = std::fread(part.data(), 1, part.size(), file)) > 0;) {
    std::string_view rest(part.data(), size);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view piece = rest.substr(0, end);
      if (line.size() <= kMaxAllowListLine) line += piece.substr(0, kMaxAllowListLine + 2 - line.size());
      pending = true;
      if (end == std::string_view::npos) break;
      if (!take(std::string_view(line), ++number)) return true;
      line.clear();
      pending = false;
      rest.remove_prefix(end + 1);
    }
  }
  if (pending) take(std::string_view(line), ++number);
  return std::ferror(file) == 0;
}

class ImportRun {
 public:
  ImportRun(Context& context, const ImportArguments& arguments, app::LocalAuthority& authority, File file)
      : context_(context), arguments_(arguments), authority_(authority), file_(std::move(file)) {}

  void run() {
    if (!check()) return;
    if (!faults_.empty()) return report_faults();
    if (import()) report();
  }

 private:
  /// Where a device stands in the file.
  struct Seen {
    registry::DeviceId device{};
    std::uint32_t line = 0;
    std::uint32_t size = 0;
    std::uint64_t offset = 0;
  };

  void fault(std::size_t line, const std::string& what) {
    if (faults_.size() < kMaxFaults) faults_.push_back(fmt::format("line {}: {}", line, what));
    ++fault_count_;
  }

  void unreadable(const std::string& what) {
    print_error(context_, kExitUnreadable,
                {.summary = "cannot import " + arguments_.file + ": " + what,
                 .details = {},
                 .next = "pedigree authority import --help",
                 .note = done_ == 0 ? "nothing was imported" : ""});
  }

  /// The whole file before anything is written: a list with a mistake is not half imported.
  bool check() {
    const auto& profiles = authority_.engine().config().profiles;
    std::uint64_t offset = 0;
    const bool read = for_each_line(file_.get(), [&](std::string_view text, std::size_t number) {
      const std::uint64_t here = std::exchange(offset, offset + text.size() + 1);
      const auto line = reader_.read(text);
      if (!line) {
        fault(number, line.error());
        // Without a header no line can be read.
        return number > 1;
      }
      if (!*line) return true;
      ++lines_;
      const auto& device = (*line)->device;
      seen_.push_back(
          {device.device, static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(text.size()), here});
      for (std::string_view left = device.profiles; !left.empty();) {
        const std::size_t comma = std::min(left.find(','), left.size());
        if (!profiles.contains(left.substr(0, comma))) {
          fault(number, fmt::format("there is no profile \"{}\"", left.substr(0, comma)));
        }
        left.remove_prefix(std::min(comma + 1, left.size()));
      }
      return lines_ <= kMaxLines;
    });
    if (!read) return unreadable("reading failed"), false;
    if (lines_ > kMaxLines) return unreadable("it has more than 4,000,000 lines: split it"), false;
    if (lines_ == 0 && faults_.empty()) return unreadable("it names no device"), false;
    // By id, in which order rows go into the database without its pages being written again and again.
    std::ranges::sort(seen_, {}, [](const Seen& one) { return std::tie(one.device, one.line); });
    for (std::size_t i = 1; i < seen_.size(); ++i) {
      if (seen_[i].device != seen_[i - 1].device) continue;
      fault(seen_[i].line, fmt::format("the device is there already, on line {}", seen_[i - 1].line));
    }
    return true;
  }

  void report_faults() {
    std::vector<std::pair<std::string, std::string>> details;
    for (const std::string& one : faults_) {
      const std::size_t colon = one.find(": ");
      details.emplace_back(one.substr(0, colon), one.substr(colon + 2));
    }
    if (fault_count_ > faults_.size())
      details.emplace_back("and", fmt::format("{} more", fault_count_ - faults_.size()));
    print_error(context_, kExitUnreadable,
                {.summary = fmt::format("{} has {} {}", arguments_.file, fault_count_,
                                        fault_count_ == 1 ? "mistake" : "mistakes"),
                 .details = std::move(details),
                 .next = "correct the list and import it again",
                 .note = "nothing was imported"});
  }

  struct Part {
    registry::Import import;
    std::vector<std::size_t> lines;  ///< of the file
  };

  bool flush(Part& part) {
    if (part.import.devices.empty()) return true;
    std::promise<registry::Outcome<registry::Imported>> answer;
    authority_.store().import(std::move(part.import),
                              [&](auto outcome) { answer.set_value(std::move(outcome)); });
    const auto outcome = answer.get_future().get();
    if (!outcome) {
      report_refusal(context_, "import", {outcome.error().code, std::string(sentence(outcome.error().code))},
                     "import the same list again: what is there already is passed over");
      return false;
    }
    added_ += outcome->added;
    known_ += outcome->known;
    different_ += outcome->different.size();
    for (const std::size_t place : outcome->different) {
      if (different_lines_.size() < kMaxFaults) different_lines_.push_back(part.lines[place]);
    }
    done_ += part.lines.size();
    part.lines.clear();
    progress_->advance(done_);
    return true;
  }

  bool import() {
    std::map<std::string, Part> parts;
    const der::UnixTime now = std::time(nullptr);
    progress_.emplace(context_, "importing", lines_);
    bool well = true;
    std::string text;
    for (const Seen& seen : seen_) {
      text.resize(seen.size);
      const auto size =
          ::pread(::fileno(file_.get()), text.data(), text.size(), static_cast<off_t>(seen.offset));
      auto line = reader_.read(text);
      if (size != static_cast<ssize_t>(seen.size) || !line || !*line) {
        unreadable("it changed while it was read; what came before that is imported");
        return false;
      }
      if (!parts.contains((*line)->batch) && parts.size() == kMaxOpenBatches) {
        for (auto& [name, part] : parts) well = well && flush(part);
        parts.clear();
      }
      Part& part = parts[(*line)->batch];
      if (part.import.devices.empty()) part.import = {{}, {login(), "local"}, now, (*line)->batch};
      part.import.devices.push_back(std::move((*line)->device));
      part.lines.push_back(seen.line);
      if (part.import.devices.size() == registry::kMaxImport) well = well && flush(part);
      if (!well) return false;
    }
    for (auto& [name, part] : parts) well = well && flush(part);
    progress_->finish();
    return well;
  }

  void report() {
    if (different_ > 0) context_.exit_code = kExitAuthorityRefused;
    if (context_.json) {
      return print_json(
          json::object{{"lines", lines_},
                       {"added", added_},
                       {"known", known_},
                       {"different", different_},
                       {"different_lines", json::array(different_lines_.begin(), different_lines_.end())}});
    }
    for (const std::size_t line : different_lines_) {
      print_warning(
          context_,
          fmt::format("line {}: the registry says something else of this device, and was left as it is",
                      line));
    }
    if (context_.quiet) return;
    print_line(fmt::format("{} added, {} known already, {} of them different", added_, known_, different_));
  }

  Context& context_;
  const ImportArguments& arguments_;
  app::LocalAuthority& authority_;
  File file_;
  std::size_t lines_ = 0, added_ = 0, known_ = 0, different_ = 0, done_ = 0, fault_count_ = 0;
  AllowListReader reader_{arguments_.batch};  // of the second reading too: it knows the header
  std::vector<Seen> seen_;
  std::vector<std::string> faults_;
  std::vector<std::size_t> different_lines_;
  std::optional<Progress> progress_;
};

void run_import(Context& context, const ImportArguments& arguments) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  File file = open_input(arguments.file);
  if (file == nullptr) {
    return report_refusal(context, "import", {ErrorCode::io_failure, arguments.file + " cannot be read"});
  }
  ImportRun(context, arguments, **authority, std::move(file)).run();
}

struct LookArguments {
  std::string directory;
  std::string name;
};

std::unique_ptr<app::LocalAuthority> open(Context& context, const LookArguments& arguments) {
  auto authority = app::LocalAuthority::open(arguments.directory);
  if (authority) return *std::move(authority);
  report_refusal(context, "open the authority", authority.error());
  return nullptr;
}

void failed(Context& context, const Error& error) {
  report_refusal(context, "read the registry", {error.code, std::string(sentence(error.code))});
}

void show_batch(Context& context, registry::Store& store, const std::string& name) {
  const auto batch = store.batch(name);
  const auto counts = batch ? store.batch_counts(name) : fail(batch.error().code);
  if (!counts) return failed(context, counts.error());
  json::array list;
  Table table({"state", "station", "devices", "first", "last"});
  for (const registry::BatchCount& one : *counts) {
    list.push_back(http::describe(one));
    table.add({std::string(registry::name(one.state)), one.station, std::to_string(one.devices),
               authority::iso_time(one.first), authority::iso_time(one.last)});
  }
  if (context.json) {
    return print_json(
        json::object{{"batch", batch->name}, {"imported", batch->imported}, {"counts", std::move(list)}});
  }
  print(table.draw(context));
}

void run_batches(Context& context, const LookArguments& arguments) {
  const auto authority = open(context, arguments);
  if (!authority) return;
  if (!arguments.name.empty()) return show_batch(context, authority->store(), arguments.name);
  json::array list;
  Table table({"batch", "devices", "since", "by"});
  for (std::string after;;) {
    const auto page = authority->store().batches(after, 1000);
    if (!page) return failed(context, page.error());
    for (const registry::Batch& one : *page) {
      list.push_back(http::describe(one));
      table.add({one.name, std::to_string(one.imported), authority::iso_time(one.made_at), one.who});
    }
    if (page->size() < 1000) break;
    after = page->back().name;
  }
  if (context.json) return print_json(json::object{{"batches", std::move(list)}});
  print(table.draw(context));
}

void run_alarms(Context& context, const LookArguments& arguments) {
  const auto authority = open(context, arguments);
  if (!authority) return;
  json::array list;
  Table table({"event", "when", "what", "device", "who", "why"});
  registry::EventQuery query;
  query.alarms = true;
  query.limit = 1000;
  for (;;) {
    const auto page = authority->store().search_events(query);
    if (!page) return failed(context, page.error());
    for (const registry::LoggedEvent& one : page->events) {
      const registry::Event& event = one.event;
      list.push_back({{"event", event.number},
                      {"when", event.when},
                      {"what", event.what},
                      {"device", registry::hex(event.device)},
                      {"who", event.actor.who},
                      {"why", event.why}});
      table.add({std::to_string(event.number),
                 authority::iso_time(event.when),
                 {event.what, Style::bad},
                 registry::hex(event.device),
                 event.actor.who,
                 event.why});
    }
    if (!page->next) break;
    query.after = *page->next;
  }
  if (context.json) return print_json(json::object{{"alarms", std::move(list)}});
  print(table.draw(context));
}

CLI::App* add(CLI::App& authority, const char* name, const char* help, std::string& directory) {
  CLI::App* command = authority.add_subcommand(name, help);
  command->add_option("--dir", directory, "The authority's directory")->required()->option_text("DIR");
  return command;
}

}  // namespace

void add_authority_registry(CLI::App& authority, Context& context) {
  const auto imported = std::make_shared<ImportArguments>();
  CLI::App* import = add(authority, "import",
                         "Put devices on the allow-list: a CSV file with a header, or a JSON object a line",
                         imported->directory);
  import->add_option("FILE", imported->file, "The list; - is stdin")->required()->option_text("FILE");
  import->add_option("--batch", imported->batch, "The production batch of lines that name none")
      ->check([](const std::string& name) {
        return name.size() <= registry::kMaxBatchName ? std::string()
                                                      : std::string("is longer than 64 octets");
      })
      ->option_text("NAME");
  import->callback([imported, &context] { run_import(context, *imported); });

  const auto batch = std::make_shared<LookArguments>();
  CLI::App* batches =
      add(authority, "batches", "List production batches, or what became of one's devices", batch->directory);
  batches->add_option("NAME", batch->name, "A batch, to see its devices by state and station")
      ->option_text("NAME");
  batches->callback([batch, &context] { run_batches(context, *batch); });

  const auto alarm = std::make_shared<LookArguments>();
  CLI::App* alarms =
      add(authority, "alarms", "List duplicate keys and ids, and refused stations", alarm->directory);
  alarms->callback([alarm, &context] { run_alarms(context, *alarm); });
}

}  // namespace pedigree::cli
