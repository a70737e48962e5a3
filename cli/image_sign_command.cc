// SPDX-License-Identifier: Apache-2.0
// `pedigree image sign`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/describe.h"
#include "cli/image_files.h"
#include "cli/image_sign_options.h"
#include "cli/image_values.h"
#include "cli/private_key.h"
#include "crypto/openssl/openssl_crypto.h"
#include "signing/intel_hex.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using Done = std::expected<void, ImageFailure>;

std::unexpected<ImageFailure> unreadable(Problem problem) {
  return std::unexpected(ImageFailure{kExitUnreadable, std::move(problem)});
}

std::unexpected<ImageFailure> not_signed(int exit_code, std::string why, std::string next = {}) {
  return std::unexpected(ImageFailure{exit_code,
                                      {.summary = "cannot sign: " + std::move(why),
                                       .details = {},
                                       .next = std::move(next),
                                       .note = "nothing was written"}});
}

/// What signing one image needs and makes.
struct Work {
  const SignArguments& arguments;
  SignWish wish;
  crypto::OpenSslCrypto crypto{};
  std::unique_ptr<ImageTrust> trust{};
  signing::SignedImage made{};
  std::uint32_t file_size = 0;
};

Done read_chain(Work& work) {
  for (const std::string& file : work.arguments.chain) {
    auto found = read_certificates(file);
    if (!found) return unreadable(found.error());
    std::move(found->begin(), found->end(), std::back_inserter(work.wish.options.chain));
  }
  return {};
}

/// Where roots are given, they must be ones that accept this signer for this product.
Done check_chain(const Work& work) {
  const auto& chain = work.wish.options.chain;
  if (work.trust->empty() || chain.empty()) return {};
  if (chain.size() > cose::kMaxX5Chain) return not_signed(kExitUsage, "the chain is too long");
  cose::X5Chain view;
  for (const Octets& der : chain) view.certificates[view.count++] = der;
  const signing::SignOptions& options = work.wish.options;
  image::VerifyFault fault;
  const auto signer = image::trust_signer(work.crypto, view, work.trust->view(),
                                          {options.version, options.vendor, options.class_id}, fault.path);
  if (signer) return {};
  fault.error = signer.error();
  Problem problem = image_problem("sign for", work.arguments.input, fault, view.view());
  problem.details.erase(problem.details.begin());  // there is no image yet that an offset could be in
  problem.next = "look at the chain: pedigree verify chain " + work.arguments.chain.front() + " --root FILE";
  problem.note = "nothing was written";
  return std::unexpected(ImageFailure{kExitNotTrusted, std::move(problem)});
}

Done read_parents(Work& work) {
  for (const std::string& file : work.arguments.parents) {
    const auto opened = ImageFile::open(file);
    if (!opened) return unreadable(opened.error());
    image::VerifyFault fault;
    auto parent = signing::take_parent(work.crypto, (*opened)->source(), work.trust->view(), fault);
    if (!parent) {
      Problem problem = image_problem("take the lineage of", file, fault, {});
      problem.note = "nothing was written";
      return std::unexpected(ImageFailure{kExitNotTrusted, std::move(problem)});
    }
    work.wish.options.parents.push_back(*std::move(parent));
  }
  return {};
}

/// Why signing failed, in the command line's terms.
std::unexpected<ImageFailure> explain(const Work& work, const Error& error) {
  const std::string reason(sentence(error.code));
  switch (error.code) {
    case ErrorCode::bad_value:
      return not_signed(kExitUsage, "the input does not begin with zeros in the header's place",
                        "add --pad-header where it has no place for a header");
    case ErrorCode::wrong_key_type:
      return not_signed(kExitUsage, "--pure and --sha 512 are for Ed25519 keys");
    case ErrorCode::unsupported_algorithm:
      return not_signed(kExitUsage, "MCUboot has no signatures by such a key",
                        "use P-256, P-384, Ed25519, RSA-2048 or RSA-3072");
    case ErrorCode::key_mismatch:
      return not_signed(
          kExitUsage, "the first certificate of --chain is not for this key",
          "give the signer's own certificate first: pedigree inspect " + work.arguments.chain[0]);
    case ErrorCode::too_long:
      return not_signed(kExitUsage,
                        "chain, lineage and other TLVs are longer than the 65,535 octets of an area");
    case ErrorCode::too_many:
      return not_signed(kExitUsage, "there are too many parents (16), or certificates in the chain (8)");
    case ErrorCode::product_refused:
    case ErrorCode::version_refused:
      return not_signed(kExitNotTrusted, reason,
                        "what it allows: pedigree inspect " + work.arguments.chain[0]);
    case ErrorCode::io_failure:
      return not_signed(kExitUnreadable, "reading the input or writing " + work.arguments.output + " failed");
    default:
      return not_signed(kExitUnreadable, reason);
  }
}

/// Erased octets and what of a trailer is not erased, up to the end of the slot.
Done pad_slot(const signing::SlotOptions& slot, std::uint32_t at, signing::Sink& out) {
  const auto fill = [&](std::uint32_t until) -> Result<void> {
    const Octets block(std::min<std::uint32_t>(until - at, 1U << 16U), slot.erased_value);
    while (at < until) {
      const Bytes piece = Bytes(block).first(std::min<std::size_t>(block.size(), until - at));
      PEDIGREE_TRY(out.write(piece));
      at += static_cast<std::uint32_t>(piece.size());
    }
    return {};
  };
  for (const signing::SlotPart& part : signing::trailer_parts(slot)) {
    if (!fill(part.offset) || !out.write(part.octets)) return not_signed(kExitUnreadable, "writing failed");
    at = part.offset + static_cast<std::uint32_t>(part.octets.size());
  }
  return {};
}

Done check_slot(const Work& work) {
  if (!work.wish.slot) return {};
  if (const auto fits = signing::check_slot(*work.wish.slot, work.made.size); !fits) {
    return not_signed(
        kExitUsage, fmt::format("the image has {} octets; beside its trailer of {} the slot has room for {}",
                                work.made.size, signing::trailer_size(*work.wish.slot), fits.error().offset));
  }
  return {};
}

Done sign_to(Work& work, const crypto::OpenSslKey& key, const image::Source& input, signing::Sink& out) {
  const auto made = signing::sign_image(work.crypto, key.view(), work.wish.options, input, out);
  if (!made) return explain(work, made.error());
  work.made = *made;
  work.file_size = made->size;
  return check_slot(work);
}

Done write_binary(Work& work, const crypto::OpenSslKey& key, const image::Source& input) {
  const auto out = OutputFile::create(work.arguments.output);
  if (!out) return unreadable(out.error());
  if (auto done = sign_to(work, key, input, **out); !done) return done;
  if (work.wish.pad) {
    if (auto done = pad_slot(*work.wish.slot, work.made.size, **out); !done) return done;
    work.file_size = work.wish.slot->size;
  }
  if (const auto written = (*out)->commit(); !written) return unreadable(written.error());
  return {};
}

/// The image at its address, and of a filled slot only what is not erased.
Done write_hex(Work& work, const crypto::OpenSslKey& key, const ImageFile& input) {
  std::optional<std::uint32_t> address = work.wish.hex_address;
  if (!address && input.address()) {
    const std::uint32_t before = work.wish.options.pad_header ? work.wish.options.header_size : 0;
    if (*input.address() < before)
      return not_signed(kExitUsage, "there is no room for the header before address 0");
    address = *input.address() - before;
  }
  if (!address) {
    return not_signed(kExitUsage, "the input tells no address for Intel HEX", "say it: --hex-addr ADDRESS");
  }
  MemoryFile image;
  if (auto done = sign_to(work, key, input.source(), image); !done) return done;
  const std::uint64_t size = work.wish.pad ? work.wish.slot->size : image.octets().size();
  if (*address + size > std::uint64_t{1} << 32U) {
    return not_signed(kExitUsage, "the image ends beyond 32-bit addresses");
  }
  std::string text;
  signing::append_intel_hex(*address, image.octets(), text);
  if (work.wish.pad) {
    for (const auto& part : signing::trailer_parts(*work.wish.slot)) {
      signing::append_intel_hex(*address + part.offset, part.octets, text);
    }
  }
  signing::append_intel_hex_end(text);
  if (const auto written = write_output(work.arguments.output, as_bytes(text)); !written) {
    return unreadable(written.error());
  }
  return {};
}

void show(const Context& context, const Work& work, const crypto::OpenSslKey& key) {
  if (work.arguments.output == "-") return;  // the image itself is there
  const signing::SignOptions& options = work.wish.options;
  const auto signer = options.chain.empty() ? Result<x509::Certificate>(fail(ErrorCode::empty_chain))
                                            : x509::Certificate::parse(options.chain.front());
  const std::string title = signer ? title_of(*signer) : std::string();
  if (context.json) {
    return print_json(
        json::object{{"file", work.arguments.output},
                     {"version", version_text(options.version)},
                     {"digest", to_hex(work.made.digest)},
                     {"size", work.made.size},
                     {"key", crypto::name(key.type())},
                     {"signer", signer ? json::value(printable(title)) : json::value()},
                     {"name", options.chain.empty() ? json::value() : json::value(printable(options.name))},
                     {"parents", options.parents.size()},
                     {"security_counter",
                      options.security_counter ? json::value(*options.security_counter) : json::value()}});
  }
  if (context.quiet) return;
  print_line("signed " + styled(context, Style::strong, printable(work.arguments.output)));
  Table table;
  if (!options.chain.empty()) table.add({"name", options.name});
  table.add({"version", version_text(options.version)});
  table.add({"digest", to_hex(work.made.digest)});
  table.add({"size", fmt::format("{} octets", work.made.size)});
  table.add({"signer", fmt::format("{}{}", title.empty() ? "" : title + ", ", crypto::name(key.type()))});
  if (!options.parents.empty()) table.add({"parents", std::to_string(options.parents.size())});
  print(table.draw(context));
}

Done sign(Work& work, Context& context) {
  auto trust = ImageTrust::make(work.arguments.trust);
  if (!trust) return std::unexpected(trust.error());
  work.trust = *std::move(trust);
  for (const auto step : {read_chain, read_parents}) {
    if (auto done = step(work); !done) return done;
  }
  if (auto done = check_chain(work); !done) return done;
  const auto input = ImageFile::open(work.arguments.input, work.wish.options.erased_value);
  if (!input) return unreadable(input.error());
  const auto key = open_private_key(work.arguments.key, work.arguments.passphrase_file);
  if (!key) return unreadable(key.error());
  const bool hex = is_hex_file(work.arguments.output);
  auto done = hex ? write_hex(work, *key, **input) : write_binary(work, *key, (*input)->source());
  if (done) show(context, work, *key);
  return done;
}

void run_sign(Context& context, const SignArguments& arguments) {
  auto wish = understand(arguments);
  if (!wish) return print_error(context, kExitUsage, wish.error());
  Work work{.arguments = arguments, .wish = *std::move(wish)};
  if (const auto done = sign(work, context); !done) {
    print_error(context, done.error().exit_code, done.error().problem);
  }
}

}  // namespace

void add_image_sign(CLI::App& image, Context& context) {
  CLI::App* command = image.add_subcommand("sign", "Make a signed image of code, with chain and lineage");
  command->footer(
      "Options that imgtool has are spelt as there. With --chain the image says who signed it, up to the "
      "OEM's\n"
      "intermediate (give the root too where devices know it by its hash alone); with --parent it says what\n"
      "it was built from. With --root the signer must be one that this root accepts for this image.");
  const auto arguments = std::make_shared<SignArguments>();
  add_sign_options(*command, *arguments);
  command->callback([arguments, &context] { run_sign(context, *arguments); });
}

}  // namespace pedigree::cli
