// SPDX-License-Identifier: Apache-2.0
// What the subcommands of `pedigree image` share. Each stands in a file of its own and is added here.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "cli/files.h"
#include "core/firmware_image/verify.h"

namespace CLI {
class App;
}

namespace pedigree::cli {

void add_image_sign(CLI::App& image, Context& context);
void add_image_verify(CLI::App& image, Context& context);
void add_image_inspect(CLI::App& image, Context& context);
void add_image_tree(CLI::App& image, Context& context);
void add_image_diff(CLI::App& image, Context& context);

/// Whom an image is verified for, from files and texts of the command line.
struct ImageTrustOptions {
  std::vector<std::string> roots;
  std::vector<std::string> root_hashes;
  std::string time;
  bool no_time = false;
};
void add_image_trust_options(CLI::App& command, ImageTrustOptions& options);

/// A failure before anything was verified.
struct ImageFailure {
  int exit_code = kExitUsage;
  Problem problem;
};

/// Trusted roots and a time, ready for core. Keeps what the anchors borrow.
class ImageTrust {
 public:
  /// Without a time of its own it is now. Failure: an option that is malformed, a file that is no
  /// certificate.
  [[nodiscard]] static std::expected<std::unique_ptr<ImageTrust>, ImageFailure> make(
      const ImageTrustOptions& options);
  [[nodiscard]] image::TrustOptions view() const noexcept { return {anchors_, time_}; }
  [[nodiscard]] bool empty() const noexcept { return anchors_.empty(); }
  [[nodiscard]] const std::optional<der::UnixTime>& time() const noexcept { return time_; }
  [[nodiscard]] const std::vector<x509::TrustAnchor>& anchors() const noexcept { return anchors_; }

 private:
  std::vector<Octets> roots_;
  std::vector<x509::TrustAnchor> anchors_;
  std::optional<der::UnixTime> time_;
};

/// SHA-256 of a SubjectPublicKeyInfo: 64 hex digits as they are, or of what a file holds (certificate or
/// public key, PEM or DER). Empty where it is neither.
[[nodiscard]] std::optional<Sha256> spki_hash_of(const std::string& text_or_file);

/// Prints why an image is refused: the sentence, the TLV and its offset, and what path validation said.
/// `chain` is the image's, for names.
[[nodiscard]] Problem image_problem(const std::string& doing, const std::string& file,
                                    const image::VerifyFault& fault, std::span<const Bytes> chain);

}  // namespace pedigree::cli
