// SPDX-License-Identifier: Apache-2.0
#include "station/flow/provision.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "station/flow/unit_run.h"
#include "station/link/text.h"

namespace pedigree::station {

std::string_view name(Step step) noexcept {
  constexpr std::array<std::string_view, kSteps> kNames = {"connect", "info",  "nonce",  "key",     "csr",
                                                           "enrol",   "chain", "commit", "receipt", "reset"};
  return kNames[static_cast<std::size_t>(step)];
}

std::string_view name(UnitState state) noexcept {
  constexpr std::array<std::string_view, 4> kNames = {"provisioned", "already", "refused", "failed"};
  return kNames[static_cast<std::size_t>(state)];
}

Outcome<enrol::Purpose> purpose_of(const std::string& profile) {
  if (profile == "iak") return enrol::Purpose::iak;
  if (profile == "idevid") return enrol::Purpose::idevid;
  if (profile == "tls-client") return enrol::Purpose::tls;
  if (profile == "data") return enrol::Purpose::data;
  return failed_with(Side::station, ErrorCode::unknown_profile,
                     fmt::format("'{}' is not a profile; take iak, idevid, tls-client or data", profile));
}

// Whole or not at all: a reader never sees half a chain.
Outcome<void> UnitRun::write_out() const {
  if (options_.out.empty()) return {};
  const std::string path = fmt::format("{}/{}-{}.chain.pem", options_.out, result_.device, result_.profile);
  const std::string temporary = path + ".part";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    for (const auto& der : result_.chain) file << pem("CERTIFICATE", der);
    file.flush();
    if (!file) {
      return failed_with(Side::station, ErrorCode::io_failure,
                         fmt::format("{}: {}", path, std::strerror(errno)));
    }
  }
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error)
    return failed_with(Side::station, ErrorCode::io_failure, fmt::format("{}: {}", path, error.message()));
  return {};
}

UnitResult provision_unit(Link& link, const Line& line, const ProvisionOptions& options, std::size_t index) {
  return UnitRun(link, line, options, index).run();
}

namespace {

UnitResult provision_at(const Unit& unit, const Line& line, const ProvisionOptions& options,
                        std::size_t index) {
  auto link = unit.open();
  if (link) return provision_unit(**link, line, options, index);
  UnitResult result;
  result.peer = unit.peer;
  result.profile = options.profile;
  result.failure = std::move(link).error();
  return result;
}

}  // namespace

std::vector<UnitResult> provision_all(const std::vector<Unit>& units, const Line& line,
                                      const ProvisionOptions& options) {
  std::vector<UnitResult> results(units.size());
  std::atomic<std::size_t> next = 0;
  std::mutex telling;
  ProvisionOptions serialised = options;
  if (options.progress) {
    serialised.progress = [&](const Event& event) {
      const std::lock_guard lock(telling);
      options.progress(event);
    };
  }
  const auto work = [&] {
    for (std::size_t i = next++; i < units.size(); i = next++) {
      results[i] = provision_at(units[i], line, serialised, i);
      if (serialised.progress)
        serialised.progress({i, Event::Kind::ended, results[i].reached, {}, &results[i]});
    }
  };
  std::vector<std::jthread> workers;
  const std::size_t jobs = std::clamp<std::size_t>(options.jobs, 1, std::max<std::size_t>(units.size(), 1));
  workers.reserve(jobs);
  for (std::size_t i = 0; i < jobs; ++i) workers.emplace_back(work);
  workers.clear();
  return results;
}

std::size_t deliver_receipts(const Line& line) {
  std::size_t taken = 0;
  for (const UnitRecord& unit : line.journal.units()) {
    const auto nonce = from_hex(unit.nonce);
    if (unit.done || unit.receipt.empty() || !nonce || nonce->size() != enrol::kNonceSize) continue;
    ReceiptRequest request{
        .device = unit.device, .serial = unit.serial, .nonce = {}, .receipt = unit.receipt};
    std::ranges::copy(*nonce, request.nonce.begin());
    auto state = line.authority.receipt(request);
    if (!state && transient(state.error().code)) break;
    if (!state) continue;
    JournalEntry entry{.event = JournalEntry::Event::done, .device = unit.device, .profile = unit.profile};
    if (line.journal.append(std::move(entry))) ++taken;
  }
  return taken;
}

}  // namespace pedigree::station
