// SPDX-License-Identifier: Apache-2.0
#include "server/app/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>
#include <set>

#include "crypto/openssl/openssl_crypto.h"
#include "registry/device.h"
#include "server/app/audit.h"
#include "server/app/database.h"

namespace pedigree::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using authority::refuse;

constexpr std::string_view kManifest = "backup.json";
constexpr std::string_view kCheckpoint = "backup.checkpoint";
constexpr std::string_view kDatabase = "pedigree.sqlite";

/// Hands out a file piece by piece.
class FilePieces final : public crypto::PieceSource {
 public:
  explicit FilePieces(const fs::path& path) : file_(path, std::ios::binary) {}
  [[nodiscard]] bool is_good() const { return file_.is_open() && !file_.bad(); }
  Result<Bytes> next(const crypto::RunningDigest& /*so_far*/) noexcept override {
    try {
      file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    } catch (...) {
      return fail(ErrorCode::io_failure);
    }
    if (file_.bad()) return fail(ErrorCode::io_failure);
    return as_bytes(std::string_view(buffer_.data(), static_cast<std::size_t>(file_.gcount())));
  }

 private:
  std::ifstream file_;
  std::array<char, 65536> buffer_{};
};

Answer<std::string> hash_of(const fs::path& path) {
  FilePieces pieces(path);
  Sha256 digest{};
  const auto done = crypto::OpenSslCrypto().digest(crypto::Hash::sha256, pieces, digest);
  if (done && pieces.is_good()) return registry::hex(digest);
  return refuse(ErrorCode::io_failure, fmt::format("cannot read {}", path.string()));
}

/// Of this process and no part of the authority: locks, and SQLite's own files, which the copy does not need.
bool is_passing(const std::string& name) {
  return name.starts_with("serve.") || name.starts_with(kDatabase);
}

/// Paths below the directory, in order.
Answer<std::set<std::string>> files_of(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  auto at = fs::recursive_directory_iterator(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().lexically_relative(folder).string();
    if (at->is_directory() && !at->is_symlink()) continue;
    if (!at->is_regular_file() || at->is_symlink()) {
      return refuse(ErrorCode::bad_configuration,
                    fmt::format("{} is no file: backups hold files only", at->path().string()));
    }
    names.insert(name);
  }
  if (error) return refuse(ErrorCode::io_failure, fmt::format("cannot list {}", folder.string()));
  return names;
}

Answer<void> synchronise(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (done) return {};
  return refuse(ErrorCode::io_failure, fmt::format("cannot synchronise {}", path.string()));
}

/// Into a file of mode 0600 that is not there yet.
Answer<void> copy_durably(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  fs::permissions(to.parent_path(), fs::perms::owner_all, error);
  const int made = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) return refuse(ErrorCode::io_failure, fmt::format("cannot make {}", to.string()));
  ::close(made);
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  const bool is_empty = in.peek() == std::ifstream::traits_type::eof();
  if (!is_empty) out << in.rdbuf();
  out.close();
  if (!in.is_open() || in.bad() || !out) {
    return refuse(ErrorCode::io_failure, fmt::format("cannot copy {} to {}", from.string(), to.string()));
  }
  return synchronise(to);
}

/// Removes a folder unless it was kept.
class Unfinished {
 public:
  explicit Unfinished(fs::path folder) : folder_(std::move(folder)) {}
  ~Unfinished() {
    std::error_code ignored;
    if (!kept_) fs::remove_all(folder_, ignored);
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void keep() { kept_ = true; }

 private:
  fs::path folder_;
  bool kept_ = false;
};

/// The newest signed head in a database; an empty one where there is none.
Answer<registry::SignedHead> newest_head(const store::StoreOptions& database) {
  std::string why;
  auto connection = store::Connection::open(database.location(), false, &why);
  if (!connection) return refuse_database(database, connection.error().code, why);
  const auto heads = store::signed_heads(*connection);
  if (!heads) return refuse(heads.error());
  return heads->empty() ? registry::SignedHead() : heads->back();
}

/// Adds a file of the backup to what its manifest names.
Answer<void> add_hash(const fs::path& target, std::string_view name, json::object& hashes) {
  const auto hash = hash_of(target / name);
  if (!hash) return std::unexpected(hash.error());
  hashes[name] = *hash;
  return {};
}

/// The database as it is at one moment, where it is a file; and its newest signed head. What is in
/// PostgreSQL is dumped later than this, so that its log has that head too.
Answer<registry::SignedHead> copy_registry(const store::StoreOptions& from, const fs::path& target,
                                           const store::CopyProgress& progress, json::object& hashes) {
  if (!from.url.empty()) return newest_head(from);
  store::StoreOptions copy;
  copy.file = target / kDatabase;
  if (const auto copied = store::copy_database(from.file, copy.file, progress); !copied) {
    return refuse(copied.error().code,
                  fmt::format("the database cannot be copied to {}: is the disk full?", copy.file.string()));
  }
  auto head = newest_head(copy);
  std::error_code ignored;
  // Reading a database in WAL mode makes these two, empty.
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(copy.file.string() + suffix, ignored);
  if (const auto added = add_hash(target, kDatabase, hashes); !added) return std::unexpected(added.error());
  return head;
}

Answer<void> copy_files(const fs::path& from, const fs::path& to, json::object& hashes) {
  const auto names = files_of(from);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (is_passing(name) || name == kManifest || name == kCheckpoint) continue;
    if (const auto copied = copy_durably(from / name, to / name); !copied) return copied;
    if (const auto added = add_hash(to, name, hashes); !added) return added;
  }
  return {};
}

/// What was copied first must be as it was when the database was copied: they belong together.
Answer<void> check_unchanged(const fs::path& from, const json::object& hashes) {
  for (const auto& [name, hash] : hashes) {
    if (name == kDatabase) continue;
    const auto now = hash_of(from / std::string(name));
    if (now && *now == hash.as_string()) continue;
    return refuse(
        ErrorCode::wrong_state,
        fmt::format("{} was changed while it was copied: make the backup again", std::string(name)));
  }
  return {};
}

struct Manifest {
  BackupContent content;
  std::map<std::string, std::string> hashes;
};

Answer<Manifest> read_manifest(const fs::path& backup) {
  const auto text = read_text(backup / kManifest);
  if (!text) return std::unexpected(text.error());
  const auto bad = [&] {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("{} is no backup.json that this program wrote", (backup / kManifest).string()));
  };
  try {
    const json::value value = json::parse(*text);
    Manifest manifest;
    if (value.at("format").as_int64() != 1) return bad();
    manifest.content.made_at = value.at("made_at").as_int64();
    manifest.content.checkpoint_size = value.at("checkpoint_size").to_number<std::uint64_t>();
    for (const auto& [name, hash] : value.at("files").as_object()) {
      const fs::path path{std::string(name)};
      const bool inside = path.is_relative() && path == path.lexically_normal() && *path.begin() != "..";
      if (!inside) return bad();
      manifest.hashes.emplace(name, std::string(hash.as_string()));
    }
    manifest.content.files = manifest.hashes.size();
    return manifest;
  } catch (const std::exception&) {
    return bad();
  }
}

/// Copies what the manifest names, and finds what is not as it says.
Answer<void> take_files(const fs::path& backup, const fs::path& target, const Manifest& manifest) {
  const auto names = files_of(backup);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name == kManifest || manifest.hashes.contains(name)) continue;
    return refuse(ErrorCode::bad_configuration, fmt::format("{} is not part of the backup", name));
  }
  for (const auto& [name, hash] : manifest.hashes) {
    if (!names->contains(name)) {
      return refuse(ErrorCode::bad_configuration, fmt::format("{} is missing in the backup", name));
    }
    if (const auto copied = copy_durably(backup / name, target / name); !copied) return copied;
    const auto now = hash_of(target / name);
    if (!now) return std::unexpected(now.error());
    if (*now != hash) {
      return refuse(ErrorCode::bad_configuration,
                    fmt::format("{} was changed since the backup was made", name));
    }
  }
  return {};
}

}  // namespace

Answer<BackupContent> make_backup(const Layout& layout, const fs::path& target,
                                  const store::CopyProgress& progress, der::UnixTime now) {
  std::error_code ignored;
  if (!fs::exists(layout.config(), ignored)) {
    return refuse(ErrorCode::io_failure,
                  fmt::format("{} is no authority's directory", layout.directory.string()));
  }
  const auto where = database_of(layout);
  if (!where) return std::unexpected(where.error());
  if (const auto made = make_directory(target); !made) return std::unexpected(made.error());
  Unfinished unfinished(target);
  json::object hashes;
  if (const auto copied = copy_files(layout.directory, target, hashes); !copied) {
    return std::unexpected(copied.error());
  }
  const auto head = copy_registry(*where, target, progress, hashes);
  if (!head) return std::unexpected(head.error());
  if (const auto same = check_unchanged(layout.directory, hashes); !same)
    return std::unexpected(same.error());
  if (head->size != 0) {
    if (const auto written = write_private(target / kCheckpoint, head->note); !written) {
      return std::unexpected(written.error());
    }
    if (const auto added = add_hash(target, kCheckpoint, hashes); !added) {
      return std::unexpected(added.error());
    }
  }
  const std::uintmax_t octets = where->url.empty() ? fs::file_size(target / kDatabase, ignored) : 0;
  const BackupContent content{now, hashes.size(), octets, head->size, where->url};
  const json::object manifest{
      {"format", 1}, {"made_at", now}, {"checkpoint_size", head->size}, {"files", std::move(hashes)}};
  if (const auto written = write_private(target / kManifest, json::serialize(manifest) + "\n"); !written) {
    return std::unexpected(written.error());
  }
  if (const auto done = synchronise(target); !done) return std::unexpected(done.error());
  unfinished.keep();
  return content;
}

Answer<Restored> restore_backup(const fs::path& backup, const Layout& target,
                                const store::AuditProgress& progress) {
  const auto manifest = read_manifest(backup);
  if (!manifest) return std::unexpected(manifest.error());
  if (const auto made = make_directory(target.directory); !made) return std::unexpected(made.error());
  Unfinished unfinished(target.directory);
  if (const auto taken = take_files(backup, target.directory, *manifest); !taken) {
    return std::unexpected(taken.error());
  }
  Restored restored{manifest->content, {}};
  std::error_code ignored;
  const auto database = database_of(target);
  if (!database) return std::unexpected(database.error());
  restored.content.database_url = database->url;
  if (database->url.empty()) restored.content.octets = fs::file_size(target.database(), ignored);
  std::vector<NamedCheckpoint> checkpoints;
  if (manifest->hashes.contains(std::string(kCheckpoint))) {
    auto note = read_text(target.directory / kCheckpoint);
    if (!note) return std::unexpected(note.error());
    checkpoints.push_back({std::string(kCheckpoint), *std::move(note)});
  }
  const auto key = read_log_key(target);
  if (!key) return std::unexpected(key.error());
  auto report = verify_log(target, *key, checkpoints, progress);
  if (!report) return std::unexpected(report.error());
  if (!report->findings.empty()) return refuse(ErrorCode::invalid_signature, report->findings.front());
  restored.audit = *std::move(report);
  if (const auto done = synchronise(target.directory); !done) return std::unexpected(done.error());
  unfinished.keep();
  return restored;
}

}  // namespace pedigree::app
