// SPDX-License-Identifier: Apache-2.0
#include "cli/grant_devices.h"

namespace pedigree::cli {

namespace json = boost::json;
using station::Outcome;

namespace {

std::string next_step(const station::Failure& failure) {
  switch (failure.code) {
    case ErrorCode::not_authorised:
      return "take an operator's certificate that policy.toml lets have this granted";
    case ErrorCode::unknown_command:
      return "this device takes no grants, or has another --smp-group";
    case ErrorCode::grant_nonce:
    case ErrorCode::grant_expired:
      return "have another one granted: pedigree grant challenge, and pedigree authority grant";
    case ErrorCode::grant_signer_refused:
      return "use the authority whose root the device has pinned, and its newest signer of grants";
    case ErrorCode::lifecycle_forbids:
      return "pedigree provision --info shows it; a decommissioned device stays so";
    case ErrorCode::not_owner:
      return "a secure partition owns the slot; decommission takes it too";
    case ErrorCode::not_found:
      return "there, make a signer of grants: pedigree authority grant-signer --dir DIR";
    default:
      return {};
  }
}

/// Whose failure it is, in words.
std::string summary(const station::Failure& failure) {
  switch (exit_code_of(failure)) {
    case kExitDeviceRefused:
      return "the device refused: " + failure.message;
    case kExitAuthorityRefused:
      return "the authority refused: " + failure.message;
    default:
      return failure.message;
  }
}

}  // namespace

std::unique_ptr<station::AuthorityClient> prepare_for_grants(Lines& lines, Context& context,
                                                             LineArguments& line_arguments,
                                                             AuthorityArguments& authority) {
  prepare(lines, context, line_arguments);
  return open_authority(lines, context, authority,
                        "--authority takes https://HOST:PORT, and --tls the folder tls of the authority");
}

void each_device(Context& context, const Lines& lines, json::array& list,
                 const std::function<Outcome<json::object>(station::Device&)>& action) {
  for (const station::Unit& unit : lines.units) {
    const auto done = [&]() -> Outcome<json::object> {
      STATION_ASSIGN(const auto link, unit.open());
      STATION_TRY(station::negotiate(*link));
      station::Device device(*link);
      return action(device);
    }();
    if (done) {
      json::object entry = *done;
      entry["line"] = unit.peer;
      list.push_back(std::move(entry));
      continue;
    }
    const station::Failure& failure = done.error();
    const ExitCode code = exit_code_of(failure);
    list.push_back(json::object{
        {"line", unit.peer}, {"error", failure.message}, {"code", static_cast<unsigned>(failure.code)}});
    if (!context.json) {
      print_error(context, code, {summary(failure), {{"line", unit.peer}}, next_step(failure), {}});
    }
    context.exit_code = code;
  }
}

void finish_devices(const Context& context, const Lines& lines, json::array list) {
  if (context.json) print_json(json::object{{"devices", std::move(list)}});
  if (lines.capture != nullptr && !lines.capture->finish())
    print_warning(context, "the capture is not complete");
}

}  // namespace pedigree::cli
