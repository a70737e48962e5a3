// SPDX-License-Identifier: Apache-2.0
// policy.toml: which station may enrol which devices for which profiles, and how many a day.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authority/refusal.h"
#include "registry/device.h"

namespace pedigree::authority {

struct Config;

/// What stations of a name may. A pattern is a text that must be equal, or ends in '*' and must begin so.
/// Lists that are absent allow everything.
struct StationRule {
  std::string name = "*";                            ///< pattern of the station's commonName
  std::optional<std::vector<std::string>> profiles;  ///< names of profiles
  std::optional<std::vector<std::string>> issuers;   ///< names of intermediates
  std::optional<std::vector<std::string>> devices;   ///< patterns of device ids in lower-case hex
  std::optional<std::vector<std::string>> batches;   ///< patterns of production batches
  std::optional<std::vector<std::string>> products;  ///< patterns of products
  std::uint32_t per_day = 0;                         ///< certificates in a day of UTC; 0: any number
};

/// Who may have which operations granted to devices (authority/grant.h).
struct GrantRule {
  bool is_operator = true;                          ///< role: an operator, or a station
  std::string name = "*";                           ///< pattern of the client's commonName
  std::vector<std::string> operations;              ///< grant::Operation by name
  std::optional<std::vector<std::string>> devices;  ///< patterns of device ids in lower-case hex
};

struct Policy {
  bool registered_only = false;       ///< stations = "registered": only those that the registry knows
  std::vector<StationRule> stations;  ///< the first whose name fits decides; none: refused
  /// The first of a client's role whose name fits decides; none: refused. Where no rule is for operators,
  /// each may have anything granted.
  std::vector<GrantRule> grants{};
};

/// One rule that lets every station enrol every device.
[[nodiscard]] Policy open_policy();
/// Reads TOML. Unknown settings and names, wrong types and empty lists are bad_configuration, with the line.
[[nodiscard]] Answer<Policy> read_policy(std::string_view toml, const Config& config);
/// A policy as commented TOML that read_policy reads back.
[[nodiscard]] std::string write_policy(const Policy& policy);

/// The rule for a station of this name; null: there is none. Borrows the policy.
[[nodiscard]] const StationRule* find_rule(const Policy& policy, std::string_view station) noexcept;

/// The rule for grants to this client; null: there is none. Borrows the policy.
[[nodiscard]] const GrantRule* find_grant_rule(const Policy& policy, bool is_operator,
                                               std::string_view client) noexcept;
/// Whether the rule is for this device.
[[nodiscard]] bool names_device(const GrantRule& rule, const registry::DeviceId& device);

/// What a station asks for.
struct StationWish {
  std::string_view station;
  registry::DeviceId device{};
  std::string_view profile;
  std::string_view issuer;  ///< empty: not chosen yet, and not asked about
};
/// Errors: not_authorised, naming what the rule does not give.
[[nodiscard]] Answer<void> check_wish(const StationRule& rule, const StationWish& wish);
/// Whether the allow-list's line of the device decides too.
[[nodiscard]] bool needs_listing(const StationRule& rule) noexcept;
/// Batch and product of a device, null where the registry does not know it. Errors: not_authorised.
[[nodiscard]] Answer<void> check_listing(const StationRule& rule, const StationWish& wish,
                                         const registry::Device* device);

}  // namespace pedigree::authority
