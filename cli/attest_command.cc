// SPDX-License-Identifier: Apache-2.0
// pedigree attest: asks devices for attestation tokens.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "cli/command.h"
#include "cli/device_lines.h"
#include "cli/files.h"
#include "cli/inspect.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct AttestArguments {
  LineArguments lines;
  std::string nonce;
  bool no_chain = false;
  std::string out;
};

/// The challenge that was given, or a fresh one of 32 octets.
Octets challenge_of(const AttestArguments& arguments) {
  if (arguments.nonce.empty()) {
    Octets fresh(32);
    if (!crypto::OpenSslCrypto().random(fresh)) stop(kExitUnexpected, "there is no randomness for a nonce");
    return fresh;
  }
  const auto given = from_hex(arguments.nonce);
  if (!given || (given->size() != 32 && given->size() != 48 && given->size() != 64)) {
    stop(kExitUsage, "--nonce is not 32, 48 or 64 octets as hexadecimal",
         "give 64, 96 or 128 hex digits, or no --nonce for a random one");
  }
  return *given;
}

struct Attested {
  std::string device;
  Octets token;
};

station::Outcome<Attested> attest(const station::Unit& unit, Bytes challenge, bool chain) {
  STATION_ASSIGN(const auto link, unit.open());
  STATION_TRY(station::negotiate(*link));
  station::Device device(*link);
  STATION_ASSIGN(const auto info, device.info());
  STATION_ASSIGN(auto token, device.attest(0, challenge, chain));
  return Attested{info.id, std::move(token)};
}

std::string next_step(const station::Failure& failure) {
  if (failure.code == ErrorCode::no_attestation_chain)
    return "pedigree provision --profile iak, or --no-chain";
  if (failure.code == ErrorCode::unknown_command)
    return "update the device: this one does not attest, or has another --smp-group";
  return {};
}

void show(const Context& context, const std::string& peer, const Attested& attested, const Report& report,
          const AttestArguments& arguments) {
  print_line(styled(context, Style::strong, printable(attested.device)));
  print_line(fmt::format("  line   {}", printable(peer)));
  print_line(fmt::format("  token  {} octets{}", attested.token.size(),
                         arguments.out.empty() ? std::string() : " in " + printable(arguments.out)));
  print(to_text(context, report));
}

void attest_unit(Context& context, const station::Unit& unit, Bytes challenge,
                 const AttestArguments& arguments, json::array& list) {
  const auto attested = attest(unit, challenge, !arguments.no_chain);
  if (!attested) {
    const ExitCode code = exit_code_of(attested.error());
    const std::string& message = attested.error().message;
    list.push_back(json::object{{"line", unit.peer}, {"error", message}});
    if (!context.json) {
      print_error(context, code, {message, {{"line", unit.peer}}, next_step(attested.error()), {}});
    }
    context.exit_code = code;
    return;
  }
  const auto report = report_sign1(attested->token, std::time(nullptr));
  if (!report) stop(kExitUnreadable, "the device's token is malformed: " + report.error().reason);
  if (!arguments.out.empty()) {
    if (const auto written = write_output(arguments.out, attested->token); !written) {
      throw Stop{kExitUnreadable, written.error()};
    }
  }
  list.push_back(json::object{{"line", unit.peer},
                              {"device", attested->device},
                              {"nonce", to_hex(challenge)},
                              {"token", to_base64(attested->token)},
                              {"report", to_json(*report)}});
  if (!context.json && !context.quiet) show(context, unit.peer, *attested, *report, arguments);
}

void run_attest(Context& context, AttestArguments& arguments) {
  const Octets challenge = challenge_of(arguments);
  Lines lines;
  prepare(lines, context, arguments.lines);
  if (!arguments.out.empty() && lines.units.size() > 1) {
    stop(kExitUsage, "--out takes the token of one device, and more are named", "name one, or take --json");
  }
  if (arguments.nonce.empty() && !context.json) print_line("nonce " + to_hex(challenge));
  json::array list;
  for (const station::Unit& unit : lines.units) attest_unit(context, unit, challenge, arguments, list);
  if (context.json) print_json(json::object{{"nonce", to_hex(challenge)}, {"devices", std::move(list)}});
  if (lines.capture != nullptr && !lines.capture->finish())
    print_warning(context, "the capture is not complete");
}

}  // namespace

void add_attest_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<AttestArguments>();
  CLI::App* command = app.add_subcommand("attest", "Ask devices for attestation tokens");
  add_line_options(*command, arguments->lines);
  command
      ->add_option(
          "--nonce", arguments->nonce,
          "Challenge of 32, 48 or 64 octets, as hexadecimal (default: a random one, which is printed)")
      ->option_text("HEX");
  command->add_flag("--no-chain", arguments->no_chain,
                    "Without the certificate chain of the attestation key in the token");
  command->add_option("--out", arguments->out, "Write the token to this file")->option_text("FILE");
  command->callback([arguments, &context] { guarded(context, [&] { run_attest(context, *arguments); }); });
}

}  // namespace pedigree::cli
