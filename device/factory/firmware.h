// SPDX-License-Identifier: Apache-2.0
// Signed images for the MPS2 board, and what a factory writes into its non-volatile memory.
#pragma once

#include "core/firmware_image/image.h"
#include "device/factory/development_signer.h"
#include "device/ports/mps2/non_volatile.h"

namespace pedigree::factory {

/// The images that are signed.
enum class Image : std::uint8_t { nonsecure, secure };

/// What an image says of itself.
struct ImageFacts {
  image::Version version{0, 1, 0, 0};
  std::uint32_t security_counter = 1;
};

/// Signs the code of an image (build/mps2/bin/*.bin, from its vector table on) for its place on the board.
/// Errors: a sentence.
[[nodiscard]] std::expected<Octets, std::string> sign_image(const DevelopmentSigner& signer, Image image,
                                                            Bytes code, const ImageFacts& facts = {});

/// SHA-256 of a certificate's SubjectPublicKeyInfo. Errors: a sentence.
[[nodiscard]] std::expected<Sha256, std::string> spki_sha256(Bytes certificate);

/// Octets for the memory from mps2::kUpdateArea on: a new device's, with this image in slot 0. What is behind
/// them is erased. Errors: a sentence (the image is larger than a slot).
[[nodiscard]] std::expected<Octets, std::string> update_area(Bytes nonsecure);

}  // namespace pedigree::factory
