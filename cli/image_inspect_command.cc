// SPDX-License-Identifier: Apache-2.0
// `pedigree image inspect`.

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/describe.h"
#include "cli/image_files.h"
#include "cli/inspect_image.h"

namespace pedigree::cli {
namespace {

void run_inspect(Context& context, const std::string& file) {
  const der::UnixTime now = unix_now();
  const auto opened = ImageFile::open(file);
  if (!opened) return print_error(context, kExitUnreadable, opened.error());
  ImageView view;
  image::VerifyFault fault;
  const auto read = read_view((*opened)->source(), view, fault);
  // Of an image that is spoilt what comes before the fault is worth seeing.
  const bool has_layout = view.layout.end != 0;
  if (!context.json && has_layout) print(to_text(context, image_report(view, now)));
  if (!read) return print_error(context, kExitUnreadable, image_problem("read", file, fault, {}));
  if (!context.json) return;
  boost::json::object result{{"file", printable(file)}};
  const boost::json::value facts = to_json(image_report(view, now));
  for (const auto& member : facts.as_object()) result[member.key()] = member.value();
  print_json(result);
}

}  // namespace

void add_image_inspect(CLI::App& image, Context& context) {
  CLI::App* command =
      image.add_subcommand("inspect", "Show the header and every TLV of an image, unverified");
  command->footer("Of an image that is malformed what comes before the fault is shown; exit status 7.");
  const auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "The image: binary, or Intel HEX by its ending .hex; - is stdin")
      ->required();
  command->callback([file, &context] { run_inspect(context, *file); });
}

}  // namespace pedigree::cli
