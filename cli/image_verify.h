// SPDX-License-Identifier: Apache-2.0
// `pedigree image verify`: the question, and the answer with its reasons.
#pragma once

#include "cli/image_view.h"
#include "cli/verify_chain.h"

namespace pedigree::cli {

struct ImageQuestion {
  image::TrustOptions trust;
  std::optional<crypto::PublicKey> key;  ///< by this key alone, without a chain
  std::optional<Sha256> parent_signer;
  std::optional<std::uint32_t> minimum_counter;
  std::optional<image::RevocationList> revocations;  ///< verified
};

struct ImageAnswer {
  bool trusted = false;
  bool is_image = true;  ///< false: the file does not begin as MCUboot's images do
  std::string sentence;
  std::optional<ErrorCode> code;
  image::VerifyFault fault;  ///< where `code` is set
  std::vector<ChainCheck>
      checks;        ///< in the order of verification; "no" is what failed, "skip" what was not done
  ImageView view;    ///< as far as the image could be read
  std::string root;  ///< title of the trusted root; empty: not known
  Octets digest;     ///< as MCUboot measures it, where trusted
};

/// Verifies an image, and tells what was checked. An image whose signature is over its octets is read into
/// memory first; of any other no more than a piece is.
[[nodiscard]] ImageAnswer verify_image_file(const crypto::Crypto& crypto, const image::Source& source,
                                            const ImageQuestion& question);

}  // namespace pedigree::cli
