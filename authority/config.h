// SPDX-License-Identifier: Apache-2.0
// authority.toml: intermediates, profiles and protocols.
#pragma once

#include <map>

#include "authority/policy.h"
#include "authority/profile.h"
#include "registry/issuer.h"

namespace pedigree::authority {

using registry::IssuerState;

struct IssuerConfig {
  std::string name;
  std::string parent;  ///< name of an issuer that stands earlier in the file, or "root"
  /// Where the registry has no order about it; `retired` here is retired whatever the registry says.
  IssuerState state = IssuerState::active;
  std::vector<std::string> profiles;  ///< what it may issue
  std::string key{};                  ///< a pkcs11: URI (RFC 7512); empty: issuers/NAME.key.pem
  std::string factory{};  ///< it issues only to requests that name it; empty: also to those that name none
  std::optional<der::UnixTime> from{};   ///< issues nothing before; empty: its certificate's notBefore
  std::optional<der::UnixTime> until{};  ///< issues nothing after; empty: its certificate's notAfter
};

/// How /v1/verify treats nonces.
struct VerifyConfig {
  std::uint32_t nonce_seconds = 300;  ///< how long a nonce of /v1/verify/nonce is valid
  bool issued_nonces_only = false;    ///< nonces = "issued": refuse tokens that answer another nonce
};

/// Which protocols beside /v1 are spoken, and how. What widens the attack surface is off.
struct ProtocolsConfig {
  bool est = false;                    ///< RFC 7030, on the listener of /v1
  bool cmp = false;                    ///< RFC 9483, on the listener of /v1
  bool ocsp = false;                   ///< RFC 6960, there and on `http_listen`
  std::string http_listen;             ///< "HOST:PORT" for plain HTTP: OCSP, CRLs; empty: off
  std::string liteboot_listen;         ///< "HOST:PORT" for lite_bootstrap_server's API; empty: off
  std::string profile = "tls-client";  ///< for requests that name none
  std::string hub_name;                ///< the broker that lite_bootstrap_server's API names to devices
  std::uint32_t hub_port = 8883;
  std::uint32_t ocsp_hours = 24;          ///< thisUpdate to nextUpdate
  std::uint32_t cmp_clock_seconds = 300;  ///< what a CMP message's messageTime may be off, to either side
};

/// Where the registry is.
struct DatabaseConfig {
  std::string url;  ///< of PostgreSQL, without a password; empty: SQLite, in the authority's directory
};

enum class LogFormat : std::uint8_t { text, json };
/// In the order of how much is written.
enum class LogLevel : std::uint8_t { error, warning, info, debug };
/// "error", "warning", "info", "debug". Static storage.
[[nodiscard]] std::string_view name(LogLevel level) noexcept;

struct LogConfig {
  LogFormat format = LogFormat::text;
  LogLevel level = LogLevel::info;
  bool requests = true;  ///< a line for each request
  std::string file;      ///< appended to; empty: standard error
};

/// Connections of each listener.
struct LimitsConfig {
  std::uint32_t connections = 4096;
  std::uint32_t connections_per_address = 1024;  ///< from one IPv4 address or one /64 of IPv6
};

struct Config {
  bool listed_only = false;            ///< admission = "listed": only devices on the allow-list
  std::uint32_t nonce_seconds = 3600;  ///< how long a nonce is valid
  std::uint32_t crl_days = 7;          ///< thisUpdate to nextUpdate
  std::string crl_url;                 ///< base of CRL distribution points, "/{issuer}" is added; empty: none
  /// Certificates name a part of their issuer's CRL ("/{8 hex digits}" is added too), not the whole.
  bool crl_partitions = true;
  bool crl_critical = false;                ///< a part's issuingDistributionPoint is critical
  std::uint32_t crl_delta_hours = 0;        ///< thisUpdate to nextUpdate of delta CRLs; 0: there are none
  std::vector<std::uint8_t> hardware_type;  ///< hwType of hardwareModuleName, OID content octets
  VerifyConfig verify;
  ProtocolsConfig protocols;
  DatabaseConfig database;
  LogConfig log;
  LimitsConfig limits;
  std::string metrics_listen;  ///< "HOST:PORT" for metrics and health over plain HTTP; empty: off
  std::vector<IssuerConfig> issuers;
  std::map<std::string, Profile, std::less<>> profiles;
  Policy policy = open_policy();  ///< from policy.toml
};

/// HOST:PORT, where an IPv6 address stands in brackets. False: it is not that.
[[nodiscard]] bool parse_listen(std::string_view text, std::string& host, std::uint16_t& port);
/// An intermediate of this name; null: none. Borrows the configuration.
[[nodiscard]] const IssuerConfig* find_issuer(const Config& config, std::string_view name) noexcept;
/// Defaults for everything, no issuer.
[[nodiscard]] Config default_config();
/// Reads TOML. Unknown settings, wrong types and contradictions are bad_configuration, with line and setting.
[[nodiscard]] Answer<Config> read_config(std::string_view toml);
/// Writes a configuration as commented TOML that read_config reads back.
[[nodiscard]] std::string write_config(const Config& config);
/// One [[issuer]] table, to append to a configuration file.
[[nodiscard]] std::string write_issuer(const IssuerConfig& issuer);

}  // namespace pedigree::authority
