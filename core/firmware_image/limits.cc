// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/limits.h"

#include "core/der/cursor.h"

namespace pedigree::image {
namespace {

constexpr std::size_t kVersionSize = 8;

/// A list of ids, where it is there.
Bytes read_ids(der::Cursor& in, der::Tag tag) noexcept {
  if (!in.next_is(tag)) return {};
  const std::uint8_t* const start = in.at();
  const der::Inside list(in, tag);
  const Bytes ids = in.content();
  in.require(in.more(), ErrorCode::bad_extension, start);
  while (in.more()) {
    in.read(der::kOctetString);
    in.require(in.content().size() == sizeof(Uuid), ErrorCode::bad_extension, in.start());
  }
  return ids;
}

std::optional<Version> read_version(der::Cursor& in, der::Tag tag) noexcept {
  if (!in.skip_if(tag)) return std::nullopt;
  const Bytes octets = in.content();
  in.require(octets.size() == kVersionSize, ErrorCode::bad_extension, in.start());
  if (!in.ok()) return std::nullopt;
  Reader reader(octets);
  return Version{
      static_cast<std::uint8_t>(*reader.big_endian(1)), static_cast<std::uint8_t>(*reader.big_endian(1)),
      static_cast<std::uint16_t>(*reader.big_endian(2)), static_cast<std::uint32_t>(*reader.big_endian(4))};
}

void write_ids(std::span<const Uuid> ids, der::Tag tag, der::Builder& out) noexcept {
  if (ids.empty()) return;
  const std::size_t list = out.open(tag);
  for (const Uuid& id : ids) out.element(der::kOctetString, id);
  out.close(list);
}

void write_version(std::optional<Version> version, der::Tag tag, der::Builder& out) noexcept {
  if (!version) return;
  std::array<std::uint8_t, kVersionSize> octets{};
  Writer writer(octets);
  writer.u8(version->major);
  writer.u8(version->minor);
  writer.big_endian(version->revision, 2);
  writer.big_endian(version->build, 4);
  out.element(tag, octets);
}

/// Whether a list allows an id.
bool allows(Bytes list, const std::optional<Uuid>& id) noexcept {
  bool found = list.empty();
  for_each_id(list, [&](Bytes allowed) { found = found || (id && equal(allowed, *id)); });
  return found;
}

}  // namespace

Result<Limits> parse_limits(Bytes value, std::uint32_t base) noexcept {
  Reader in(value, base);
  PEDIGREE_ASSIGN(const Limits limits, der::read_with_cursor(in, [](der::Cursor& fields) {
                    Limits read;
                    {
                      const der::Inside sequence(fields, der::kSequence);
                      read.vendors = read_ids(fields, der::context_constructed(0));
                      read.classes = read_ids(fields, der::context_constructed(1));
                      read.minimum = read_version(fields, der::context(2));
                      read.maximum = read_version(fields, der::context(3));
                    }
                    fields.finish();
                    return read;
                  }));
  return limits;
}

void write_limits(std::span<const Uuid> vendors, std::span<const Uuid> classes,
                  std::optional<Version> minimum, std::optional<Version> maximum,
                  der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  write_ids(vendors, der::context_constructed(0), out);
  write_ids(classes, der::context_constructed(1), out);
  write_version(minimum, der::context(2), out);
  write_version(maximum, der::context(3), out);
  out.close(sequence);
}

Result<std::optional<Limits>> find_limits(const x509::Certificate& certificate) noexcept {
  std::optional<x509::Extension> found;
  PEDIGREE_TRY(
      x509::for_each_extension(certificate.extensions_content(), [&](const x509::Extension& extension) {
        if (equal(extension.oid, kFirmwareLimitsOid)) found = extension;
      }));
  if (!found) return std::nullopt;
  PEDIGREE_ASSIGN(const Limits limits, parse_limits(found->value, found->value_offset));
  return limits;
}

Result<void> check_limits(const Limits& limits, const Product& product) noexcept {
  if (!allows(limits.vendors, product.vendor) || !allows(limits.classes, product.class_id)) {
    return fail(ErrorCode::product_refused);
  }
  if ((limits.minimum && product.version < *limits.minimum) ||
      (limits.maximum && product.version > *limits.maximum)) {
    return fail(ErrorCode::version_refused);
  }
  return {};
}

}  // namespace pedigree::image
