/* SPDX-License-Identifier: Apache-2.0 */
/* What MCUboot's hooks call: whether an image's own chain may sign it below the firmware root. C, for boot
 * loaders. */
#ifndef PEDIGREE_MCUBOOT_H
#define PEDIGREE_MCUBOOT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Octets of the longest hash of a key (SHA-512). */
#define PEDIGREE_KEY_HASH_SIZE 64

/** An image in a slot of flash, from its header on. */
struct pedigree_slot {
  const void* context;
  uint32_t size; /**< octets of the slot */
  /** Reads `length` octets at `offset` of the slot, which the caller has checked; 0 on success. */
  int (*read)(const void* context, uint32_t offset, void* out, uint32_t length);
};

/** What the device knows; the board gives it. */
struct pedigree_firmware_trust {
  const uint8_t* root_spki_sha256; /**< 32 octets: SHA-256 of the firmware root's SubjectPublicKeyInfo */
  const uint8_t* revocations;      /**< signed list of revoked signers, or NULL */
  size_t revocations_size;
};

/**
 * Checks header, areas and TLVs of an image, the path of its CHAIN to the root, that OEM and signer are for
 * codeSigning alone, that the OEM may sign this product, that none of them is revoked, and that the image's
 * PUBKEY is the signer's key, as MCUBOOT_HW_KEY wants it. Hash and signature are left to MCUboot. The caller
 * has called psa_crypto_init(). Not for several threads at once: it works in one static buffer.
 *
 * On success `key_hash` holds the hash of PUBKEY, by the image's hash, and `key_hash_size` its octets (32 or
 * 48). Returns 0, or a number of the list in core/bytes/error.h; then *key_hash_size is 0.
 */
int pedigree_mcuboot_check(const struct pedigree_slot* slot, const struct pedigree_firmware_trust* trust,
                           uint8_t key_hash[PEDIGREE_KEY_HASH_SIZE], size_t* key_hash_size);

/**
 * The board's: where the root's hash is kept (one-time-programmable memory, or a constant of the boot
 * loader), and the list of revoked signers if the device stores one. Returns 0 on success; anything else
 * refuses every image.
 */
int pedigree_get_firmware_trust(struct pedigree_firmware_trust* trust);

#ifdef __cplusplus
}
#endif

#endif
