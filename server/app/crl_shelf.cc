// SPDX-License-Identifier: Apache-2.0
#include "server/app/crl_shelf.h"

#include <fstream>

#include "registry/crl_partition.h"

namespace pedigree::app {

namespace fs = std::filesystem;

fs::path CrlFiles::file_of(const http::CrlName& name) const {
  // Names of intermediates are names of files (authority::is_name).
  std::string file = name.issuer;
  if (name.partition) file += "." + registry::crl_partition_text(*name.partition);
  if (name.delta) file += ".delta";
  return folder_ / (file + ".crl");
}

bool CrlFiles::has_room() {
  if (!files_) {
    std::error_code error;
    files_ = 0;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) ++*files_;
  }
  return *files_ < kMost;
}

void CrlFiles::put(const http::CrlName& name, std::string_view der) {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  if (!fs::is_directory(folder_, error) && !make_directory(folder_)) return;
  const fs::path file = file_of(name);
  const bool is_new = !fs::exists(file, error);
  if (is_new && name.partition && !has_room()) return;
  // Not synchronised: what a power cut tears does not verify, and is made again.
  const fs::path fresh = file.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out.write(der.data(), static_cast<std::streamsize>(der.size()));
    if (!out.flush()) return;
  }
  fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write, error);
  fs::rename(fresh, file, error);
  if (is_new && files_) ++*files_;
}

std::optional<std::string> CrlFiles::get(const http::CrlName& name) {
  auto text = read_text(file_of(name));
  if (!text) return std::nullopt;
  return *std::move(text);
}

}  // namespace pedigree::app
