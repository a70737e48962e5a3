// SPDX-License-Identifier: Apache-2.0
// The one error list: every failure that core, the device and the host can name.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace pedigree {

// name, number, sentence. Numbers travel over SMP and in logs: extend, never renumber, never reuse.
// clang-format off
#define PEDIGREE_ERRORS(X)                                                                                    \
  /* 1..: bytes and encodings */                                                                              \
  X(truncated, 1, "the data ends before the element does; send the whole of it")                              \
  X(trailing_data, 2, "there are bytes after the end of the element; remove them")                            \
  X(buffer_too_small, 3, "the output does not fit the buffer; give a larger one")                             \
  X(bad_tag, 4, "another type of element stands where this one is required")                                  \
  X(non_minimal, 5, "a length or number is not in its shortest form, which DER and this CBOR require")        \
  X(indefinite_length, 6, "an indefinite length is used; only definite lengths are accepted")                 \
  X(too_long, 7, "an element is longer than its limit")                                                       \
  X(too_deep, 8, "elements are nested deeper than the limit")                                                 \
  X(bad_value, 9, "an element's value is outside what its type allows")                                       \
  X(negative_number, 10, "a number is negative where it must be positive")                                    \
  X(duplicate, 11, "an element that may occur once occurs again")                                             \
  X(wrong_order, 12, "elements are not in the order that the encoding requires")                              \
  X(unsupported_version, 13, "the version is not one that this software reads")                               \
  X(missing_field, 14, "a required field is missing")                                                         \
  X(unknown_field, 15, "a field that is not part of this message is present")                                 \
  X(bad_pem, 16, "the text is not well-formed PEM")                                                           \
  /* 40..: cryptography */                                                                                    \
  X(unsupported_algorithm, 40, "the algorithm is not supported by this crypto back end")                      \
  X(invalid_key, 41, "the public key is malformed, of a size not allowed, or not a point on its curve")       \
  X(invalid_signature, 42, "the signature does not verify")                                                   \
  X(wrong_key_type, 43, "the key is not of the type that the signature algorithm needs")                      \
  X(key_not_found, 44, "there is no such private key")                                                        \
  X(crypto_failure, 45, "the crypto library failed; its log or the device's health tells more")               \
  X(no_entropy, 46, "the random number generator has no entropy")                                             \
  X(algorithm_mismatch, 47, "the inner and outer signature algorithms differ")                                \
  X(weak_algorithm, 48, "the algorithm is known to be broken and is refused")                                 \
  X(wrong_passphrase, 49, "the key file is encrypted and the passphrase is missing or wrong")                 \
  /* 60..: certificates and requests */                                                                       \
  X(bad_serial, 60, "the serial number is not a positive integer of 1 to 20 octets")                          \
  X(bad_time, 61, "a time is not a valid UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 requires")            \
  X(bad_name, 62, "a name is not a well-formed RDNSequence")                                                  \
  X(duplicate_extension, 63, "an extension occurs twice")                                                     \
  X(unknown_critical_extension, 64, "a critical extension is not understood")                                 \
  X(bad_extension, 65, "an extension's content is malformed")                                                 \
  X(bad_attribute, 66, "an attribute of the request is malformed or occurs twice")                            \
  X(too_many, 67, "there are more elements than the limit allows")                                            \
  X(empty_chain, 68, "the chain holds no certificate")                                                        \
  X(path_too_long, 69, "the chain is longer than a pathLenConstraint or this software allows")                \
  X(issuer_mismatch, 70, "the issuer name is not the subject name of the next certificate")                   \
  X(not_yet_valid, 71, "the certificate is not valid yet")                                                    \
  X(expired, 72, "the certificate has expired")                                                               \
  X(not_a_ca, 73, "the certificate signs another but its basicConstraints do not make it a CA")               \
  X(key_usage_forbids, 74, "keyUsage does not allow what the key is used for")                                \
  X(eku_forbids, 75, "extendedKeyUsage does not allow the purpose asked for")                                 \
  X(name_not_permitted, 76, "a name is outside the permitted subtrees of an issuer")                          \
  X(name_excluded, 77, "a name is inside an excluded subtree of an issuer")                                   \
  X(untrusted_root, 78, "the chain does not end at a trusted root")                                           \
  X(unsupported_name_form, 79, "a name constraint uses a form of name that is not supported")                 \
  X(revoked, 80, "the certificate is revoked")                                                                \
  X(key_mismatch, 81, "the certificate's key is not the key it must certify")                                 \
  X(key_identifier_mismatch, 82, "the authority key identifier does not match the issuer's key identifier")   \
  X(policy_unsupported, 83, "a certificate policy rule is present that is not supported")                     \
  X(target_is_ca, 84, "the end-entity certificate says it is a CA")                                           \
  /* 100..: COSE, SMP, messages */                                                                            \
  X(bad_header, 100, "a header is malformed")                                                                 \
  X(unknown_critical_header, 101, "a critical COSE header is not understood")                                 \
  X(bad_checksum, 102, "the checksum does not match; the transfer was damaged")                               \
  X(bad_frame, 103, "the frame is not well-formed console framing")                                           \
  X(payload_missing, 104, "the COSE message has a detached payload and none was given")                       \
  X(unknown_command, 105, "the SMP group or command is unknown to this device")                               \
  X(frame_too_large, 106, "the request is larger than the negotiated buffer")                                 \
  X(bad_offset, 107, "the chunk does not continue where the transfer stands; resume at the offset given")     \
  /* 120..: the device service */                                                                             \
  X(slot_not_found, 120, "there is no such key slot; begin makes one")                                        \
  X(slot_busy, 121, "the slot holds a pending key for another request; commit or abort that first")           \
  X(slots_full, 122, "all key slots are in use; destroy one")                                                 \
  X(wrong_state, 123, "the slot is not in the state that this operation needs")                               \
  X(purpose_forbids, 124, "the slot's purpose does not allow this operation")                                 \
  X(lifecycle_forbids, 125, "the device's lifecycle does not allow this operation")                           \
  X(grant_required, 126, "the device is secured: this operation needs a grant from the authority")            \
  X(storage_failure, 127, "the device's storage failed; nothing was changed")                                 \
  X(storage_full, 128, "the device's storage is full; nothing was changed")                                   \
  X(chain_incomplete, 129, "the chain was not written to its end; resume at the offset given")                \
  X(chain_key_mismatch, 130, "the chain's first certificate is for another key than the slot's own")          \
  X(chain_root_mismatch, 131, "the chain does not end at the pinned root")                                    \
  X(origin_unsupported, 132, "this device cannot make a key of that origin")                                  \
  X(storage_corrupt, 133, "a stored record is damaged; the slot was left as it is")                           \
  X(communication_failure, 134, "the secure service did not answer")                                          \
  X(bad_digest, 135, "the data's SHA-256 is not the one announced")                                           \
  X(root_required, 136, "no root is pinned on the device yet; send the root as the last certificate")          \
  X(not_owner, 137, "the slot belongs to a secure partition, which alone may use or end its keys")            \
  X(grant_malformed, 138, "the grant is malformed, or not in its one form")                                    \
  X(grant_nonce, 139, "the grant answers no challenge of this device, or one that was tried before; ask for a new one") \
  X(attestation_failure, 140, "the platform's attestation service made no token; the device's log tells more")  \
  X(no_attestation_chain, 141, "the attestation key has no chain yet; provision it, or ask without the chain")  \
  X(reserved_challenge, 142, "the challenge has the form of the device's own statements; choose another")      \
  X(evidence_forbidden, 143, "the key came from outside: there is no evidence that it was made in the device") \
  X(grant_expired, 144, "the grant or its signer has expired: the device has seen a later time in another grant") \
  X(grant_signer_refused, 145, "the grant is not by a delegate for grants that the device's pinned root has named, or by one that was replaced") \
  X(grant_other_device, 146, "the grant is for another device")                                                \
  X(grant_other_operation, 147, "the grant is for another operation")                                          \
  X(grant_other_slot, 148, "the grant is for another key slot")                                                \
  X(grant_other_key, 149, "the grant is for a key of another purpose or algorithm")                            \
  /* 150..: station and authority */                                                                          \
  X(timeout, 150, "no answer in time; check the cable, the port and that the device is powered")              \
  X(connection_failed, 151, "the connection could not be made")                                               \
  X(refused_by_authority, 152, "the authority refused the request")                                           \
  X(io_failure, 153, "reading or writing a file failed")                                                      \
  X(not_authorised, 154, "the client certificate does not allow this")                                        \
  X(bad_nonce, 155, "the nonce is not one that this authority gave to this device, or it is too old")         \
  X(unknown_device, 156, "the device is not on the list of expected devices")                                 \
  X(device_suspended, 157, "the device is suspended; an operator must reinstate it")                          \
  X(device_revoked, 158, "the device is revoked")                                                             \
  X(duplicate_key, 159, "the same key is already certified for another device")                               \
  X(second_key, 160, "the device already holds a certificate of this profile for another key")                \
  X(unknown_profile, 161, "there is no such profile")                                                         \
  X(unknown_issuer, 162, "there is no such active intermediate")                                              \
  X(bad_receipt, 163, "the receipt does not prove possession of the key and storage of the chain")            \
  X(database_failure, 164, "the database failed; nothing was answered that is not durable, so retry")         \
  X(journal_corrupt, 165, "the station's journal is damaged")                                                 \
  X(test_key, 166, "the key is a published test key and is refused outside a test profile")                   \
  X(bad_configuration, 167, "the configuration is not valid")                                                 \
  X(not_found, 168, "there is no such object")                                                                \
  X(bad_request, 169, "the request is malformed")                                                             \
  X(retired, 170, "the intermediate or device is retired")                                                    \
  X(device_refused, 171, "the device refused the request")                                                    \
  X(fixed_entropy, 174, "the device's keys come from a fixed seed that anybody has; give it product firmware") \
  X(issuer_revoked, 180, "the intermediate is revoked, and with it all that it issued")                       \
  /* 190..: appraisal */                                                                                      \
  X(wrong_nonce, 190, "the token answers another nonce; ask the device again with yours")                     \
  X(replayed, 191, "this token was seen before; ask the device for a new one")                                \
  X(wrong_instance_id, 192, "the token's instance id is not the device that its key is certified for")        \
  X(lifecycle_refused, 193, "the policy does not accept a device in this security lifecycle")                 \
  X(profile_refused, 194, "the policy does not accept tokens of this profile")                                \
  X(unknown_key, 195, "the token brings no chain, and its key is not one that the policy trusts")             \
  X(status_unknown, 196, "no source tells whether the certificate is revoked; give a CRL, OCSP or bundle")    \
  X(status_stale, 197, "what is known of revocation is too old; fetch a newer CRL, OCSP answer or bundle")    \
  X(no_reference, 198, "there are no reference values for this implementation id")                            \
  X(reference_mismatch, 199, "a software component is not one that the reference values allow")               \
  X(component_outdated, 200, "a software component is older than the reference values want; update it")       \
  X(not_checked, 201, "this was not checked, because an earlier check failed or nothing asked for it")        \
  X(nonce_missing, 202, "the policy wants a nonce, and none was given to compare with")                       \
  X(evidence_required, 203, "the profile wants evidence that the key was made in the secure world")           \
  X(evidence_refused, 204, "the evidence in the request was not accepted")                                    \
  X(token_request_refused, 205, "the token request does not prove possession of the attestation key")         \
  X(purpose_not_stated, 206, "the certificate does not say what its key is for; the policy wants it to")      \
  X(device_mismatch, 207, "the certificate names no device id, or not in the form of one")                    \
  X(packet_too_large, 208, "the packet is larger than the limit")                                             \
  X(bundle_refused, 209, "the trust bundle is not signed by an authority under the pinned root")              \
  X(bundle_rolled_back, 210, "the trust bundle is older than one that was used before; fetch the newest")     \
  X(request_limit, 211, "the request holds more items than one request may")                                  \
  X(ocsp_refused, 212, "the OCSP responder gave no answer: its status is not successful")                        \
  /* 220..: firmware images */                                                                                   \
  X(bad_image, 220, "this is not an MCUboot image, or its header or TLV areas are malformed")                    \
  X(bad_tlv, 221, "a TLV of the image is malformed, there twice, or not allowed where it stands")                \
  X(missing_tlv, 222, "the image lacks a TLV: its hash, a signature, the signer's key, or the chain")            \
  X(image_digest_mismatch, 223, "the image does not have the hash that it states; it was changed")               \
  X(image_key_mismatch, 224, "the image names another signing key than the first certificate of its chain")      \
  X(product_refused, 225, "the OEM's certificate does not allow images for this product")                        \
  X(version_refused, 226, "the OEM's certificate does not allow images of this version")                         \
  X(lineage_refused, 227, "a statement about a parent image is malformed, or not signed by a trusted signer")    \
  X(parent_signer_required, 228, "no parent image was signed by the signer that is required")                    \
  X(image_transformed, 229, "the image is encrypted or compressed; give the plain one")                          \
  X(signer_revoked, 230, "the image's signer, or a certificate above it, is revoked")                            \
  X(rolled_back, 231, "the image's security counter is lower than the device's; an older image is refused")      \
  X(no_bootable_image, 232, "no slot holds an image that may be started")                                        \
  X(list_refused, 233, "the list of revoked signers is malformed, or not signed by one who may")                 \
  X(list_rolled_back, 234, "the list of revoked signers is older than the one that the device has")              \
  X(wrong_image_state, 235, "the image slot is not in the state that this needs")                                \
  X(no_firmware_root, 236, "the device has no firmware root that an image could be verified to")
// clang-format on

/// What went wrong; the number is PEDIGREE_ERRORS' second column.
enum class ErrorCode : std::uint16_t {
#define PEDIGREE_ERROR_ENUM(name, number, text) name = number,
  PEDIGREE_ERRORS(PEDIGREE_ERROR_ENUM)
#undef PEDIGREE_ERROR_ENUM
};

/// A failure: what, and for parsers where. `offset` counts bytes from the start of the outermost input.
struct Error {
  ErrorCode code{};
  std::uint32_t offset = 0;
  friend constexpr bool operator==(const Error&, const Error&) = default;
};

/// A value, or the reason why there is none.
template <typename T>
using Result = std::expected<T, Error>;

/// For `return fail(code, offset);` in a function that returns a Result.
[[nodiscard]] constexpr std::unexpected<Error> fail(ErrorCode code, std::uint32_t offset = 0) noexcept {
  return std::unexpected<Error>(Error{code, offset});
}

/// One sentence for people, without a full stop; an unknown number gets a sentence too. Static storage.
[[nodiscard]] std::string_view sentence(ErrorCode code) noexcept;
/// The code's name as in this list ("bad_tag"); "unknown_error" for an unknown number. Static storage.
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

}  // namespace pedigree

/// Returns from the enclosing function with the error of `expr` (a Result), if it has one.
#define PEDIGREE_TRY(expr)                                              \
  do {                                                                  \
    if (auto pedigree_try_ = (expr); !pedigree_try_) [[unlikely]]       \
      return std::unexpected<::pedigree::Error>(pedigree_try_.error()); \
  } while (false)

#define PEDIGREE_CONCAT_INNER(a, b) a##b
#define PEDIGREE_CONCAT(a, b) PEDIGREE_CONCAT_INNER(a, b)
/// `PEDIGREE_ASSIGN(auto x, f());` declares x from a Result, or returns its error.
#define PEDIGREE_ASSIGN(declaration, expr) \
  PEDIGREE_ASSIGN_INNER(declaration, expr, PEDIGREE_CONCAT(pedigree_result_, __LINE__))
#define PEDIGREE_ASSIGN_INNER(declaration, expr, temporary)       \
  auto temporary = (expr);                                        \
  if (!temporary) [[unlikely]]                                    \
    return std::unexpected<::pedigree::Error>(temporary.error()); \
  declaration = *std::move(temporary)
