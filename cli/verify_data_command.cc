// SPDX-License-Identifier: Apache-2.0
// `pedigree verify data`: signed packets, one by one or as a stream.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>

#include "cli/verify_appraisal.h"
#include "verifier/packet_stream.h"
#include "verifier/report.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kDefaultLimit = 65536;

struct DataOptions {
  TrustOptions trust;
  std::vector<std::string> files;
  bool stream = false;
  std::size_t limit = kDefaultLimit;
};

/// Counts what it prints; the worst decides the exit status.
class Results {
 public:
  Results(Context& context, const VerifierSetup& setup, bool strict)
      : context_(context), setup_(setup), strict_(strict) {}

  void take(Bytes packet, std::uint64_t offset, const std::string& source) {
    const verifier::Appraisal appraisal =
        setup_.verifier().verify_data({.message = packet, .chain = setup_.chain()}, setup_.time());
    ++count_;
    const ExitCode exit_code = exit_code_of(appraisal.verdict, strict_);
    if (exit_code != kExitOk) context_.exit_code = exit_code;
    if (context_.json) {
      json::object out{{"packet", count_}, {"offset", offset}};
      if (!source.empty()) out["file"] = source;
      for (auto& [key, value] : verifier::to_json(appraisal)) out[key] = std::move(value);
      print_line(json::serialize(out));
    } else if (!context_.quiet || exit_code != kExitOk) {
      print_line(fmt::format("{}  {}", source.empty() ? std::to_string(count_) : printable(source),
                             appraisal_line(context_, appraisal)));
    }
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  Context& context_;
  const VerifierSetup& setup_;
  bool strict_;
  std::uint64_t count_ = 0;
};

Result<std::size_t> read_stdin(MutableBytes out) {
  while (true) {
    const ssize_t got = read(STDIN_FILENO, out.data(), out.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return fail(ErrorCode::io_failure);
  }
}

/// The stream cannot go on: where the next packet begins is not known. One line, as for a packet.
void print_end(Context& context, const Error& error, std::uint64_t packets, std::uint64_t offset) {
  if (context.json) {
    print_line(json::serialize(json::object{{"packet", packets + 1},
                                            {"offset", offset},
                                            {"error", json::object{{"code", name(error.code)},
                                                                   {"summary", sentence(error.code)},
                                                                   {"where", error.offset}}}}));
    context.exit_code = kExitUnreadable;
    return;
  }
  print_error(context, kExitUnreadable,
              {.summary = fmt::format("packet {} cannot be read: {}", packets + 1, sentence(error.code)),
               .details = {{"offset", std::to_string(error.offset)}},
               .next = "a stream is COSE_Sign1 messages one after another (a CBOR sequence)",
               .note = fmt::format("{} packet{} before it {} verified", packets, packets == 1 ? "" : "s",
                                   packets == 1 ? "was" : "were")});
}

void verify_stream(const DataOptions& options, Context& context, Results& results) {
  verifier::PacketStream stream(read_stdin, options.limit);
  while (true) {
    const auto packet = stream.next();
    if (!packet) return print_end(context, packet.error(), results.count(), stream.offset());
    if (!*packet) return;
    results.take(**packet, stream.offset(), {});
  }
}

void verify_data(const DataOptions& options, Context& context) {
  if (options.stream == !options.files.empty())
    return print_error(context, kExitUsage,
                       {.summary = "give either FILEs or --stream",
                        .details = {},
                        .next = "pedigree verify data --help",
                        .note = {}});
  const auto setup = VerifierSetup::make(options.trust, std::nullopt);
  if (!setup) return print_error(context, setup.error().exit_code, setup.error().problem);
  Results results(context, **setup, options.trust.strict);
  if (options.stream) return verify_stream(options, context, results);
  for (const std::string& file : options.files) {
    const auto packet = read_input(file, options.limit);
    if (!packet) return print_error(context, kExitUnreadable, packet.error());
    results.take(*packet, 0, file);
  }
}

}  // namespace

void add_verify_data_command(CLI::App& verify_app, Context& context) {
  CLI::App* command = verify_app.add_subcommand(
      "data", "Verify data that devices signed (COSE_Sign1), singly or as a stream");
  command->footer(
      "One line for each packet; with --json one JSON object a line. Exit status 0 means that all were\n"
      "trusted, 3 that one was not, 7 that the stream could not be read to its end.");
  const auto options = std::make_shared<DataOptions>();
  command->add_option("FILE", options->files, "Signed packets, one in each file; - is stdin");
  command->add_flag("--stream", options->stream, "Read packets from stdin until it ends (a CBOR sequence)");
  command->add_option("--limit", options->limit, "Octets of the largest packet (default 65536)")
      ->check(CLI::Range(std::size_t{1}, verifier::kMaxEvidence))
      ->option_text("BYTES");
  add_trust_options(*command, options->trust);
  command->callback([options, &context] { verify_data(*options, context); });
}

}  // namespace pedigree::cli
