/* SPDX-License-Identifier: Apache-2.0 */
/* Client interface of the device's firmware update: image slots and the list of revoked signers.

   Calls go to the same `handle` as those of pedigree/service.h, with types of their own, and end in the same
   way: 0, a number of the one error list (core/bytes/error.h), or a negative number of the PSA framework. On
   an error no output is written. Repeating a call that succeeded, or whose answer was lost, is safe for every
   function. A device that cannot update its firmware answers unknown_command to all of them.

   Image 0 is the non-secure image, in two slots: the boot stage starts one of them and never swaps. Image 1
   is the secure image, in its one slot 0: it is shown and cannot be changed here. Only the boot stage decides
   whether an image is trusted, at every reset; what is uploaded is checked here for its form alone. */
#ifndef PEDIGREE_UPDATE_H
#define PEDIGREE_UPDATE_H

#include <stddef.h>
#include <stdint.h>

#include "psa/client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PEDIGREE_IMAGE_NONSECURE 0u
#define PEDIGREE_IMAGE_SECURE 1u
/* Slots of the non-secure image, and entries that pedigree_image_state writes at most. */
#define PEDIGREE_IMAGE_SLOTS 2u
#define PEDIGREE_MAX_IMAGE_STATES 3u
#define PEDIGREE_MAX_IMAGE_DIGEST 64u
#define PEDIGREE_MAX_REVOCATIONS 8192u /* octets of the longest signed list */

/* psa_call types. */
#define PEDIGREE_CALL_IMAGE_STATE 32
#define PEDIGREE_CALL_IMAGE_WRITE 33
#define PEDIGREE_CALL_IMAGE_TEST 34
#define PEDIGREE_CALL_IMAGE_CONFIRM 35
#define PEDIGREE_CALL_IMAGE_ERASE 36
#define PEDIGREE_CALL_REVOCATIONS_INFO 37
#define PEDIGREE_CALL_REVOCATIONS_WRITE 38

/* Flags of a slot. */
#define PEDIGREE_IMAGE_ACTIVE 0x1u    /* the image that runs */
#define PEDIGREE_IMAGE_CONFIRMED 0x2u /* the image that the boot stage falls back to */
#define PEDIGREE_IMAGE_PENDING 0x4u   /* will be started at the next reset */
#define PEDIGREE_IMAGE_PERMANENT 0x8u /* with PENDING: confirmed once the boot stage has verified it */
#define PEDIGREE_IMAGE_BOOTABLE 0x10u /* whole, well-formed, and not refused by the boot stage so far */
#define PEDIGREE_IMAGE_VERIFIED 0x20u /* verified by the boot stage at the last reset; `signer` is valid */
#define PEDIGREE_IMAGE_COUNTER 0x40u  /* `security_counter` is valid: the image has one */

/* A slot with an image in it, or one whose last image was refused. */
typedef struct pedigree_image_state_t {
  uint32_t image;
  uint32_t slot;
  uint32_t flags;            /* PEDIGREE_IMAGE_... */
  uint32_t size;             /* octets, TLV areas included */
  uint32_t refused;          /* 0, or the number of the error for which the boot stage refused the image */
  uint32_t security_counter; /* of the image */
  uint32_t build;            /* version: major.minor.revision+build */
  uint16_t revision;
  uint8_t major;
  uint8_t minor;
  uint32_t digest_size;                      /* 32, 48 or 64; 0: the image has no readable hash */
  uint8_t digest[PEDIGREE_MAX_IMAGE_DIGEST]; /* as the image's own SHA TLV states it: mcumgr's "hash" */
  uint8_t signer[32];                        /* SHA-256 of the signing key's SubjectPublicKeyInfo, or zeros */
} pedigree_image_state_t;

/* Where the part given to pedigree_image_write belongs. */
typedef struct pedigree_image_write_request_t {
  uint32_t image; /* PEDIGREE_IMAGE_NONSECURE; another: wrong_image_state */
  uint32_t offset;
  uint32_t total;   /* octets of the whole image; used at offset 0 */
  uint32_t has_sha; /* 1: sha256 is that of the whole upload; used at offset 0 */
  uint8_t sha256[32];
} pedigree_image_write_request_t;

/* How far an upload has come. */
typedef struct pedigree_image_written_t {
  uint32_t next;     /* offset where to go on; `total` once all is there */
  uint32_t complete; /* 1: all is there, its SHA-256 is the announced one, and it is an image by its form */
} pedigree_image_written_t;

/* Where the part given to pedigree_revocations_write belongs. */
typedef struct pedigree_revocations_write_request_t {
  uint32_t offset;
  uint32_t total; /* octets of the whole list; used at offset 0 */
} pedigree_revocations_write_request_t;

/* The list that the device keeps. */
typedef struct pedigree_revocations_t {
  uint64_t number; /* 0: none */
  uint32_t size;   /* octets of the signed list */
  uint32_t count;  /* keys that it names */
} pedigree_revocations_t;

/* Fills `states` (room for PEDIGREE_MAX_IMAGE_STATES) in the order of image and slot; an empty slot is passed
   over. Errors: storage_corrupt. */
psa_status_t pedigree_image_state(psa_handle_t handle, pedigree_image_state_t* states, size_t* count);

/* Takes a part of an image into the slot that is neither running nor confirmed. A part that does not start
   where the upload stands is not taken, which is no error: `written->next` says where to go on. An upload
   that begins as an unfinished one did, with the same total and sha256, resumes it, also after a loss of
   power (at the start of a flash sector); without sha256 it begins anew. A new upload drops what was in the
   slot, pending or not. Errors: wrong_image_state (no slot is free: the running image is on trial, confirm it
   first), too_long (larger than a slot), bad_request (total 0, or more octets than announced),
   bad_digest (the whole has another SHA-256; the upload is dropped), bad_image and other errors of the
   image's form (the upload is dropped), storage_failure. */
psa_status_t pedigree_image_write(psa_handle_t handle, const pedigree_image_write_request_t* request,
                                  const uint8_t* data, size_t size, pedigree_image_written_t* written);

/* Has the boot stage start the image with this digest at the next reset, once: unless it is confirmed while
   it runs, the reset after that starts the confirmed image again. A refusal of the boot stage is forgotten.
   Already so: success. Errors: not_found (no whole image has this digest), wrong_image_state (it runs). */
psa_status_t pedigree_image_test(psa_handle_t handle, const uint8_t* digest, size_t digest_size);

/* Without digest, or with that of the running image: the running image is the one to fall back to from now
   on, and the device's security counters rise to those of the images that run. With the digest of the other
   slot: the boot stage starts it at the next reset and confirms it as soon as it has verified it. Already so:
   success. Errors: not_found, wrong_image_state (the other slot is named while the running image is on
   trial). */
psa_status_t pedigree_image_confirm(psa_handle_t handle, const uint8_t* digest, size_t digest_size);

/* Erases a slot of the non-secure image. Empty: success. Errors: not_found (no such slot), wrong_image_state
   (running or confirmed). */
psa_status_t pedigree_image_erase(psa_handle_t handle, uint32_t slot);

/* The slot that the next upload goes to, as mcumgr's erase without a slot means it: `slot` of
   pedigree_image_erase. */
#define PEDIGREE_IMAGE_UPLOAD_SLOT 0xffffffffu

/* Number and size of the list of revoked signers. */
psa_status_t pedigree_revocations_info(psa_handle_t handle, pedigree_revocations_t* revocations);

/* Takes a part of a signed list (core/firmware_image/revocation_list.h). `next` is the offset where to go on;
   a part that does not start there is not taken, which is no error. With its last octet the list is verified
   to the device's firmware root and takes the place of the one before in one step; from the next reset on the
   boot stage heeds it. A loss of power before that: `next` is 0. The same list again: success. Errors:
   too_long, bad_request, list_refused, list_rolled_back, no_firmware_root, storage_failure; the transfer is
   dropped then. */
psa_status_t pedigree_revocations_write(psa_handle_t handle,
                                        const pedigree_revocations_write_request_t* request,
                                        const uint8_t* data, size_t size, uint32_t* next);

#ifdef __cplusplus
}
#endif

#endif
