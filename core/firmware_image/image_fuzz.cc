// SPDX-License-Identifier: Apache-2.0
// An image whose TLVs are walked: they lie one after another inside it, and protected ones before the others.
// Limits and statements that parse are written back: limits the same, statements octet by octet.
#include <cstdlib>
#include <vector>

#include "core/firmware_image/statement.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_image(Bytes data) {
  const image::MemorySource source(data);
  const auto layout = image::read_layout(source);
  if (!layout) return;
  require(layout->tlv_start >= image::kHeaderSize && layout->tlv_start <= layout->hashed_size);
  require(layout->hashed_size < layout->end && layout->end <= data.size());
  image::TlvReader reader(source, *layout);
  std::uint32_t last = layout->tlv_start;
  while (true) {
    const auto tlv = reader.next();
    if (!tlv) return require(tlv.error().offset < layout->end);
    if (!*tlv) return;
    require((*tlv)->offset >= last && (*tlv)->is_protected == ((*tlv)->offset < layout->hashed_size));
    last = (*tlv)->value_offset() + (*tlv)->size;
    require(last <= ((*tlv)->is_protected ? layout->hashed_size : layout->end));
  }
}

void check_limits(Bytes data) {
  const auto limits = image::parse_limits(data);
  if (!limits) return require(limits.error().offset <= data.size());
  const auto list = [](Bytes ids) {
    std::vector<image::Uuid> out;
    image::for_each_id(ids, [&](Bytes id) { std::copy(id.begin(), id.end(), out.emplace_back().begin()); });
    return out;
  };
  std::vector<std::uint8_t> copy(data.size());
  Writer out(copy);
  der::Builder builder(out);
  image::write_limits(list(limits->vendors), list(limits->classes), limits->minimum, limits->maximum,
                      builder);
  require(out.fits() && equal(out.written(), data));
}

void check_statement(Bytes data) {
  const auto statement = image::parse_statement(data);
  if (!statement) return require(statement.error().code == ErrorCode::lineage_refused);
  std::vector<std::uint8_t> copy(data.size());
  Writer out(copy);
  image::write_statement(*statement, out);
  require(out.fits() && equal(out.written(), data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_image(input);
  check_limits(input);
  check_statement(input);
  if (const auto read = image::read_statement(input)) require(read->signer.chain.count > 0);
  return 0;
}
