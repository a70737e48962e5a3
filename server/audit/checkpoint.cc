// SPDX-License-Identifier: Apache-2.0
#include "server/audit/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "registry/device.h"
#include "server/http/json.h"

namespace pedigree::audit {
namespace {

using http::from_base64;
using http::to_base64;
using registry::merkle::Head;

constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::size_t kMaxNote = 65536;
constexpr std::size_t kMaxSignatures = 32;
constexpr std::size_t kMaxPath = 64;
constexpr std::string_view kDash = "\u2014 ";
constexpr std::string_view kProof = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr crypto::SignatureAlgorithm kEdDsa{crypto::Scheme::eddsa, crypto::Hash::sha512};

constexpr std::unexpected<Error> kMalformed = fail(ErrorCode::bad_value);

/// Takes the text up to the next newline, and the newline. Empty where there is none.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

/// Decimal without leading zeros.
std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

std::optional<Sha256> parse_hash(std::string_view base64) {
  const auto octets = from_base64(base64);
  Sha256 hash{};
  if (!octets || octets->size() != hash.size()) return std::nullopt;
  std::ranges::copy(*octets, hash.begin());
  return hash;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const auto origin = take_line(text);
  const auto size = take_line(text);
  const auto root = take_line(text);
  if (!origin || origin->empty() || !size || !root) return kMalformed;
  const auto leaves = parse_decimal(*size);
  const auto hash = parse_hash(*root);
  if (!leaves || !hash) return kMalformed;
  // Extension lines would go unnoticed by whoever compares heads.
  if (!text.empty()) return kMalformed;
  return Checkpoint{std::string(*origin), {*leaves, *hash}};
}

bool is_printable(std::string_view note) {
  return std::ranges::all_of(note, [](char c) { return static_cast<std::uint8_t>(c) >= 0x20 || c == '\n'; });
}

/// The signature of a line, where the key made it.
std::optional<std::vector<std::uint8_t>> signature_of(std::string_view line, std::string_view name,
                                                      Bytes id) {
  if (!line.starts_with(kDash)) return std::nullopt;
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.substr(0, space) != name) return std::nullopt;
  auto octets = from_base64(line.substr(space + 1));
  if (!octets || octets->size() < id.size() || !equal(Bytes(*octets).first(id.size()), id)) {
    return std::nullopt;
  }
  octets->erase(octets->begin(), octets->begin() + static_cast<std::ptrdiff_t>(id.size()));
  return octets;
}

}  // namespace

bool is_key_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 200 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}

Result<std::array<std::uint8_t, 4>> key_id(const crypto::Crypto& crypto, const LogKey& key) {
  const std::array<std::uint8_t, 2> separator{'\n', kEd25519};
  const Bytes parts[] = {as_bytes(key.name), separator, key.key};
  Sha256 hash{};
  PEDIGREE_TRY(crypto.digest(crypto::Hash::sha256, parts, hash));
  std::array<std::uint8_t, 4> id{};
  std::ranges::copy(Bytes(hash).first(id.size()), id.begin());
  return id;
}

Result<std::string> print_log_key(const crypto::Crypto& crypto, const LogKey& key) {
  PEDIGREE_ASSIGN(const auto id, key_id(crypto, key));
  std::vector<std::uint8_t> typed{kEd25519};
  typed.insert(typed.end(), key.key.begin(), key.key.end());
  return fmt::format("{}+{}+{}", key.name, registry::hex(id), to_base64(typed));
}

Result<LogKey> parse_log_key(const crypto::Crypto& crypto, std::string_view text) {
  const std::size_t first = text.find('+');
  const std::size_t second = text.find('+', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos || !is_key_name(text.substr(0, first))) return kMalformed;
  const auto typed = from_base64(text.substr(second + 1));
  LogKey key{std::string(text.substr(0, first)), {}};
  if (!typed || typed->empty()) return kMalformed;
  if (typed->front() != kEd25519) return fail(ErrorCode::unsupported_algorithm);
  if (typed->size() != 1 + key.key.size()) return kMalformed;
  std::ranges::copy(Bytes(*typed).subspan(1), key.key.begin());
  PEDIGREE_ASSIGN(const auto id, key_id(crypto, key));
  if (registry::hex(id) != text.substr(first + 1, second - first - 1)) return kMalformed;
  return key;
}

Result<std::string> sign_checkpoint(const crypto::Crypto& crypto, const LogKey& key,
                                    const crypto::PrivateKey& signer, const Head& head) {
  if (!is_key_name(key.name)) return kMalformed;
  const std::string text = fmt::format("{}\n{}\n{}\n", key.name, head.size, to_base64(head.root));
  std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
  PEDIGREE_ASSIGN(const Bytes signature, crypto.sign(signer, kEdDsa, as_bytes(text), buffer));
  PEDIGREE_ASSIGN(const auto id, key_id(crypto, key));
  std::vector<std::uint8_t> octets(id.begin(), id.end());
  octets.insert(octets.end(), signature.begin(), signature.end());
  return fmt::format("{}\n{}{} {}\n", text, kDash, key.name, to_base64(octets));
}

Result<Checkpoint> open_checkpoint(const crypto::Crypto& crypto, const LogKey& key, std::string_view note) {
  if (note.size() > kMaxNote || !is_printable(note)) return kMalformed;
  const std::size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos || !note.ends_with('\n')) return kMalformed;
  const std::string_view text = note.substr(0, blank + 1);
  std::string_view lines = note.substr(blank + 2);
  PEDIGREE_ASSIGN(const auto id, key_id(crypto, key));
  bool is_signed = false;
  for (std::size_t i = 0; !lines.empty(); ++i) {
    const auto line = take_line(lines);
    if (i == kMaxSignatures || !line->starts_with(kDash)) return kMalformed;
    const auto signature = signature_of(*line, key.name, id);
    if (!signature) continue;
    PEDIGREE_TRY(crypto.verify({crypto::KeyType::ed25519, key.key}, kEdDsa, as_bytes(text), *signature));
    is_signed = true;
  }
  if (!is_signed) return fail(ErrorCode::key_not_found);
  PEDIGREE_ASSIGN(Checkpoint checkpoint, parse_checkpoint(text));
  if (checkpoint.origin != key.name) return fail(ErrorCode::key_mismatch);
  return checkpoint;
}

std::string print_proof(const InclusionProof& proof) {
  std::string text =
      fmt::format("{}\n{}{}\n{}{}\n", kProof, kExtra, to_base64(proof.entry), kIndex, proof.index);
  for (const Sha256& hash : proof.path) text += to_base64(hash) + "\n";
  return text + "\n" + proof.checkpoint;
}

Result<InclusionProof> parse_proof(std::string_view text) {
  if (text.size() > kMaxNote || take_line(text) != kProof) return kMalformed;
  InclusionProof proof;
  auto line = take_line(text);
  // Without the entry there is nothing that the proof could be of.
  if (!line || !line->starts_with(kExtra)) return kMalformed;
  auto entry = from_base64(line->substr(kExtra.size()));
  if (!entry) return kMalformed;
  proof.entry = *std::move(entry);
  line = take_line(text);
  if (!line || !line->starts_with(kIndex)) return kMalformed;
  const auto index = parse_decimal(line->substr(kIndex.size()));
  if (!index) return kMalformed;
  proof.index = *index;
  for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
    const auto hash = parse_hash(*line);
    if (!hash || proof.path.size() == kMaxPath) return kMalformed;
    proof.path.push_back(*hash);
  }
  if (!line) return kMalformed;
  proof.checkpoint = text;
  return proof;
}

Result<Checkpoint> verify_proof(const crypto::Crypto& crypto, const LogKey& key,
                                const InclusionProof& proof) {
  PEDIGREE_ASSIGN(Checkpoint checkpoint, open_checkpoint(crypto, key, proof.checkpoint));
  PEDIGREE_ASSIGN(const Sha256 leaf, registry::merkle::leaf_hash(crypto, proof.entry));
  PEDIGREE_TRY(registry::merkle::verify_inclusion(crypto, leaf, proof.index, checkpoint.head, proof.path));
  return checkpoint;
}

}  // namespace pedigree::audit
