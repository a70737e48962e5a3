// SPDX-License-Identifier: Apache-2.0
// What an image says, read without verifying anything: for inspect, tree and diff.
#pragma once

#include "cli/image_command.h"

namespace pedigree::cli {

/// A TLV with its value.
struct TlvView {
  image::Tlv tlv;
  Octets value;
};

/// A statement, the image's own or a parent's; what it says borrows `message`, so it moves and is not copied.
struct StatementView {
  StatementView() = default;
  StatementView(StatementView&&) = default;
  StatementView& operator=(StatementView&&) = default;
  StatementView(const StatementView&) = delete;
  StatementView& operator=(const StatementView&) = delete;
  ~StatementView() = default;
  std::uint32_t offset = 0;  ///< of its TLV
  Octets message;
  Sha256 sha256{};  ///< by which others name it as their parent
  image::SignedStatement content;
};

struct ImageView {
  image::Layout layout;
  std::uint32_t file_size = 0;  ///< octets of the file, what follows the image included
  std::vector<TlvView> tlvs;
  image::Product product;
  std::optional<std::uint32_t> security_counter;
  std::vector<Octets> chain;  ///< DER, signer first; empty: the image has none
  std::optional<StatementView> statement;
  std::vector<StatementView> lineage;
};

/// Reads all of an image. Where that fails, what was read before stays in `view`, and `fault` says where.
[[nodiscard]] Result<void> read_view(const image::Source& source, ImageView& view, image::VerifyFault& fault);

/// Certificates as a path of titles, from the top: "Example OEM > Release signer".
[[nodiscard]] std::string path_text(std::span<const Bytes> chain);
/// What FirmwareLimits of a certificate allow, in words; empty where it states none.
[[nodiscard]] std::string limits_of(const x509::Certificate& certificate);

}  // namespace pedigree::cli
