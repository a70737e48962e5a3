// SPDX-License-Identifier: Apache-2.0
#include "authority/config_profile.h"

#include <fmt/format.h>

#include "authority/text.h"

namespace pedigree::authority {
namespace {

void read_validity(Settings& settings, Profile& profile) {
  const toml::node* node = settings.get("validity");
  if (node == nullptr) return;
  const auto days = node->value_exact<std::int64_t>();
  const auto word = node->value_exact<std::string>();
  if (word && *word == "forever") {
    profile.days.reset();
  } else if (days && *days > 0 && *days <= 36500) {
    profile.days = static_cast<std::uint32_t>(*days);
  } else {
    settings.wrong("validity", *node, "must be \"forever\" or 1 to 36500 days");
  }
}

void read_evidence(Settings& settings, Profile& profile) {
  settings.read("attestation", profile.attestation);
  std::string evidence = profile.evidence_required ? "required" : "none";
  settings.read("evidence", evidence);
  if (evidence != "none" && evidence != "required") {
    settings.wrong("evidence", *settings.get("evidence"), "must be \"none\" or \"required\"");
  }
  profile.evidence_required = evidence == "required";
  if (settings.get("evidence_lifecycles") != nullptr) profile.evidence_lifecycles.clear();
  settings.read_list("evidence_lifecycles", [&](const std::string& text) {
    const auto state = parse_lifecycle(text);
    if (state) profile.evidence_lifecycles.push_back(*state);
    return state.has_value();
  });
}

void read_kind(Settings& settings, Profile& profile) {
  const toml::node* node = settings.get("kind");
  if (node == nullptr) return;
  const auto kind = parse_profile_kind(node->value_or(std::string()));
  if (!kind) {
    return settings.wrong("kind", *node,
                          "must be \"device\", \"intermediate\", \"firmware-signer\" or \"identity\"");
  }
  profile.kind = *kind;
  if (*kind == ProfileKind::intermediate) profile.key_usage = x509::kKeyCertSign | x509::kCrlSign;
}

void read_names(Settings& settings, Profile& profile) {
  if (settings.get("subject") != nullptr) profile.subject.clear();
  settings.read_list("subject", [&](const std::string& text) {
    auto part = parse_subject_part(text);
    if (part) profile.subject.push_back(*std::move(part));
    return part.has_value();
  });
  if (settings.get("subject_alt_names") != nullptr) profile.alternative_names.clear();
  settings.read_list("subject_alt_names", [&](const std::string& text) {
    auto name = parse_alternative_name(text);
    if (name) profile.alternative_names.push_back(*std::move(name));
    return name.has_value();
  });
}

void read_constraints(Settings& settings, Profile& profile) {
  settings.read("basic_constraints", profile.basic_constraints);
  if (settings.get("path_len") != nullptr) {
    std::uint32_t length = 0;
    settings.read_count("path_len", length, 0, 8);
    profile.path_len = length;
  }
  const auto texts = [&](std::string_view key, std::vector<std::string>& out) {
    if (settings.get(key) != nullptr) out.clear();
    settings.read_list(key, [&](const std::string& text) {
      out.push_back(text);
      return true;
    });
  };
  texts("permitted_dns", profile.permitted_dns);
  texts("accepted_by", profile.accepted_by);
}

Answer<Profile> read_profile(const toml::table& table, Profile profile) {
  Settings settings(table, fmt::format("profile.{}.", profile.name));
  settings.only({"kind", "keys", "key_usage", "extended_key_usage", "validity", "subject",
                 "subject_alt_names", "basic_constraints", "path_len", "permitted_dns", "accepted_by",
                 "hardware_module_name", "device_uri", "test_keys", "attestation", "evidence",
                 "evidence_lifecycles"});
  read_kind(settings, profile);
  if (settings.get("keys") != nullptr) profile.keys.clear();
  settings.read_list("keys", [&](const std::string& text) {
    const auto type = parse_key_type(text);
    if (type) profile.keys.push_back(*type);
    return type.has_value();
  });
  if (settings.get("key_usage") != nullptr) profile.key_usage = 0;
  settings.read_list("key_usage", [&](const std::string& text) {
    const auto bit = parse_key_usage(text);
    profile.key_usage |= bit.value_or(0);
    return bit.has_value();
  });
  if (settings.get("extended_key_usage") != nullptr) profile.key_purposes.clear();
  settings.read_list("extended_key_usage", [&](const std::string& text) {
    profile.key_purposes.push_back(parse_key_purpose(text));
    return !profile.key_purposes.back().empty();
  });
  read_validity(settings, profile);
  read_names(settings, profile);
  read_constraints(settings, profile);
  settings.read("hardware_module_name", profile.hardware_module_name);
  settings.read("device_uri", profile.device_uri);
  settings.read("test_keys", profile.test_keys);
  read_evidence(settings, profile);
  if (!settings.fault().empty()) return bad(settings.fault());
  if (const auto checked = check_profile(profile); !checked) return std::unexpected(checked.error());
  return profile;
}

}  // namespace

Answer<void> read_profiles(const toml::table& table, Config& config) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const toml::table* settings = node.as_table();
    if (settings == nullptr || !is_name(name)) return bad(fmt::format("profile.{} is not a profile", name));
    const auto known = config.profiles.find(name);
    auto profile =
        read_profile(*settings, known != config.profiles.end() ? known->second : blank_profile(name));
    if (!profile) return std::unexpected(profile.error());
    config.profiles.insert_or_assign(name, *std::move(profile));
  }
  return {};
}

}  // namespace pedigree::authority
