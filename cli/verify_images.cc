// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace pedigree::cli {
namespace {

namespace fs = std::filesystem;
using verifier::KnownImage;

constexpr std::size_t kLargestImage = std::size_t{64} << 20U;
constexpr std::uint8_t kMagic[] = {0x3d, 0xb8, 0xf3, 0x96};

/// The policy's roots as anchors; borrows them.
std::vector<x509::TrustAnchor> anchors_of(const verifier::Policy& policy) {
  std::vector<x509::TrustAnchor> anchors;
  for (const auto& der : policy.roots) {
    if (const auto root = x509::Certificate::parse(der)) anchors.push_back({*root, {}, {}});
  }
  for (const Sha256& hash : policy.root_spki_sha256) anchors.push_back({{}, hash, {}});
  return anchors;
}

class Reading {
 public:
  Reading(const crypto::Crypto& crypto, verifier::Policy& policy, der::UnixTime now,
          std::vector<std::string>& warnings)
      : crypto_(crypto), policy_(policy), anchors_(anchors_of(policy)), now_(now), warnings_(warnings) {}

  std::expected<void, Problem> take_list(const std::string& file) {
    auto content = read_input(file, image::kMaxRevocationList + 1);
    if (!content) return std::unexpected(content.error());
    message_ = *std::move(content);
    Octets scratch(image::kRevocationScratch);
    x509::Verdict path;
    const auto list = image::verify_list(crypto_, message_, trust(), scratch, path);
    if (!list) return unusable(file, path.code.value_or(list.error().code));
    list_ = *list;
    return {};
  }

  std::expected<void, Problem> take(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return add(path);
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.is_regular_file(error)) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      const auto content = read_input(file.string(), kLargestImage);
      const bool is_image = content && content->size() > sizeof kMagic &&
                            std::ranges::equal(Bytes(*content).first(sizeof kMagic), kMagic);
      if (!is_image) continue;
      if (const auto added = add(file.string()); !added) warnings_.push_back(added.error().summary);
    }
    return {};
  }

 private:
  [[nodiscard]] image::TrustOptions trust() const { return {anchors_, now_}; }
  static std::unexpected<Problem> unusable(const std::string& file, ErrorCode code,
                                           std::string_view where = {}) {
    std::string summary = fmt::format("{}: {}", file, sentence(code));
    if (!where.empty()) summary += fmt::format(" ({})", where);
    return std::unexpected(Problem{.summary = std::move(summary),
                                   .details = {},
                                   .next = "images are verified by the same roots as the token",
                                   .note = "nothing was appraised"});
  }

  std::expected<void, Problem> add(const std::string& file) {
    const auto content = read_input(file, kLargestImage);
    if (!content) return std::unexpected(content.error());
    image::VerifyFault fault;
    auto known =
        verifier::read_known_image(crypto_, *content, trust(), list_ ? &*list_ : nullptr, file, fault);
    if (!known) return unusable(file, fault.path.code.value_or(known.error().code), image::name(fault.tlv));
    policy_.images.add(*std::move(known));
    return {};
  }

  const crypto::Crypto& crypto_;
  verifier::Policy& policy_;
  std::vector<x509::TrustAnchor> anchors_;
  der::UnixTime now_;
  std::vector<std::string>& warnings_;
  Octets message_;
  std::optional<image::RevocationList> list_;
};

/// "base 1.2.3, signed by Acme signer of OEM A, built from boot 1.0.0 of OEM B".
std::string describe(const KnownImage& image) {
  std::string text = fmt::format("{}{}{}, signed by {} of {}", image.name, image.name.empty() ? "" : " ",
                                 image.version, image.signer, image.oem);
  for (std::size_t i = 0; i < image.lineage.size(); ++i) {
    const verifier::ImageParent& parent = image.lineage[i];
    text += fmt::format("{}{} {} of {}", i == 0 ? ", built from " : ", ", parent.name, parent.version,
                        parent.oem);
  }
  return text;
}

}  // namespace

std::expected<void, Problem> add_images(const crypto::Crypto& crypto, const std::vector<std::string>& paths,
                                        const std::string& revocations, der::UnixTime now,
                                        verifier::Policy& policy, std::vector<std::string>& warnings) {
  Reading reading(crypto, policy, now, warnings);
  if (!revocations.empty()) {
    if (auto taken = reading.take_list(revocations); !taken) return taken;
  }
  for (const std::string& path : paths) {
    if (auto taken = reading.take(path); !taken) return taken;
  }
  return {};
}

std::vector<std::string> image_lines(const verifier::Appraisal& appraisal) {
  std::vector<std::string> lines;
  if (!appraisal.claims) return lines;
  Reader in(appraisal.claims->software_components);
  for (const auto& image : appraisal.images) {
    const auto component = psa_token::read_component(in);
    if (!component) break;
    const std::string_view type =
        component->measurement_type.empty() ? "unnamed" : component->measurement_type;
    if (image) {
      lines.push_back(fmt::format("{}: {}", type, describe(*image)));
    } else if (verifier::names_signer(*component)) {
      lines.push_back(fmt::format("{}: none of the images given", type));
    }
  }
  return lines;
}

}  // namespace pedigree::cli
