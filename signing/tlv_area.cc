// SPDX-License-Identifier: Apache-2.0
#include "signing/tlv_area.h"

#include <fmt/format.h>

#include <set>

namespace pedigree::signing {
namespace {

using image::TlvType;

// PSA software component (Arm's attestation API 1.0), as boot loaders of TF-M read it: the measurement comes
// last, because the boot loader puts it there.
constexpr std::uint64_t kMeasurementType = 1;
constexpr std::uint64_t kMeasurementValue = 2;
constexpr std::uint64_t kVersion = 4;
constexpr std::uint64_t kSignerId = 5;
constexpr std::uint64_t kMeasurementDescription = 6;

Octets boot_record(const SignOptions& options, crypto::Hash hash, Bytes key_digest) {
  Octets buffer(256);
  Writer out(buffer);
  cbor::Encoder encoder(out);
  const Octets measurement(crypto::digest_size(hash));
  encoder.map(5);
  encoder.uint(kMeasurementType);
  encoder.tstr(options.boot_record);
  encoder.uint(kVersion);
  encoder.tstr(
      fmt::format("{}.{}.{}", options.version.major, options.version.minor, options.version.revision));
  encoder.uint(kSignerId);
  encoder.bstr(key_digest);
  encoder.uint(kMeasurementDescription);
  encoder.tstr(image::name(image::hash_tlv(hash)));
  encoder.uint(kMeasurementValue);
  encoder.bstr(measurement);
  buffer.resize(out.size());
  return buffer;
}

Octets dependency(const Dependency& needed) {
  Octets value;
  append_little_endian(value, needed.index, 4);
  append_version(value, needed.minimum);
  return value;
}

Octets encode_chain(const std::vector<Octets>& chain) {
  const std::vector<Bytes> views(chain.begin(), chain.end());
  Writer sizer;
  cbor::Encoder size_encoder(sizer);
  cose::write_chain(views, size_encoder);
  Octets value(sizer.size());
  Writer out(value);
  cbor::Encoder encoder(out);
  cose::write_chain(views, encoder);
  return value;
}

/// Each statement once, however many parents carry it.
void add_lineage(const std::vector<Parent>& parents, TlvArea& area) {
  std::set<Octets> seen;
  const auto add = [&](const Octets& statement) {
    if (seen.insert(statement).second) area.add(TlvType::lineage, statement);
  };
  for (const Parent& parent : parents) add(parent.statement);
  for (const Parent& parent : parents) {
    for (const Octets& statement : parent.lineage) add(statement);
  }
}

}  // namespace

void append_little_endian(Octets& out, std::uint32_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8U * i)));
}

void append_version(Octets& out, const image::Version& version) {
  out.push_back(version.major);
  out.push_back(version.minor);
  append_little_endian(out, version.revision, 2);
  append_little_endian(out, version.build, 4);
}

void append_head(Octets& out, std::uint16_t first, std::size_t second) {
  append_little_endian(out, first, 2);
  append_little_endian(out, static_cast<std::uint32_t>(second), 2);
}

void TlvArea::add(TlvType type, Bytes value) {
  append_head(tlvs_, static_cast<std::uint16_t>(type), value.size());
  tlvs_.insert(tlvs_.end(), value.begin(), value.end());
}

Octets TlvArea::octets(std::size_t total) const {
  Octets out;
  append_head(out, magic_, total);
  out.insert(out.end(), tlvs_.begin(), tlvs_.end());
  return out;
}

TlvArea protected_area(const SignOptions& options, crypto::Hash hash, Bytes key_digest) {
  TlvArea area(image::kProtectedInfoMagic);
  if (options.security_counter) {
    Octets value;
    append_little_endian(value, *options.security_counter, 4);
    area.add(TlvType::security_counter, value);
  }
  if (!options.boot_record.empty()) {
    area.add(TlvType::boot_record, boot_record(options, hash, key_digest));
  }
  for (const Dependency& needed : options.dependencies) area.add(TlvType::dependency, dependency(needed));
  if (options.vendor) area.add(TlvType::vendor_id, *options.vendor);
  if (options.class_id) area.add(TlvType::class_id, *options.class_id);
  for (const CustomTlv& tlv : options.custom) area.add(static_cast<TlvType>(tlv.type), tlv.value);
  if (!options.chain.empty()) area.add(TlvType::chain, encode_chain(options.chain));
  add_lineage(options.parents, area);
  return area;
}

}  // namespace pedigree::signing
