// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/bundle_records.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pedigree::verifier {
namespace {

using Block = std::array<std::uint8_t, kBundleBlockSize>;

bool less(Bytes a, Bytes b) noexcept {
  return std::ranges::lexicographical_compare(a, b);
}

}  // namespace

Result<BundleFile> BundleFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io_failure);
  return BundleFile(descriptor);
}

BundleFile::BundleFile(BundleFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

BundleFile::~BundleFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> BundleFile::read(std::uint64_t offset, MutableBytes out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorCode::io_failure);
    if (got == 0) return fail(ErrorCode::truncated, static_cast<std::uint32_t>(offset));
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<std::uint64_t> BundleFile::size() const {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) return fail(ErrorCode::io_failure);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<Bytes> BundleRecords::read_block(std::size_t block, MutableBytes buffer) const {
  const std::uint64_t first = std::uint64_t{block} * section_.records_per_block();
  const std::uint64_t count = std::min<std::uint64_t>(section_.records_per_block(), section_.count - first);
  const MutableBytes out = buffer.first(static_cast<std::size_t>(count) * section_.record_size());
  PEDIGREE_TRY(file_.read(begin_ + first * section_.record_size(), out));
  PEDIGREE_ASSIGN(const Sha256 digest, crypto_.sha256(out));
  if (!equal(digest, section_.digests.subspan(block * digest.size(), digest.size()))) {
    return fail(ErrorCode::bad_digest);
  }
  return Bytes(out);
}

Result<void> BundleRecords::load(const std::function<void(Bytes key)>& visit) {
  Block buffer;
  std::vector<std::uint8_t> last;
  fences_.reserve(section_.blocks() * section_.key_size);
  for (std::size_t block = 0; block < section_.blocks(); ++block) {
    PEDIGREE_ASSIGN(const Bytes records, read_block(block, buffer));
    const Bytes first = records.first(section_.key_size);
    fences_.insert(fences_.end(), first.begin(), first.end());
    for (std::size_t at = 0; at < records.size(); at += section_.record_size()) {
      const Bytes key = records.subspan(at, section_.key_size);
      if (!last.empty() && !less(last, key)) return fail(ErrorCode::wrong_order);
      last.assign(key.begin(), key.end());
      visit(key);
    }
  }
  return {};
}

Result<std::optional<BundleRecord>> BundleRecords::find(Bytes key) const {
  // The last block whose first key is not above the one looked for.
  std::size_t low = 0;
  std::size_t high = section_.blocks();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (less(key, fence(middle))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  if (low == 0) return std::optional<BundleRecord>();
  Block buffer;
  PEDIGREE_ASSIGN(const Bytes records, read_block(low - 1, buffer));
  std::size_t begin = 0;
  std::size_t end = records.size() / section_.record_size();
  while (begin < end) {
    const std::size_t middle = begin + (end - begin) / 2;
    Reader record(records.subspan(middle * section_.record_size(), section_.record_size()));
    PEDIGREE_ASSIGN(const Bytes found, record.take(section_.key_size));
    if (equal(found, key)) {
      PEDIGREE_ASSIGN(const std::uint64_t since, record.big_endian(kBundleRecordTail - 1));
      PEDIGREE_ASSIGN(const std::uint8_t code, record.u8());
      return std::optional(BundleRecord{static_cast<der::UnixTime>(since), code});
    }
    if (less(found, key)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return std::optional<BundleRecord>();
}

}  // namespace pedigree::verifier
