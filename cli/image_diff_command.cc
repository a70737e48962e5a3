// SPDX-License-Identifier: Apache-2.0
// `pedigree image diff`.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/image_diff.h"
#include "cli/image_files.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

/// One of the two images.
struct Side {
  std::unique_ptr<ImageFile> file;
  ImageView view;
  Sha256 code{};
};

std::expected<Side, Problem> read_side(const crypto::Crypto& crypto, const std::string& name) {
  auto file = ImageFile::open(name);
  if (!file) return std::unexpected(file.error());
  Side side{.file = *std::move(file), .view = {}, .code = {}};
  image::VerifyFault fault;
  if (!read_view(side.file->source(), side.view, fault)) {
    return std::unexpected(image_problem("read", name, fault, {}));
  }
  const auto code = code_digest(crypto, side.file->source(), side.view.layout);
  if (!code) {
    fault.error = code.error();
    return std::unexpected(image_problem("read", name, fault, {}));
  }
  side.code = *code;
  return side;
}

json::object terms_json(const std::vector<ImageTerm>& terms) {
  json::array changed, all;
  for (const ImageTerm& term : terms) {
    if (!term.same()) changed.emplace_back(term.what);
    json::object value{{"what", term.what},
                       {"same", term.same()},
                       {"trust", term.is_trust},
                       {"before", printable(term.before)},
                       {"after", printable(term.after)}};
    if (!term.remark.empty()) value["remark"] = term.remark;
    all.push_back(std::move(value));
  }
  return {{"same", changed.empty()},
          {"verdict", difference_sentence(terms)},
          {"changed", std::move(changed)},
          {"terms", std::move(all)}};
}

void print_text(const Context& context, const std::vector<ImageTerm>& terms) {
  print_line(difference_sentence(terms));
  if (context.quiet) return;
  const auto shown = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  Table table;
  for (const ImageTerm& term : terms) {
    if (term.before.empty() && term.after.empty()) continue;
    if (term.same()) {
      table.add({{term.what, Style::faint}, {"same", Style::faint}, {shown(term.before), Style::faint}});
      continue;
    }
    const Style style = term.is_trust ? Style::warning : Style::accent;
    table.add({{term.what, Style::strong}, {"before", style}, shown(term.before)});
    table.add({"", {"after", style}, shown(term.after)});
    if (!term.remark.empty()) table.add({"", "", {term.remark, Style::bad}});
  }
  print(table.draw(context));
}

void run_diff(Context& context, const std::string& before_name, const std::string& after_name) {
  const crypto::OpenSslCrypto crypto;
  const auto before = read_side(crypto, before_name);
  if (!before) return print_error(context, kExitUnreadable, before.error());
  const auto after = read_side(crypto, after_name);
  if (!after) return print_error(context, kExitUnreadable, after.error());
  const std::vector<ImageTerm> terms = compare(before->view, after->view, before->code, after->code);
  if (context.json) return print_json(terms_json(terms));
  print_text(context, terms);
}

}  // namespace

void add_image_diff(CLI::App& image, Context& context) {
  CLI::App* command = image.add_subcommand(
      "diff", "Say what changed between two images in terms of trust, or in the code alone");
  command->footer(
      "Nothing is verified: both images are taken at their word. Exit status 0, whatever differs; the list\n"
      "\"changed\" of --json is for programs.");
  const auto files = std::make_shared<std::pair<std::string, std::string>>();
  command->add_option("BEFORE", files->first, "An image")->required();
  command->add_option("AFTER", files->second, "Another one")->required();
  command->callback([files, &context] { run_diff(context, files->first, files->second); });
}

}  // namespace pedigree::cli
