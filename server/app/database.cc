// SPDX-License-Identifier: Apache-2.0
#include "server/app/database.h"

#include <fmt/format.h>

#include "server/app/directory.h"
#include "server/store/postgres.h"

namespace pedigree::app {

using authority::refuse;

Answer<void> check_database(const std::string& url) {
  if (url.empty()) return {};
  std::string why;
  if (store::check_url(url, why)) return {};
  return refuse(ErrorCode::bad_configuration, "database.url " + why);
}

Answer<store::StoreOptions> database_of(const Layout& layout, const authority::Config& config) {
  if (const auto checked = check_database(config.database.url); !checked) {
    return refuse(checked.error().code,
                  fmt::format("{}: {}", layout.config().string(), checked.error().detail));
  }
  store::StoreOptions options;
  options.file = layout.database();
  options.url = config.database.url;
  return options;
}

Answer<store::StoreOptions> database_of(const Layout& layout) {
  const auto config = read_settings(layout);
  if (!config) return std::unexpected(config.error());
  return database_of(layout, *config);
}

std::string describe(const store::StoreOptions& database) {
  return database.url.empty() ? database.file.string() : store::describe_url(database.url);
}

std::string title(const store::StoreOptions& database) {
  return database.url.empty() ? "SQLite" : "PostgreSQL (" + store::describe_url(database.url) + ")";
}

std::unexpected<authority::Refusal> refuse_database(const store::StoreOptions& database, ErrorCode code,
                                                    const std::string& why) {
  const std::string_view reason = why.empty() ? sentence(code) : std::string_view(why);
  return refuse(code, fmt::format("{}: {}", describe(database), reason));
}

}  // namespace pedigree::app
