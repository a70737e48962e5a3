// SPDX-License-Identifier: Apache-2.0
#include "station/link/failure.h"

#include <fmt/format.h>

#include <array>

#include "core/enrol/image_group.h"

namespace pedigree::station {

namespace {

// MCUmgr's OS group, OS_MGMT_ERR_*.
std::string os_sentence(std::uint16_t rc) {
  constexpr std::array<std::string_view, 7> kSentences = {
      "success",
      "an unknown error",
      "the format given for the device's information is not valid",
      "the device knows no answer to this query",
      "the device's clock is not set",
      "the device's clock refused the command",
      "the device's answer to the query was not valid",
  };
  if (rc < kSentences.size()) return std::string(kSentences[rc]);
  return fmt::format("OS group error {} that this version does not know", rc);
}

}  // namespace

std::string_view name(Side side) noexcept {
  switch (side) {
    case Side::station:
      return "station";
    case Side::device:
      return "device";
    case Side::authority:
      return "authority";
  }
  return "unknown";
}

std::unexpected<Failure> failed(Side side, ErrorCode code, std::string_view context) {
  const std::string_view text = pedigree::sentence(code);
  return failed_with(side, code, context.empty() ? std::string(text) : fmt::format("{}: {}", context, text));
}

std::unexpected<Failure> failed_with(Side side, ErrorCode code, std::string message) {
  return std::unexpected(Failure{side, code, std::move(message)});
}

std::unexpected<Failure> unreadable(Side side, const Error& error, std::string_view what) {
  std::string message = fmt::format("{}: {}", what, pedigree::sentence(error.code));
  if (error.offset > 0) message += fmt::format(" (at offset {})", error.offset);
  return failed_with(side, error.code, std::move(message));
}

std::string sentence(const smp::Status& status) {
  if (status.why != 0) return std::string(pedigree::sentence(static_cast<ErrorCode>(status.why)));
  if (!status.from_group) return std::string(smp::sentence(static_cast<smp::Rc>(status.rc)));
  if (status.group == smp::kPedigreeGroup) {
    return std::string(pedigree::sentence(static_cast<ErrorCode>(status.rc)));
  }
  if (status.group == smp::kOsGroup) return os_sentence(status.rc);
  if (status.group == enrol::kImageGroup) {
    const std::string_view text = enrol::image_sentence(status.rc);
    if (!text.empty()) return std::string(text);
  }
  return fmt::format("error {} of SMP group {} that this version does not know", status.rc, status.group);
}

ErrorCode code_of(const smp::Status& status) noexcept {
  if (status.why != 0) return static_cast<ErrorCode>(status.why);
  if (status.from_group && status.group == smp::kPedigreeGroup) return static_cast<ErrorCode>(status.rc);
  if (status.from_group) return ErrorCode::device_refused;
  switch (static_cast<smp::Rc>(status.rc)) {
    case smp::Rc::timeout:
      return ErrorCode::timeout;
    case smp::Rc::not_supported:
      return ErrorCode::unknown_command;
    case smp::Rc::too_large:
      return ErrorCode::frame_too_large;
    case smp::Rc::version_too_old:
    case smp::Rc::version_too_new:
      return ErrorCode::unsupported_version;
    default:
      return ErrorCode::device_refused;
  }
}

bool transient(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::timeout:
    case ErrorCode::connection_failed:
    case ErrorCode::communication_failure:
    case ErrorCode::database_failure:
      return true;
    default:
      return false;
  }
}

}  // namespace pedigree::station
