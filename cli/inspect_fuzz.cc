// SPDX-License-Identifier: Apache-2.0
// Any file: either a report whose JSON reads back and whose text holds no control character, or a reason.
#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "cli/inspect.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  const auto report = cli::inspect(Bytes(data, size), 1795500000);
  if (!report) {
    if (report.error().reason.empty()) std::abort();
    return 0;
  }
  const std::string text = boost::json::serialize(cli::to_json(*report));
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::system::error_code error;
  boost::json::parse(text, error, {}, options);
  if (error) std::abort();
  const cli::Context context{};
  for (const char c : cli::to_text(context, *report)) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') std::abort();
  }
  return 0;
}
