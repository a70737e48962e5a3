// SPDX-License-Identifier: Apache-2.0
// The records of a bundle, read from the file when they are needed and compared with the digests that the
// manifest holds: whoever can write the file after it was loaded can make answers fail, and nothing else.
#pragma once

#include <filesystem>
#include <functional>

#include "core/crypto/crypto.h"
#include "verifier/status/bundle_manifest.h"

namespace pedigree::verifier {

/// A file that is only read, by any number of threads.
class BundleFile {
 public:
  /// Errors: not_found, io_failure.
  [[nodiscard]] static Result<BundleFile> open(const std::filesystem::path& path);
  BundleFile(BundleFile&& other) noexcept;
  BundleFile& operator=(BundleFile&&) = delete;
  BundleFile(const BundleFile&) = delete;
  BundleFile& operator=(const BundleFile&) = delete;
  ~BundleFile();

  /// Fills `out` from `offset`. Errors: truncated, io_failure.
  [[nodiscard]] Result<void> read(std::uint64_t offset, MutableBytes out) const;
  /// Octets of the whole file. Errors: io_failure.
  [[nodiscard]] Result<std::uint64_t> size() const;

 private:
  explicit BundleFile(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_;
};

/// A record without its key.
struct BundleRecord {
  der::UnixTime since = 0;
  std::uint8_t code = 0;
};

/// The records of one section.
class BundleRecords {
 public:
  /// Borrows crypto, the file and what the section borrows. `begin`: where its records begin in the file.
  BundleRecords(const crypto::Crypto& crypto, const BundleFile& file, const BundleSection& section,
                std::uint64_t begin)
      : crypto_(crypto), file_(file), section_(section), begin_(begin) {}

  /// Reads and checks all of it, and calls `visit` with each key. Errors: bad_digest, wrong_order (keys that
  /// do not ascend), those of the file.
  [[nodiscard]] Result<void> load(const std::function<void(Bytes key)>& visit);
  /// The record of this key, which is padded to the section's size. Errors: bad_digest, those of the file.
  [[nodiscard]] Result<std::optional<BundleRecord>> find(Bytes key) const;
  [[nodiscard]] const BundleSection& section() const noexcept { return section_; }

 private:
  [[nodiscard]] Result<Bytes> read_block(std::size_t block, MutableBytes buffer) const;
  [[nodiscard]] Bytes fence(std::size_t block) const noexcept {
    return Bytes(fences_).subspan(block * section_.key_size, section_.key_size);
  }
  const crypto::Crypto& crypto_;
  const BundleFile& file_;
  BundleSection section_;
  std::uint64_t begin_;
  std::vector<std::uint8_t> fences_;  // the first key of each block
};

}  // namespace pedigree::verifier
