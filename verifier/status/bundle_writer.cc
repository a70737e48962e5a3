// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/bundle_writer.h"

#include <algorithm>
#include <tuple>

namespace pedigree::verifier {
namespace {

using Octets = std::vector<std::uint8_t>;

void append_tail(Octets& out, der::UnixTime since, std::uint8_t code) {
  // 40 bits hold every time until the year 36812.
  const auto seconds =
      static_cast<std::uint64_t>(std::clamp<der::UnixTime>(since, 0, der::kNoWellDefinedExpiration));
  for (unsigned shift = 40; shift > 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(seconds >> (shift - 8)));
  out.push_back(code);
}

/// Sections with their records and digests, in the order of the file.
struct Records {
  const crypto::Crypto& crypto;
  Octets data;
  std::vector<BundleSection> sections;
  std::vector<Octets> digests;  // owns what the sections borrow

  Result<void> close(BundleSection section, std::size_t begin) {
    const Bytes records = Bytes(data).subspan(begin);
    section.count = records.size() / section.record_size();
    const std::size_t block = section.records_per_block() * section.record_size();
    Octets all;
    for (std::size_t at = 0; at < records.size(); at += block) {
      PEDIGREE_ASSIGN(const Sha256 digest,
                      crypto.sha256(records.subspan(at, std::min(block, records.size() - at))));
      all.insert(all.end(), digest.begin(), digest.end());
    }
    digests.push_back(std::move(all));
    section.digests = digests.back();  // moving a vector keeps its octets where they are
    sections.push_back(section);
    return {};
  }

  Result<void> add(RevokedList& list) {
    std::ranges::sort(list.records, [](const RevokedRecord& a, const RevokedRecord& b) {
      return std::tie(a.serial, a.since) < std::tie(b.serial, b.since);
    });
    const auto doubled = std::ranges::unique(list.records, {}, &RevokedRecord::serial);
    list.records.erase(doubled.begin(), doubled.end());
    BundleSection section;
    section.issuer = list.issuer;
    section.key_size = 1;
    for (const RevokedRecord& one : list.records) {
      const auto first = std::ranges::find_if(one.serial, [](std::uint8_t octet) { return octet != 0; });
      section.key_size = std::max(section.key_size, static_cast<std::size_t>(one.serial.end() - first));
    }
    const std::size_t begin = data.size();
    data.reserve(begin + list.records.size() * section.record_size());
    for (const RevokedRecord& one : list.records) {
      data.insert(data.end(), one.serial.end() - static_cast<std::ptrdiff_t>(section.key_size),
                  one.serial.end());
      append_tail(data, one.since, one.reason);
    }
    return close(section, begin);
  }

  Result<void> add(std::vector<DeviceRecord>& devices) {
    std::ranges::sort(devices, [](const DeviceRecord& a, const DeviceRecord& b) {
      return std::tie(a.id, a.since) < std::tie(b.id, b.since);
    });
    const auto doubled = std::ranges::unique(devices, {}, &DeviceRecord::id);
    devices.erase(doubled.begin(), doubled.end());
    BundleSection section;
    section.kind = BundleSection::Kind::devices;
    section.key_size = DeviceRecord().id.size();
    const std::size_t begin = data.size();
    data.reserve(begin + devices.size() * section.record_size());
    for (const DeviceRecord& one : devices) {
      data.insert(data.end(), one.id.begin(), one.id.end());
      append_tail(data, one.since, one.state);
    }
    return close(section, begin);
  }
};

}  // namespace

RevokedRecord RevokedRecord::of(Bytes serial, der::UnixTime since, std::uint8_t reason) noexcept {
  RevokedRecord record{{}, since, reason};
  if (serial.size() > kMaxSerialSize) serial = serial.last(kMaxSerialSize);
  std::ranges::copy(serial, record.serial.end() - static_cast<std::ptrdiff_t>(serial.size()));
  return record;
}

Result<Octets> make_bundle(const crypto::Crypto& crypto, BundleContents contents, const SignManifest& sign) {
  Records records{crypto, {}, {}, {}};
  for (RevokedList& list : contents.revoked) PEDIGREE_TRY(records.add(list));
  PEDIGREE_TRY(records.add(contents.devices));
  const BundleManifest manifest{.issued_at = contents.issued_at,
                                .expires_at = contents.expires_at,
                                .number = contents.number,
                                .roots = std::move(contents.roots),
                                .intermediates = std::move(contents.intermediates),
                                .sections = records.sections,
                                .devices_complete = contents.devices_complete,
                                .references = std::move(contents.references)};
  Writer sizer;
  manifest.write(sizer);
  Octets cbor(sizer.size());
  Writer writer(cbor);
  manifest.write(writer);
  PEDIGREE_ASSIGN(const Octets message, sign(cbor));
  if (message.size() > kMaxBundleManifest) return fail(ErrorCode::too_long);

  Octets file(kBundleMagic.begin(), kBundleMagic.end());
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    file.push_back(static_cast<std::uint8_t>(message.size() >> (shift - 8)));
  }
  file.reserve(file.size() + message.size() + records.data.size());
  file.insert(file.end(), message.begin(), message.end());
  file.insert(file.end(), records.data.begin(), records.data.end());
  return file;
}

}  // namespace pedigree::verifier
