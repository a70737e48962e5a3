// SPDX-License-Identifier: Apache-2.0
// Signed CRLs in files: a process that starts while a token is away gives out what the last one had.
#pragma once

#include <mutex>
#include <optional>

#include "server/app/files.h"
#include "server/http/crl_lists.h"

namespace pedigree::app {

/// In `serve.crls`, a folder of the directory that no backup holds: what is in it can be made again. Any
/// thread.
class CrlFiles final : public http::CrlShelf {
 public:
  /// Files that are kept; of more parts none are.
  static constexpr std::size_t kMost = 16384;

  explicit CrlFiles(const Layout& layout) : folder_(layout.directory / "serve.crls") {}
  void put(const http::CrlName& name, std::string_view der) override;
  [[nodiscard]] std::optional<std::string> get(const http::CrlName& name) override;

 private:
  [[nodiscard]] std::filesystem::path file_of(const http::CrlName& name) const;
  /// Whether there is room for one more file.
  [[nodiscard]] bool has_room();

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::optional<std::size_t> files_;  // counted when that is first asked
};

}  // namespace pedigree::app
