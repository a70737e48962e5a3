// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/authority.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <ctime>
#include <mutex>
#include <optional>
#include <regex>
#include <stdexcept>

#include "testing/postgres/postgres_server.h"

namespace pedigree::testing {
namespace {

/// As cheap as scrypt (RFC 7914) gets: a test's passphrase is no secret, and what a server pays when it opens
/// a key it would pay hundreds of times.
constexpr std::uint64_t kScryptN = 16;

/// Encrypts a key again, with a cheap derivation from the passphrase.
void cheapen(const std::filesystem::path& file) {
  const std::string pem = read_text(file);
  if (!pem.contains("BEGIN ENCRYPTED PRIVATE KEY")) return;
  const std::string passphrase = kPassphrase;
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, const_cast<char*>(passphrase.c_str())),
      EVP_PKEY_free);
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(
      key ? EVP_PKEY2PKCS8(key.get()) : nullptr, PKCS8_PRIV_KEY_INFO_free);
  X509_ALGOR* const algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, 8, 1);
  const std::unique_ptr<X509_SIG, decltype(&X509_SIG_free)> encrypted(
      info && algorithm != nullptr
          ? PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), info.get(), algorithm)
          : nullptr,
      X509_SIG_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!encrypted || PEM_write_bio_PKCS8(out.get(), encrypted.get()) != 1) {
    throw std::runtime_error("cannot encrypt " + file.string() + " again");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  write_file(file, std::string_view(text, static_cast<std::size_t>(size)));
}

void make(const app::InitOptions& options) {
  const auto made = app::init_directory(options, app::SecretText(kPassphrase));
  if (!made) throw std::runtime_error("cannot make an authority: " + made.error().detail);
}

bool wants_postgresql() {
  const char* wanted = std::getenv("PEDIGREE_TEST_DATABASE");
  return wanted != nullptr && std::string_view(wanted) == "postgresql";
}

/// An empty database of the program's server, in which SQL of SQLite's tests works.
std::string new_database() {
  PostgresServer& server = PostgresServer::shared();
  const std::string url = server.create_database();
  (void)server.sql(url,
                   "CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE sql AS "
                   "'SELECT upper(encode($1, ''hex''))'");
  return url;
}

/// An authority of the ordinary kind, made once for each process. Only one folder at a time is a copy of it:
/// a second authority beside it is another one.
class Original {
 public:
  /// False: there is a copy already. `url`: of the copy's database, on PostgreSQL.
  bool copy(const app::InitOptions& options, std::string& url) {
    const std::lock_guard lock(mutex_);
    if (copies_ != 0) return false;
    if (!folder_) {
      folder_.emplace();
      app::InitOptions wish = options;
      wish.directory = *folder_ / "ca";
      if (wants_postgresql()) wish.database_url = url_ = new_database();
      make(wish);
      for (const auto& entry : std::filesystem::recursive_directory_iterator(wish.directory)) {
        if (entry.is_regular_file() && entry.path().extension() == ".pem") cheapen(entry.path());
      }
    }
    std::filesystem::copy(*folder_ / "ca", options.directory, std::filesystem::copy_options::recursive);
    if (!url_.empty()) take_database(app::Layout{options.directory}.config(), url);
    ++copies_;
    return true;
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    --copies_;
  }

 private:
  /// Copies the database too, and names the copy in the configuration.
  void take_database(const std::filesystem::path& file, std::string& url) const {
    url = PostgresServer::shared().copy_database(url_);
    std::string config = read_text(file);
    config.replace(config.find(url_), url_.size(), url);
    write_file(file, std::string_view(config));
  }

  std::mutex mutex_;
  std::optional<TempDir> folder_;
  std::string url_;  // of its database; empty: SQLite
  unsigned copies_ = 0;
};

Original& original() {
  static Original kept;
  return kept;
}

}  // namespace

AuthorityFolder::AuthorityFolder(bool listed_only, const std::string& database_url, const std::string& token)
    : url_(database_url) {
  app::InitOptions options;
  options.directory = path();
  options.root_name = "Example Silicon Root CA";
  options.issuers = {{"vendor", "Example Silicon Device CA", "root"}, {"acme", "Acme Devices CA", "vendor"}};
  options.listed_only = listed_only;
  options.token = token;
  options.now = std::time(nullptr);
  is_copy_ = !listed_only && database_url.empty() && token.empty() && original().copy(options, url_);
  if (is_copy_) return;
  if (url_.empty() && wants_postgresql()) url_ = new_database();
  options.database_url = url_;
  make(options);
}

AuthorityFolder::~AuthorityFolder() {
  if (is_copy_) original().give_back();
}

TlsFiles AuthorityFolder::identity(const std::string& who) const {
  if (who.empty()) return {layout().tls_certificate("ca"), {}, {}};
  return {layout().tls_certificate("ca"), layout().tls_certificate(who), layout().tls_key(who)};
}

std::string AuthorityFolder::sql(const std::string& query) const {
  if (on_postgresql()) {
    static const std::regex octets("x'([0-9A-Fa-f]*)'");
    try {
      return PostgresServer::shared().sql(url_, std::regex_replace(query, octets, "'\\x$1'::bytea"));
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  std::string output = run({"sqlite3", "-batch", layout().database().string(), query}).output;
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

std::string AuthorityFolder::dump() const {
  if (!on_postgresql()) return sql(".dump");
  std::istringstream tables(
      sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"));
  std::string rows;
  for (std::string table; tables >> table;) {
    rows += table + "\n" + sql("SELECT t::text FROM " + table + " AS t ORDER BY t::text") + "\n";
  }
  return rows;
}

ServedAuthority::ServedAuthority(bool listed_only, const std::string& database_url, const std::string& token)
    : AuthorityFolder(listed_only, database_url, token) {
  restart();
}

void ServedAuthority::restart() {
  app_.reset();
  app::ServeOptions options;
  options.directory = path();
  options.threads = 2;
  options.checkpoint_interval = std::chrono::hours(24);  // tests compare whole databases
  auto served = app::App::start(options, app::SecretText(kPassphrase));
  if (!served) throw std::runtime_error("cannot serve: " + served.error().detail);
  app_ = *std::move(served);
}

CommandResult ServedAuthority::curl(const std::string& who, const std::string& target,
                                    std::vector<std::string> options) const {
  const TlsFiles files = identity(who);
  std::vector<std::string> command{"curl", "-sS", "--max-time",     "120",      "--noproxy",
                                   "*",    "-w",  "\n%{http_code}", "--cacert", files.ca.string()};
  if (!who.empty()) {
    command.insert(command.end(), {"--cert", files.certificate.string(), "--key", files.key.string()});
  }
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(url() + target);
  return run(command);
}

}  // namespace pedigree::testing
