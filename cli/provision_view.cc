// SPDX-License-Identifier: Apache-2.0
#include "cli/provision_view.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "station/link/text.h"

namespace pedigree::cli {

namespace json = boost::json;
using station::Event;
using station::Step;
using station::UnitResult;
using station::UnitState;

namespace {

constexpr std::size_t kLinesAround = 8;  // of a terminal: header, warnings and summary beside the table
constexpr unsigned kTableWidth = 78;
constexpr std::size_t kProblemsShown = 5;

std::string& cell(std::array<std::string, station::kSteps>& steps, Step step) {
  return steps[static_cast<std::size_t>(step)];
}

const std::string& cell(const std::array<std::string, station::kSteps>& steps, Step step) {
  return steps[static_cast<std::size_t>(step)];
}

/// Whether a table of so many rows can be drawn over and over on stdout.
bool fits(std::size_t rows) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return false;
  return size.ws_row >= rows + kLinesAround && size.ws_col >= kTableWidth;
}

bool good(const UnitResult& result) {
  return !result.failure.has_value();
}

std::string key_text(const UnitResult& result) {
  if (result.slot == 0) return {};
  return result.key_reused ? "kept" : "generated";
}

std::string chain_text(const UnitResult& result) {
  return result.chain.empty() ? std::string() : fmt::format("{} certs", result.chain.size());
}

std::string next_step(const UnitResult& result) {
  const station::Failure& failure = *result.failure;
  if (failure.side == station::Side::authority && failure.code == ErrorCode::device_suspended) {
    return "an operator reinstates the device; then run this again";
  }
  const std::string again = "run the same command again: it goes on where this one stopped";
  switch (failure.code) {
    case ErrorCode::not_authorised:
      if (result.reached == Step::key)
        return "policy.toml needs a [[grant]] for this station, with begin or replace";
      [[fallthrough]];
    case ErrorCode::untrusted_root:
      return "check --tls, or --cert, --key and --ca";
    case ErrorCode::chain_root_mismatch:
    case ErrorCode::grant_signer_refused:
      return "use the authority whose root the device has pinned";
    case ErrorCode::grant_required:
      return "the device is secured: have its key granted with --grant WHY";
    case ErrorCode::lifecycle_forbids:
      return "the device's lifecycle allows no provisioning: pedigree provision --info shows it";
    case ErrorCode::unknown_command:
      return "where the device's firmware has another SMP group than 80: --smp-group NUMBER";
    case ErrorCode::unknown_profile:
    case ErrorCode::unknown_issuer:
      return "give another --profile or --issuer";
    case ErrorCode::io_failure:
      return "make room on the disk, or give another folder; then " + again;
    default:
      break;
  }
  if (station::transient(failure.code)) {
    const bool authority = failure.side == station::Side::authority;
    return (authority ? "check --authority, and that it is being served; then " : "") + again;
  }
  return result.state == UnitState::refused
             ? "see the device at the authority: pedigree authority list --dir DIR ID"
             : "";
}

std::string kept_note(const UnitResult& result) {
  if (result.slot == 0) return "nothing was changed on the device";
  if (result.kept_key) return "the device keeps its pending key; a retry makes no second one";
  if (result.state != UnitState::refused) return {};
  return result.reached == Step::enrol ? "the pending key was dropped; nothing else was changed on the device"
                                       : "the device keeps its active key and chain";
}

}  // namespace

std::string duration_text(station::Duration time) {
  const double milliseconds = static_cast<double>(time.count()) / 1000;
  return milliseconds < 1000 ? fmt::format("{:.0f} ms", milliseconds)
                             : fmt::format("{:.1f} s", milliseconds / 1000);
}

ExitCode exit_code_of(const station::Failure& failure) {
  switch (failure.code) {
    case ErrorCode::timeout:
    case ErrorCode::connection_failed:
      return kExitNoConnection;
    case ErrorCode::io_failure:
    case ErrorCode::journal_corrupt:
      return kExitUnreadable;
    case ErrorCode::unknown_profile:
    case ErrorCode::bad_value:
      if (failure.side == station::Side::station) return kExitUsage;
      break;
    default:
      break;
  }
  if (failure.side == station::Side::device) return kExitDeviceRefused;
  return failure.side == station::Side::authority ? kExitAuthorityRefused : kExitUnexpected;
}

ProvisionView::ProvisionView(const Context& context, std::vector<std::string> peers)
    : context_(context),
      peers_(std::move(peers)),
      rows_(peers_.size()),
      progress_(context, "units", peers_.size()),
      live_(!context.json && !context.quiet && fits(peers_.size())),
      brief_(!live_ && context.progress && ::isatty(STDOUT_FILENO) != 0) {}

void ProvisionView::note(const Event& event) {
  Row& row = rows_[event.unit];
  if (event.result != nullptr) {
    row.unit = shorten(event.result->device);
    row.key = key_text(*event.result);
    row.chain = chain_text(*event.result);
  }
  if (event.kind == Event::Kind::started) cell(row.steps, event.step) = "..";
  if (event.kind == Event::Kind::finished) cell(row.steps, event.step) = "ok";
  if (event.kind != Event::Kind::ended) return;
  row.ended = true;
  row.good = good(*event.result);
  row.time = duration_text(event.result->time);
  if (!row.good) cell(row.steps, event.result->reached) = "failed";
  ++ended_;
}

void ProvisionView::print_ended(const Event& event) {
  const UnitResult& result = *event.result;
  if (context_.json || context_.quiet || (brief_ && good(result))) return;
  progress_.clear();
  print_line(fmt::format("{}  {}  {}  {}  {}  {}", station::name(result.state),
                         result.device.empty() ? "-" : shorten(result.device), peers_[event.unit],
                         chain_text(result).empty() ? "-" : chain_text(result),
                         result.serial.empty() ? "-" : shorten(result.serial), rows_[event.unit].time));
}

void ProvisionView::update(const Event& event) {
  const std::lock_guard lock(mutex_);
  note(event);
  if (live_) {
    redraw();
  } else if (event.kind == Event::Kind::ended) {
    print_ended(event);
    progress_.advance(ended_);
  }
}

void ProvisionView::notice(const std::string& text) {
  const std::lock_guard lock(mutex_);
  progress_.clear();
  if (live_) erase();
  print_warning(context_, text);
  if (live_) redraw();
}

Table ProvisionView::table() const {
  Table table({"unit", "line", "key", "csr", "chain", "receipt", "time"});
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const auto shown = [&](Step step, const std::string& done) {
      const std::string& text = cell(row.steps, step);
      if (text == "failed") return Table::Cell(text, Style::bad);
      const bool over = text == "ok" || (row.ended && row.good);
      return Table::Cell(over ? (done.empty() ? "ok" : done) : text, over ? Style::good : Style::plain);
    };
    Table::Cell chain = shown(Step::chain, row.chain);
    if (cell(row.steps, Step::enrol) == "failed") chain = Table::Cell("refused", Style::bad);
    if (cell(row.steps, Step::commit) == "failed") chain = Table::Cell("failed", Style::bad);
    table.add({row.unit.empty() ? "-" : row.unit, peers_[i], shown(Step::key, row.key),
               shown(Step::csr, "ok"), chain, shown(Step::receipt, "ok"),
               Table::Cell(row.time, row.good ? Style::plain : Style::bad)});
  }
  return table;
}

void ProvisionView::erase() {
  if (drawn_lines_ > 0) print(fmt::format("\x1b[{}A\x1b[J", drawn_lines_));
  drawn_lines_ = 0;
}

void ProvisionView::redraw() {
  const std::string drawn = table().draw(context_);
  print((drawn_lines_ > 0 ? fmt::format("\x1b[{}A\x1b[J", drawn_lines_) : std::string()) + drawn);
  drawn_lines_ = static_cast<std::size_t>(std::count(drawn.begin(), drawn.end(), '\n'));
}

void ProvisionView::finish() {
  progress_.finish();
}

json::object to_json(const UnitResult& result) {
  json::object steps;
  for (const auto& [step, time] : result.steps) {
    const std::string_view name = station::name(step);
    const double before = steps.contains(name) ? steps[name].as_double() : 0;
    steps[name] = before + static_cast<double>(time.count()) / 1000;
  }
  json::array chain;
  for (const auto& der : result.chain) chain.emplace_back(station::base64(der));
  json::array warnings(result.warnings.begin(), result.warnings.end());
  json::object object{{"device", result.device},
                      {"line", result.peer},
                      {"profile", result.profile},
                      {"state", station::name(result.state)},
                      {"slot", result.slot},
                      {"key_reused", result.key_reused},
                      {"certificate_reused", result.certificate_reused},
                      {"serial", result.serial},
                      {"receipt", result.receipt_state},
                      {"revocation_list", result.revocation_list},
                      {"pinned_root", result.pinned_root},
                      {"world", result.world},
                      {"chain", std::move(chain)},
                      {"warnings", std::move(warnings)},
                      {"time_ms", static_cast<double>(result.time.count()) / 1000},
                      {"steps_ms", std::move(steps)},
                      {"requests", result.counters.sent},
                      {"retransmitted", result.counters.retransmitted}};
  if (result.failure) {
    object["error"] = {{"side", station::name(result.failure->side)},
                       {"error", name(result.failure->code)},
                       {"code", static_cast<unsigned>(result.failure->code)},
                       {"message", result.failure->message},
                       {"step", station::name(result.reached)},
                       {"kept_key", result.kept_key},
                       {"next", next_step(result)}};
  }
  return object;
}

namespace {

Problem problem_of(const UnitResult& result, const std::string& authority) {
  const station::Failure& failure = *result.failure;
  Problem problem;
  problem.summary = failure.message;
  if (failure.side == station::Side::device && exit_code_of(failure) == kExitDeviceRefused) {
    problem.summary = "the device refused: " + failure.message;
  }
  if (failure.side == station::Side::authority && exit_code_of(failure) == kExitAuthorityRefused) {
    problem.summary = "refused: " + failure.message;
  }
  problem.details.emplace_back(
      "device", result.device.empty() ? result.peer : shorten(result.device) + " on " + result.peer);
  problem.details.emplace_back("step", station::name(result.reached));
  if (!result.chain.empty() && (result.reached == Step::chain || result.reached == Step::commit)) {
    problem.details.emplace_back("received",
                                 fmt::format("{} certificates from {}", result.chain.size(), authority));
  }
  if (!result.pinned_root.empty())
    problem.details.emplace_back("pinned", "root " + shorten(result.pinned_root));
  problem.next = next_step(result);
  problem.note = kept_note(result);
  return problem;
}

}  // namespace

void print_failures(Context& context, const std::vector<UnitResult>& results, const std::string& authority) {
  std::size_t failures = 0;
  int first = kExitOk;
  for (const UnitResult& result : results) {
    for (const std::string& warning : result.warnings) {
      if (!context.json) print_warning(context, fmt::format("{}: {}", shorten(result.device), warning));
    }
    if (!result.failure) continue;
    const ExitCode code = exit_code_of(*result.failure);
    if (first == kExitOk) first = code;
    if (++failures <= kProblemsShown && !context.json)
      print_error(context, code, problem_of(result, authority));
  }
  if (failures > kProblemsShown && !context.json) {
    print_warning(context,
                  fmt::format("{} more units failed; --json tells of each", failures - kProblemsShown));
  }
  context.exit_code = first;
}

}  // namespace pedigree::cli
