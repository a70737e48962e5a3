// SPDX-License-Identifier: Apache-2.0
// `pedigree image tree`.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/image_files.h"
#include "cli/image_tree.h"
#include "cli/image_values.h"
#include "cli/image_verify.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

struct TreeArguments {
  std::string file;
  ImageTrustOptions trust;
};

/// Draws the tree, and says whether the image is trusted where that was asked.
void show(Context& context, const ImageTrust& trust, const ImageView& view, const image::Source& source) {
  const crypto::OpenSslCrypto crypto;
  std::optional<ImageAnswer> answer;
  ImageQuestion question;
  question.trust = trust.view();
  if (!trust.empty()) answer = verify_image_file(crypto, source, question);
  const bool trusted = answer && answer->trusted;
  const TreeContext drawn{view, trust.empty() ? std::nullopt : std::optional(trust.view()), trusted};
  if (answer && !trusted) context.exit_code = kExitNotTrusted;
  if (context.json) return print_json(image_tree_json(drawn));
  print(draw_tree(context, image_tree(drawn)));
  if (context.quiet) return;
  if (!answer) return print_line("  not verified: no root was given (--root FILE)");
  if (trusted) return print_line("  " + styled(context, Style::good, "trusted"));
  print_line("  " + styled(context, Style::bad, "not trusted") + ": " + printable(answer->sentence));
}

void run_tree(Context& context, const TreeArguments& arguments) {
  const auto trust = ImageTrust::make(arguments.trust);
  if (!trust) return print_error(context, trust.error().exit_code, trust.error().problem);
  const auto file = ImageFile::open(arguments.file);
  if (!file) return print_error(context, kExitUnreadable, file.error());
  ImageView view;
  image::VerifyFault fault;
  if (!read_view((*file)->source(), view, fault)) {
    return print_error(context, kExitUnreadable, image_problem("read", arguments.file, fault, {}));
  }
  show(context, **trust, view, (*file)->source());
}

}  // namespace

void add_image_tree(CLI::App& image, Context& context) {
  CLI::App* command =
      image.add_subcommand("tree", "Draw where an image comes from: root, OEM, signer, and its parents");
  command->footer(
      "With --root everything drawn is verified, each parent's statement too; without, it is what the image\n"
      "says of itself. Exit status 3 means that the image is not to be trusted under that root.");
  const auto arguments = std::make_shared<TreeArguments>();
  command
      ->add_option("FILE", arguments->file, "The image: binary, or Intel HEX by its ending .hex; - is stdin")
      ->required();
  add_image_trust_options(*command, arguments->trust);
  command->callback([arguments, &context] { run_tree(context, *arguments); });
}

}  // namespace pedigree::cli
