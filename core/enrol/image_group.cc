// SPDX-License-Identifier: Apache-2.0
#include "core/enrol/image_group.h"

#include "core/enrol/fields.h"

namespace pedigree::enrol {
namespace {

constexpr Field kImageStateRead[] = {PEDIGREE_FIELD(ImageStateRead, extended, "ext", boolean, false)};
constexpr Field kImageStateWrite[] = {
    PEDIGREE_FIELD(ImageStateWrite, hash, "hash", octets, false, 1, kMaxImageHash),
    PEDIGREE_FIELD(ImageStateWrite, confirm, "confirm", boolean, false),
    PEDIGREE_FIELD(ImageStateWrite, extended, "ext", boolean, false),
};
constexpr Field kImageStateResponse[] = {PEDIGREE_FIELD(ImageStateResponse, images, "images", images, true)};
constexpr Field kImageUploadRequest[] = {
    PEDIGREE_FIELD(ImageUploadRequest, image, "image", u32, false),
    PEDIGREE_FIELD(ImageUploadRequest, total, "len", optional_u32, false),
    PEDIGREE_FIELD(ImageUploadRequest, offset, "off", u32, true),
    PEDIGREE_FIELD(ImageUploadRequest, sha256, "sha", octets, false, 0, kMaxImageHash),
    PEDIGREE_FIELD(ImageUploadRequest, data, "data", octets, true, 0, kNoLimit),
    PEDIGREE_FIELD(ImageUploadRequest, upgrade, "upgrade", boolean, false),
    PEDIGREE_FIELD(ImageUploadRequest, extended, "ext", boolean, false),
};
constexpr Field kImageUploadResponse[] = {
    PEDIGREE_FIELD(ImageUploadResponse, offset, "off", u32, true),
    PEDIGREE_FIELD(ImageUploadResponse, match, "match", optional_boolean, false),
};
constexpr Field kImageEraseRequest[] = {
    PEDIGREE_FIELD(ImageEraseRequest, slot, "slot", optional_u32, false),
    PEDIGREE_FIELD(ImageEraseRequest, extended, "ext", boolean, false),
};
constexpr Field kRevocationsResponse[] = {
    PEDIGREE_FIELD(RevocationsResponse, number, "number", u64, true),
    PEDIGREE_FIELD(RevocationsResponse, size, "size", u32, true),
    PEDIGREE_FIELD(RevocationsResponse, count, "count", u32, false),
    PEDIGREE_FIELD(RevocationsResponse, max_size, "max", u32, false),
};
constexpr Field kRevocationsWrite[] = {
    PEDIGREE_FIELD(RevocationsWrite, offset, "off", u32, true),
    PEDIGREE_FIELD(RevocationsWrite, total, "len", optional_u32, false),
    PEDIGREE_FIELD(RevocationsWrite, data, "data", octets, true, 0, kNoLimit),
};

/// By number; what no device answers has a sentence all the same, for stock servers.
constexpr std::string_view kSentences[] = {
    "the request succeeded",
    "the device failed without naming a reason; its log may tell more",
    "the device cannot read the layout of its flash",
    "there is no image in the slot",
    "the image lacks a TLV that it needs: hash, signature or chain",
    "the image's hash, signature or chain is not one that the device accepts",
    "the image holds more than one hash",
    "a TLV of the image has a size that it may not have",
    "no slot holds an image with this hash",
    "no slot is free: the other one is pending or not confirmed; confirm it or reset the device first",
    "the device could not open its flash",
    "the device could not read its flash",
    "the device could not write its flash",
    "the device could not erase its flash",
    "there is no such slot",
    "the device has no memory left for the request",
    "the device's flash is in use by another operation; retry",
    "the device's flash is not open for this operation",
    "the device has no flash for this slot",
    "the offset is outside the slot's pages",
    "the chunk does not continue where the upload stands",
    "the first chunk lacks the image's length",
    "this is not an MCUboot image: its header is malformed",
    "this is not an MCUboot image: its magic number is wrong",
    "the image does not have the hash announced",
    "the image is linked for another address",
    "the device cannot tell the version that runs",
    "the device runs a newer image, and was asked for an upgrade only, or refuses to go back",
    "an image is pending already; reset the device, or erase it",
    "the image's vector table is not valid",
    "the image is larger than its slot",
    "more data than the image's announced length",
    "the device does not confirm this image: only the one that runs can be confirmed",
    "the image that runs cannot be marked for a test",
    "the device cannot tell which slot runs",
};

/// The request itself was malformed, or not for us; too_long is about the image.
bool is_of_smp_itself(ErrorCode code) noexcept {
  return code == ErrorCode::unknown_command ||
         (static_cast<std::uint16_t>(code) < 40 && code != ErrorCode::too_long);
}

}  // namespace

PEDIGREE_MESSAGE(ImageStateRead, kImageStateRead)
PEDIGREE_MESSAGE(ImageStateWrite, kImageStateWrite)
PEDIGREE_MESSAGE(ImageStateResponse, kImageStateResponse)
PEDIGREE_MESSAGE(ImageUploadRequest, kImageUploadRequest)
PEDIGREE_MESSAGE(ImageUploadResponse, kImageUploadResponse)
PEDIGREE_MESSAGE(ImageEraseRequest, kImageEraseRequest)
PEDIGREE_MESSAGE(RevocationsResponse, kRevocationsResponse)
PEDIGREE_MESSAGE(RevocationsWrite, kRevocationsWrite)

ImageRc image_rc(ErrorCode code, ImageCommand command, bool confirm) noexcept {
  switch (code) {
    case ErrorCode::wrong_state:
    case ErrorCode::wrong_image_state:
    case ErrorCode::slot_busy:
      if (command != ImageCommand::state) return ImageRc::no_free_slot;
      return confirm ? ImageRc::confirmation_denied : ImageRc::test_of_active_denied;
    case ErrorCode::not_found:
      return command == ImageCommand::erase ? ImageRc::invalid_slot : ImageRc::hash_not_found;
    case ErrorCode::no_bootable_image:
      return ImageRc::no_image;
    case ErrorCode::missing_tlv:
      return ImageRc::no_tlvs;
    case ErrorCode::slot_not_found:
      return ImageRc::invalid_slot;
    case ErrorCode::storage_failure:
      return ImageRc::flash_write_failed;
    case ErrorCode::storage_corrupt:
      return ImageRc::flash_read_failed;
    case ErrorCode::storage_full:
    case ErrorCode::too_long:
      return ImageRc::image_too_large;
    case ErrorCode::bad_request:
      return ImageRc::invalid_length;
    case ErrorCode::bad_offset:
      return ImageRc::invalid_offset;
    case ErrorCode::bad_image:
    case ErrorCode::image_transformed:
      return ImageRc::invalid_image_header;
    case ErrorCode::bad_digest:
    case ErrorCode::image_digest_mismatch:
      return ImageRc::invalid_hash;
    case ErrorCode::rolled_back:
      return ImageRc::current_version_is_newer;
    case ErrorCode::communication_failure:
    case ErrorCode::crypto_failure:
    case ErrorCode::no_firmware_root:
      return ImageRc::unknown;
    default:
      // Everything else is about whom the image is signed by, and what that one may sign: TLVs.
      return ImageRc::invalid_tlv;
  }
}

std::string_view image_sentence(std::uint16_t rc) noexcept {
  return rc < std::size(kSentences) ? kSentences[rc] : std::string_view();
}

void write_image_error(smp::Version version, ErrorCode code, ImageRc rc, bool extended,
                       Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(extended ? 2 : 1);
  if (version == smp::Version::v1 || is_of_smp_itself(code)) {
    encoder.tstr("rc");
    encoder.uint(static_cast<std::uint16_t>(smp::nearest_rc(code)));
  } else {
    encoder.tstr("err");
    encoder.map(2);
    encoder.tstr("group");
    encoder.uint(kImageGroup);
    encoder.tstr("rc");
    encoder.uint(static_cast<std::uint16_t>(rc));
  }
  if (!extended) return;
  encoder.tstr("why");
  encoder.uint(static_cast<std::uint16_t>(code));
}

}  // namespace pedigree::enrol
