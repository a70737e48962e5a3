// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/bundle_manifest.h"

#include "core/cbor/cbor.h"

namespace pedigree::verifier {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxElements = 4096;
constexpr std::size_t kMaxKeySize = 33;
// 2^40 seconds and 2^48 records: sizes stay far from the limits of their types.
constexpr std::uint64_t kMaxRecords = std::uint64_t{1} << 40U;

// Keys of the manifest; every one is there, in this order.
enum Key : std::uint64_t {
  kKeyVersion = 1,
  kKeyIssuedAt,
  kKeyExpiresAt,
  kKeyNumber,
  kKeyRoots,
  kKeyIntermediates,
  kKeyBlockSize,
  kKeySections,
  kKeyDevicesComplete,
  kKeyReferences,
};
// Keys of a section.
enum SectionKey : std::uint64_t {
  kSectionKind = 1,
  kSectionIssuer,
  kSectionKeySize,
  kSectionCount,
  kSectionDigests
};

Result<void> expect(Reader& in, std::uint64_t value, ErrorCode otherwise) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t given, cbor::read_uint(in));
  if (given != value) return fail(otherwise, offset);
  return {};
}
Result<void> key(Reader& in, std::uint64_t value) noexcept {
  return expect(in, value, ErrorCode::wrong_order);
}

Result<std::uint64_t> number(Reader& in, std::uint64_t limit) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t value, cbor::read_uint(in));
  if (value > limit) return fail(ErrorCode::bad_value, offset);
  return value;
}

Result<std::size_t> map_of(Reader& in, std::size_t pairs) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_map(in));
  if (count != pairs) return fail(ErrorCode::bad_value, offset);
  return count;
}

Result<std::size_t> list(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count > kMaxElements) return fail(ErrorCode::too_many, offset);
  return count;
}

Result<std::vector<Bytes>> certificates(Reader& in) {
  PEDIGREE_ASSIGN(const std::size_t count, list(in));
  std::vector<Bytes> read(count);
  for (Bytes& one : read) {
    PEDIGREE_ASSIGN(one, cbor::read_bstr(in));
  }
  return read;
}

Result<BundleSection> section(Reader& in) {
  BundleSection read;
  const std::uint32_t offset = in.offset();
  PEDIGREE_TRY(map_of(in, 5));
  PEDIGREE_TRY(key(in, kSectionKind));
  PEDIGREE_ASSIGN(const std::uint64_t kind, number(in, 2));
  if (kind == 0) return fail(ErrorCode::bad_value, offset);
  read.kind = static_cast<BundleSection::Kind>(kind);
  PEDIGREE_TRY(key(in, kSectionIssuer));
  PEDIGREE_ASSIGN(read.issuer, cbor::read_bstr(in));
  const bool has_issuer = read.kind == BundleSection::Kind::revoked;
  if (read.issuer.size() != (has_issuer ? sizeof(Sha256) : 0)) return fail(ErrorCode::bad_value, offset);
  PEDIGREE_TRY(key(in, kSectionKeySize));
  PEDIGREE_ASSIGN(read.key_size, number(in, kMaxKeySize));
  if (read.key_size == 0) return fail(ErrorCode::bad_value, offset);
  if (!has_issuer && read.key_size != kMaxKeySize) return fail(ErrorCode::bad_value, offset);
  PEDIGREE_TRY(key(in, kSectionCount));
  PEDIGREE_ASSIGN(read.count, number(in, kMaxRecords));
  PEDIGREE_TRY(key(in, kSectionDigests));
  PEDIGREE_ASSIGN(read.digests, cbor::read_bstr(in));
  const std::uint64_t per_block = read.records_per_block();
  const std::uint64_t blocks = (read.count + per_block - 1) / per_block;
  if (read.digests.size() != blocks * sizeof(Sha256)) return fail(ErrorCode::bad_value, offset);
  return read;
}

Result<BundleReference> reference(Reader& in) {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count != 2) return fail(ErrorCode::bad_value, offset);
  PEDIGREE_ASSIGN(const std::uint64_t kind, number(in, 2));
  if (kind == 0) return fail(ErrorCode::bad_value, offset);
  PEDIGREE_ASSIGN(const Bytes document, cbor::read_bstr(in));
  return BundleReference{static_cast<BundleReference::Kind>(kind), document};
}

Result<void> times(Reader& in, BundleManifest& out) {
  constexpr std::uint64_t kLastTime = static_cast<std::uint64_t>(der::kNoWellDefinedExpiration);
  PEDIGREE_TRY(key(in, kKeyIssuedAt));
  PEDIGREE_ASSIGN(const std::uint64_t issued, number(in, kLastTime));
  PEDIGREE_TRY(key(in, kKeyExpiresAt));
  PEDIGREE_ASSIGN(const std::uint64_t expires, number(in, kLastTime));
  PEDIGREE_TRY(key(in, kKeyNumber));
  PEDIGREE_ASSIGN(out.number, cbor::read_uint(in));
  out.issued_at = static_cast<der::UnixTime>(issued);
  out.expires_at = static_cast<der::UnixTime>(expires);
  return {};
}

Result<void> lists(Reader& in, BundleManifest& out) {
  PEDIGREE_TRY(key(in, kKeySections));
  PEDIGREE_ASSIGN(const std::size_t sections, list(in));
  for (std::size_t i = 0; i < sections; ++i) {
    PEDIGREE_ASSIGN(const BundleSection one, section(in));
    out.sections.push_back(one);
  }
  PEDIGREE_TRY(key(in, kKeyDevicesComplete));
  PEDIGREE_ASSIGN(out.devices_complete, cbor::read_bool(in));
  PEDIGREE_TRY(key(in, kKeyReferences));
  PEDIGREE_ASSIGN(const std::size_t references, list(in));
  for (std::size_t i = 0; i < references; ++i) {
    PEDIGREE_ASSIGN(const BundleReference one, reference(in));
    out.references.push_back(one);
  }
  return {};
}

}  // namespace

Result<BundleManifest> BundleManifest::parse(Bytes cbor) {
  Reader in(cbor);
  BundleManifest read;
  PEDIGREE_TRY(map_of(in, kKeyReferences));
  PEDIGREE_TRY(key(in, kKeyVersion));
  PEDIGREE_TRY(expect(in, kVersion, ErrorCode::unsupported_version));
  PEDIGREE_TRY(times(in, read));
  PEDIGREE_TRY(key(in, kKeyRoots));
  PEDIGREE_ASSIGN(read.roots, certificates(in));
  PEDIGREE_TRY(key(in, kKeyIntermediates));
  PEDIGREE_ASSIGN(read.intermediates, certificates(in));
  PEDIGREE_TRY(key(in, kKeyBlockSize));
  PEDIGREE_TRY(expect(in, kBundleBlockSize, ErrorCode::unsupported_version));
  PEDIGREE_TRY(lists(in, read));
  PEDIGREE_TRY(in.finish());
  return read;
}

void BundleManifest::write(Writer& out) const {
  cbor::Encoder encoder(out);
  const auto field = [&encoder](std::uint64_t key, std::uint64_t value) {
    encoder.uint(key);
    encoder.uint(value);
  };
  const auto octets = [&encoder](std::uint64_t key, const std::vector<Bytes>& values) {
    encoder.uint(key);
    encoder.array(values.size());
    for (const Bytes value : values) encoder.bstr(value);
  };
  encoder.map(kKeyReferences);
  field(kKeyVersion, kVersion);
  field(kKeyIssuedAt, static_cast<std::uint64_t>(issued_at));
  field(kKeyExpiresAt, static_cast<std::uint64_t>(expires_at));
  field(kKeyNumber, number);
  octets(kKeyRoots, roots);
  octets(kKeyIntermediates, intermediates);
  field(kKeyBlockSize, kBundleBlockSize);
  encoder.uint(kKeySections);
  encoder.array(sections.size());
  for (const BundleSection& one : sections) {
    encoder.map(kSectionDigests);
    field(kSectionKind, static_cast<std::uint64_t>(one.kind));
    encoder.uint(kSectionIssuer);
    encoder.bstr(one.issuer);
    field(kSectionKeySize, one.key_size);
    field(kSectionCount, one.count);
    encoder.uint(kSectionDigests);
    encoder.bstr(one.digests);
  }
  encoder.uint(kKeyDevicesComplete);
  encoder.boolean(devices_complete);
  encoder.uint(kKeyReferences);
  encoder.array(references.size());
  for (const BundleReference& one : references) {
    encoder.array(2);
    encoder.uint(static_cast<std::uint64_t>(one.kind));
    encoder.bstr(one.document);
  }
}

}  // namespace pedigree::verifier
