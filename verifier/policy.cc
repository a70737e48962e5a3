// SPDX-License-Identifier: Apache-2.0
#include "verifier/policy.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>

#include "core/x509/certificate.h"
#include "verifier/pem.h"

namespace pedigree::verifier {
namespace {

using Answer = std::expected<void, PolicyError>;

std::unexpected<PolicyError> wrong(const toml::source_region& at, std::string_view what) {
  return std::unexpected(
      PolicyError{.code = ErrorCode::bad_configuration,
                  .what = fmt::format("line {}, column {}: {}", at.begin.line, at.begin.column, what)});
}

/// A word of a list of words with their values; empty: it is none of them.
template <typename Value, std::size_t N>
std::optional<Value> find_word(const std::array<std::pair<std::string_view, Value>, N>& words,
                               std::string_view word) {
  for (const auto& [known, value] : words) {
    if (known == word) return value;
  }
  return std::nullopt;
}

template <typename Value, std::size_t N>
std::string all_words(const std::array<std::pair<std::string_view, Value>, N>& words) {
  std::string out;
  for (const auto& [word, value] : words) out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", word);
  return out;
}

constexpr std::array<std::pair<std::string_view, Level>, 3> kLevels{
    {{"ignore", Level::ignore}, {"warn", Level::warn}, {"reject", Level::reject}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kNonce{{{"required", true}, {"optional", false}}};
constexpr std::array<std::pair<std::string_view, psa_token::Profile>, 4> kProfiles{
    {{"tfm", psa_token::Profile::tfm},
     {"psa-2.0.0", psa_token::Profile::psa_2_0_0},
     {"psa-iot-1", psa_token::Profile::psa_iot_1},
     {"legacy", psa_token::Profile::legacy}}};
constexpr std::array<std::pair<std::string_view, psa_token::Lifecycle>, 7> kLifecycles{
    {{"unknown", psa_token::Lifecycle::unknown},
     {"assembly-and-test", psa_token::Lifecycle::assembly_and_test},
     {"psa-rot-provisioning", psa_token::Lifecycle::psa_rot_provisioning},
     {"secured", psa_token::Lifecycle::secured},
     {"non-psa-rot-debug", psa_token::Lifecycle::non_psa_rot_debug},
     {"recoverable-psa-rot-debug", psa_token::Lifecycle::recoverable_psa_rot_debug},
     {"decommissioned", psa_token::Lifecycle::decommissioned}}};

/// A signed manifest, to be verified once all that may sign it is known.
struct SignedManifest {
  std::string file;
  toml::source_region at;
  std::vector<std::uint8_t> content;
};

/// Whether this is CBOR with tag 18 (COSE_Sign1), or with the tag of signed CoRIM before it.
bool is_signed_manifest(Bytes content) {
  return (!content.empty() && content[0] == 0xd2) ||
         (content.size() > 2 && content[0] == 0xd9 && content[1] == 0x01 && content[2] == 0xf6);
}

/// One setting: its name, and what reads its node.
class Entry {
 public:
  Entry(std::string_view key, const toml::node& node, const std::filesystem::path& folder,
        std::optional<der::UnixTime> now, std::vector<SignedManifest>& manifests)
      : key_(key), node_(node), folder_(folder), now_(now), manifests_(manifests) {}

  Answer text(std::string& out) const {
    const auto value = node_.value_exact<std::string>();
    if (!value || value->empty() || value->size() > 200)
      return fault("must be a text of 1 to 200 characters");
    out = *value;
    return {};
  }
  template <typename Value, std::size_t N>
  Answer word(const std::array<std::pair<std::string_view, Value>, N>& words, Value& out) const {
    const auto value = node_.value_exact<std::string>();
    const auto found = value ? find_word(words, *value) : std::nullopt;
    if (!found) return fault(fmt::format("must be one of {}", all_words(words)));
    out = *found;
    return {};
  }
  template <typename Value, std::size_t N>
  Answer words(const std::array<std::pair<std::string_view, Value>, N>& words,
               std::vector<Value>& out) const {
    out.clear();
    return each([&](const std::string& item, const toml::source_region& at) -> Answer {
      const auto found = find_word(words, item);
      if (!found) return wrong(at, fmt::format("{}: \"{}\" is none of {}", key_, item, all_words(words)));
      out.push_back(*found);
      return {};
    });
  }
  /// Files with DER or PEM objects that `check` accepts.
  template <typename Check>
  Answer objects(std::string_view label, std::vector<std::vector<std::uint8_t>>& out, Check check) const {
    return each([&](const std::string& item, const toml::source_region& at) -> Answer {
      const auto bad = [&](std::string_view what) {
        return wrong(at, fmt::format("{}: {} {}", key_, item, what));
      };
      const auto content = read_whole(folder_ / item);
      if (!content) return bad(content.error());
      auto found = der_objects(*content, label);
      if (!found) return bad(found.error());
      for (auto& object : *found) {
        if (const auto accepted = check(object); !accepted) {
          return bad("cannot be used: " + std::string(sentence(accepted.error().code)));
        }
        out.push_back(std::move(object));
      }
      return {};
    });
  }
  Answer hashes(std::vector<Sha256>& out) const {
    return each([&](const std::string& item, const toml::source_region& at) -> Answer {
      Sha256 hash{};
      if (!unhex(item, hash)) {
        return wrong(at, fmt::format("{}: \"{}\" is not the 64 hex digits of a SHA-256", key_, item));
      }
      out.push_back(hash);
      return {};
    });
  }
  Answer references(ReferenceValues& out) const {
    return each([&](const std::string& item, const toml::source_region& at) -> Answer {
      const auto content = read_whole(folder_ / item);
      if (!content) return wrong(at, fmt::format("{}: {} {}", key_, item, content.error()));
      const bool json = item.ends_with(".json");
      if (!json && is_signed_manifest(*content)) {
        manifests_.push_back({item, at, *content});
        return {};
      }
      const auto read = json ? read_reference_json(as_text(*content), out) : read_corim(*content, out, now_);
      if (read) return {};
      const ReferenceError& error = read.error();
      const std::string place = json ? "" : fmt::format(" at byte {}", error.offset);
      return wrong(at, fmt::format("{}: {} cannot be used:{} {}", key_, item, place, error.what));
    });
  }

 private:
  [[nodiscard]] std::unexpected<PolicyError> fault(std::string_view what) const {
    return wrong(node_.source(), fmt::format("{} {}", key_, what));
  }
  static bool unhex(std::string_view text, Sha256& out) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (text.size() != 2 * out.size()) return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t high = kDigits.find(text[2 * i]);
      const std::size_t low = kDigits.find(text[2 * i + 1]);
      if (high == std::string_view::npos || low == std::string_view::npos) return false;
      out[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return true;
  }
  /// Calls `take(text, place)` for each item of a list of texts.
  template <typename Take>
  Answer each(Take take) const {
    const toml::array* list = node_.as_array();
    if (list == nullptr) return fault("must be a list of texts");
    for (const toml::node& item : *list) {
      const auto text = item.value_exact<std::string>();
      if (!text) return wrong(item.source(), fmt::format("{} must be a list of texts", key_));
      if (auto taken = take(*text, item.source()); !taken) return taken;
    }
    return {};
  }

  std::string_view key_;
  const toml::node& node_;
  const std::filesystem::path& folder_;
  std::optional<der::UnixTime> now_;
  std::vector<SignedManifest>& manifests_;
};

/// Signed manifests count where a key of `reference_keys` signed them, or a chain under one of the roots.
Answer open_manifests(const std::vector<SignedManifest>& manifests, const ManifestContext& context,
                      Policy& policy) {
  CorimTrust trust{.keys = policy.reference_keys, .anchors = {}};
  for (const auto& der : policy.roots) {
    if (const auto root = x509::Certificate::parse(der)) trust.anchors.push_back({*root, {}, {}});
  }
  for (const Sha256& hash : policy.root_spki_sha256) trust.anchors.push_back({{}, hash, {}});
  for (const SignedManifest& manifest : manifests) {
    const auto bad = [&manifest](std::string_view what) {
      return wrong(manifest.at, fmt::format("reference: {} cannot be used: {}", manifest.file, what));
    };
    if (context.crypto == nullptr || !context.now) return bad("signed manifests cannot be verified here");
    const auto read =
        read_signed_corim(*context.crypto, manifest.content, trust, *context.now, policy.reference);
    if (!read) return bad(read.error().what);
  }
  return {};
}

Result<void> check_root(Bytes der) {
  PEDIGREE_TRY(x509::Certificate::parse(der));
  return {};
}

Result<void> check_key(Bytes der) {
  PEDIGREE_ASSIGN(const auto spki, x509::parse_spki(der));
  if (!spki.key) return fail(ErrorCode::unsupported_algorithm);
  return {};
}

struct Setting {
  std::string_view key;
  Answer (*read)(const Entry&, Policy&);
};

/// Every key of a policy (docs/formats.md).
constexpr std::array<Setting, 17> kSettings{{
    {"name", [](const Entry& in, Policy& out) { return in.text(out.name); }},
    {"roots", [](const Entry& in, Policy& out) { return in.objects("CERTIFICATE", out.roots, check_root); }},
    {"root_keys", [](const Entry& in, Policy& out) { return in.hashes(out.root_spki_sha256); }},
    {"keys", [](const Entry& in, Policy& out) { return in.objects("PUBLIC KEY", out.raw_keys, check_key); }},
    {"nonce", [](const Entry& in, Policy& out) { return in.word(kNonce, out.nonce_required); }},
    {"profiles", [](const Entry& in, Policy& out) { return in.words(kProfiles, out.profiles); }},
    {"lifecycles", [](const Entry& in, Policy& out) { return in.words(kLifecycles, out.lifecycles); }},
    {"other_lifecycle", [](const Entry& in, Policy& out) { return in.word(kLevels, out.other_lifecycle); }},
    {"test_keys", [](const Entry& in, Policy& out) { return in.word(kLevels, out.test_keys); }},
    {"purpose_not_stated",
     [](const Entry& in, Policy& out) { return in.word(kLevels, out.purpose_not_stated); }},
    {"unknown_revocation",
     [](const Entry& in, Policy& out) { return in.word(kLevels, out.unknown_revocation); }},
    {"unknown_device", [](const Entry& in, Policy& out) { return in.word(kLevels, out.unknown_device); }},
    {"reference", [](const Entry& in, Policy& out) { return in.references(out.reference); }},
    {"reference_keys",
     [](const Entry& in, Policy& out) { return in.objects("PUBLIC KEY", out.reference_keys, check_key); }},
    {"no_reference", [](const Entry& in, Policy& out) { return in.word(kLevels, out.no_reference); }},
    {"reference_mismatch",
     [](const Entry& in, Policy& out) { return in.word(kLevels, out.reference_mismatch); }},
    {"unknown_image", [](const Entry& in, Policy& out) { return in.word(kLevels, out.unknown_image); }},
}};

}  // namespace

std::expected<Policy, PolicyError> parse_policy(std::string_view toml, const std::filesystem::path& folder,
                                                const ManifestContext& context) {
  toml::table document;
  try {
    document = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    return wrong(error.source(), error.description());
  }
  Policy policy;
  std::vector<SignedManifest> manifests;
  for (const auto& [key, node] : document) {
    const auto setting = std::ranges::find(kSettings, key.str(), &Setting::key);
    if (setting == kSettings.end())
      return wrong(key.source(), fmt::format("{} is not a known key", key.str()));
    if (auto read = setting->read(Entry(setting->key, node, folder, context.now, manifests), policy); !read) {
      return std::unexpected(read.error());
    }
  }
  if (auto opened = open_manifests(manifests, context, policy); !opened)
    return std::unexpected(opened.error());
  return policy;
}

std::expected<Policy, PolicyError> load_policy(const std::filesystem::path& file,
                                               const ManifestContext& context) {
  const auto content = read_whole(file);
  const auto named = [&file](std::string_view what) {
    return fmt::format("policy {}{}{}", file.string(), what.starts_with("line") ? ", " : " ", what);
  };
  if (!content) {
    return std::unexpected(PolicyError{.code = ErrorCode::io_failure, .what = named(content.error())});
  }
  auto policy = parse_policy(as_text(*content), file.parent_path(), context);
  if (!policy) policy.error().what = named(policy.error().what);
  return policy;
}

}  // namespace pedigree::verifier
