// SPDX-License-Identifier: Apache-2.0
// The good part of a journal reads alike on its own, and every entry survives being written again.
#include <cstdlib>

#include "station/flow/journal.h"

using namespace pedigree::station;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto content = parse_journal(text);
  if (!content) return 0;
  require(content->good <= size);
  const auto prefix = parse_journal(text.substr(0, content->good));
  require(prefix && prefix->good == content->good && prefix->entries == content->entries);
  std::string again;
  for (const auto& entry : content->entries) again += journal_line(entry);
  const auto written = parse_journal(again);
  require(written && written->good == again.size() && written->entries == content->entries);
  return 0;
}
