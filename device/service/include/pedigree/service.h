/* SPDX-License-Identifier: Apache-2.0 */
/* Client interface of Pedigree's secure service, for the non-secure side and for other partitions.

   Every function is one psa_call with at most four vectors. `handle` names the service: the stateless handle
   on a real device, one of many devices in the simulator. Enumerators are those of core/enrol/messages.h and
   core/crypto/crypto.h (KeyType), as numbers.

   Results: 0 is success; a positive number is a number of the one error list (core/bytes/error.h); a negative
   number comes from the PSA framework itself. On an error no output is written and nothing on the device has
   changed. Repeating a call that succeeded, or whose answer was lost, is safe for every function. */
#ifndef PEDIGREE_SERVICE_H
#define PEDIGREE_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "psa/client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PEDIGREE_DEVICE_ID_SIZE 33u
#define PEDIGREE_NONCE_SIZE 32u
#define PEDIGREE_SHA256_SIZE 32u
#define PEDIGREE_MAX_LABEL 32u
#define PEDIGREE_MAX_SLOTS 8u
/* Largest SubjectPublicKeyInfo (P-384), receipt, and signature (P-384, r | s) that the service returns. */
#define PEDIGREE_MAX_SPKI 120u
#define PEDIGREE_MAX_RECEIPT 288u
#define PEDIGREE_MAX_SIGNATURE 96u
/* Largest receipt that is an attestation token, and largest challenge. */
#define PEDIGREE_MAX_TOKEN_RECEIPT 1024u
#define PEDIGREE_MAX_CHALLENGE 64u

/* psa_call types. */
#define PEDIGREE_CALL_INFO 1
#define PEDIGREE_CALL_LIST_SLOTS 2
#define PEDIGREE_CALL_BEGIN 3
#define PEDIGREE_CALL_CSR 4
#define PEDIGREE_CALL_CHAIN_WRITE 5
#define PEDIGREE_CALL_CHAIN_READ 6
#define PEDIGREE_CALL_CHAIN_DIGEST 7
#define PEDIGREE_CALL_COMMIT 8
#define PEDIGREE_CALL_ABORT 9
#define PEDIGREE_CALL_DESTROY 10
#define PEDIGREE_CALL_SIGN_HASH 11
#define PEDIGREE_CALL_PUBLIC_KEY 12
#define PEDIGREE_CALL_ATTEST 13
#define PEDIGREE_CALL_CHALLENGE 14
#define PEDIGREE_CALL_GRANT_WRITE 15

/* What pedigree_info answers. */
typedef struct pedigree_info_t {
  uint32_t max_chain;  /* octets of the largest chain */
  uint32_t algorithms; /* bit n: KeyType n can be made */
  uint32_t origins;    /* bit n: Origin n can be asked for */
  uint32_t slots_used; /* damaged ones included */
  uint32_t slots_total;
  uint8_t lifecycle;
  uint8_t root_pinned; /* 1: pinned_root is valid */
  uint8_t dummy_key;   /* 1: a published test key is in use */
  uint8_t entropy;     /* where random numbers come from, as enumerator Entropy */
  uint8_t device_id[PEDIGREE_DEVICE_ID_SIZE];
  uint8_t pinned_root[PEDIGREE_SHA256_SIZE]; /* SHA-256 of the root's SubjectPublicKeyInfo */
  char version[16];                          /* ends in a zero octet, as does world */
  char world[16];
} pedigree_info_t;

/* A slot in use, as pedigree_list_slots answers. */
typedef struct pedigree_slot_info_t {
  uint32_t slot;
  uint32_t chain_size; /* octets of the committed chain, 0 if none */
  uint32_t staged;     /* octets received of the chain that is being written */
  uint8_t purpose;
  uint8_t type;
  uint8_t state;
  uint8_t origin;
  uint8_t spki_sha256[PEDIGREE_SHA256_SIZE]; /* of the pending key while pending, else of the active one */
  uint8_t chain_sha256[PEDIGREE_SHA256_SIZE];
} pedigree_slot_info_t;

/* Which key pedigree_begin is to make. */
typedef struct pedigree_begin_request_t {
  uint32_t slot; /* 1 to PEDIGREE_MAX_SLOTS, or 0: the device assigns one */
  uint8_t purpose;
  uint8_t type;
  uint8_t origin;
  uint8_t replace;    /* 1: make a pending key beside the active one */
  uint8_t label_size; /* for derive: 1 to 32; 0 otherwise */
  uint8_t label[PEDIGREE_MAX_LABEL];
  uint8_t reserved[3];
} pedigree_begin_request_t;

/* What pedigree_begin made or found. */
typedef struct pedigree_begin_response_t {
  uint32_t slot;
  uint32_t reused; /* 1: the key was there already */
} pedigree_begin_response_t;

/* What the request's subject holds: serialNumber = device id as hex; or also CN = its first 8 octets. */
#define PEDIGREE_SUBJECT_SERIAL_NUMBER 0u
#define PEDIGREE_SUBJECT_WITH_COMMON_NAME 1u

/* Which part of which request pedigree_csr is to write. */
typedef struct pedigree_csr_request_t {
  uint32_t slot;
  uint32_t offset;
  uint32_t subject;
  uint32_t evidence;                  /* 1: with a token that says where the key was made */
  uint8_t nonce[PEDIGREE_NONCE_SIZE]; /* becomes the challengePassword, as 64 hex characters */
} pedigree_csr_request_t;

/* Which part of which token pedigree_attest is to write. */
typedef struct pedigree_attest_request_t {
  uint32_t slot; /* the built-in attestation key's, or 0: that one, or none */
  uint32_t offset;
  uint32_t chain;                            /* 1: with the slot's chain as x5chain */
  uint32_t challenge_size;                   /* 32, 48 or 64 */
  uint8_t challenge[PEDIGREE_MAX_CHALLENGE]; /* what is behind challenge_size is not looked at */
} pedigree_attest_request_t;

/* Where the part given to pedigree_chain_write belongs. */
typedef struct pedigree_chain_write_request_t {
  uint32_t slot;
  uint32_t offset;
  uint32_t total;   /* octets of the whole chain; used at offset 0 */
  uint32_t has_sha; /* 1: sha256 is that of the whole chain; used at offset 0 */
  uint8_t sha256[PEDIGREE_SHA256_SIZE];
} pedigree_chain_write_request_t;

/* From which octet of which chain pedigree_chain_read reads. */
typedef struct pedigree_range_request_t {
  uint32_t slot;
  uint32_t offset;
} pedigree_range_request_t;

/* What pedigree_chain_digest answers. */
typedef struct pedigree_chain_digest_t {
  uint32_t size;
  uint8_t sha256[PEDIGREE_SHA256_SIZE];
} pedigree_chain_digest_t;

/* Which slot pedigree_commit commits, and the nonce of its receipt. */
typedef struct pedigree_commit_request_t {
  uint32_t slot;
  uint8_t nonce[PEDIGREE_NONCE_SIZE];
} pedigree_commit_request_t;

/* What a grant must answer. */
typedef struct pedigree_challenge_t {
  uint32_t max_grant; /* octets of the longest grant */
  uint8_t nonce[PEDIGREE_NONCE_SIZE];
} pedigree_challenge_t;

/* Where the part given to pedigree_grant_write belongs. */
typedef struct pedigree_grant_write_request_t {
  uint32_t offset;
  uint32_t total; /* octets of the whole grant; used at offset 0 */
} pedigree_grant_write_request_t;

/* Works in every lifecycle. */
psa_status_t pedigree_info(psa_handle_t handle, pedigree_info_t* info);

/* Fills `slots` (room for PEDIGREE_MAX_SLOTS) with those in use, in order; a damaged slot is passed over. */
psa_status_t pedigree_list_slots(psa_handle_t handle, pedigree_slot_info_t* slots, size_t* count);

/* Makes a key, or returns the pending one of the same request. `import_key` is the private scalar for origin
   import, NULL with size 0 otherwise. `spki` has room for PEDIGREE_MAX_SPKI octets. */
psa_status_t pedigree_begin(psa_handle_t handle, const pedigree_begin_request_t* request,
                            const uint8_t* import_key, size_t import_key_size,
                            pedigree_begin_response_t* response, uint8_t* spki, size_t* spki_size);

/* The part of the PKCS#10 request (DER) from `offset` that fits `buffer`; `total` is the size of the whole.
   The request is composed and signed at offset 0 or with a new nonce, and kept for the other parts. For the
   built-in attestation key of a platform where that signs tokens only, it is a token request (CBOR). */
psa_status_t pedigree_csr(psa_handle_t handle, const pedigree_csr_request_t* request, uint8_t* buffer,
                          size_t capacity, size_t* size, uint32_t* total);

/* Takes a part of the chain (CBOR array of DER certificates, leaf first). `next` is the offset where to go
   on: a part that does not start there is not taken, which is no error. */
psa_status_t pedigree_chain_write(psa_handle_t handle, const pedigree_chain_write_request_t* request,
                                  const uint8_t* data, size_t size, uint32_t* next);

/* The part of the committed chain from `offset` that fits `buffer`. */
psa_status_t pedigree_chain_read(psa_handle_t handle, const pedigree_range_request_t* request,
                                 uint8_t* buffer, size_t capacity, size_t* size, uint32_t* total);

/* Size and SHA-256 of the committed chain. */
psa_status_t pedigree_chain_digest(psa_handle_t handle, uint32_t slot, pedigree_chain_digest_t* digest);

/* The part of an attestation token (COSE_Sign1) over a challenge from `offset` that fits `buffer`; `total` is
   the size of the whole. The token is made when one is asked for that is not at hand, and kept for the other
   parts. */
psa_status_t pedigree_attest(psa_handle_t handle, const pedigree_attest_request_t* request, uint8_t* buffer,
                             size_t capacity, size_t* size, uint32_t* total);

/* Checks the staged chain, makes the pending key active with it, and returns a receipt (COSE_Sign1) over
   `nonce`. On a slot that is active already: a fresh receipt. `capacity` octets of `receipt` are at least
   PEDIGREE_MAX_RECEIPT; for the built-in attestation key PEDIGREE_MAX_TOKEN_RECEIPT, or as many as its tokens
   have. */
psa_status_t pedigree_commit(psa_handle_t handle, const pedigree_commit_request_t* request, uint8_t* receipt,
                             size_t capacity, size_t* receipt_size);

/* Drops the pending key and what was staged for it. Nothing pending: success. */
psa_status_t pedigree_abort(psa_handle_t handle, uint32_t slot);

/* Wipes the slot: keys and chains. An empty slot: success. */
psa_status_t pedigree_destroy(psa_handle_t handle, uint32_t slot);

/* Signs a digest (32, 48 or 64 octets: SHA-256, -384, -512) with the active key of a slot of purpose tls or
   data. The signature is r | s. `signature` has room for PEDIGREE_MAX_SIGNATURE. */
psa_status_t pedigree_sign_hash(psa_handle_t handle, uint32_t slot, const uint8_t* digest, size_t digest_size,
                                uint8_t* signature, size_t* signature_size);

/* The nonce for a grant: the same one until a grant was tried with it, or the device was reset. */
psa_status_t pedigree_challenge(psa_handle_t handle, pedigree_challenge_t* challenge);

/* Takes a part of a grant (core/grant/grant.h). `next` is the offset where to go on, as in
   pedigree_chain_write. The last part is answered when the grant was verified: what it permits may then be
   done once, until the device is reset or takes another grant; repin and decommission are done. Whatever the
   outcome, the nonce is used up. A decommission that fails with storage_failure goes on at the next boot. */
psa_status_t pedigree_grant_write(psa_handle_t handle, const pedigree_grant_write_request_t* request,
                                  const uint8_t* data, size_t size, uint32_t* next);

/* SubjectPublicKeyInfo (DER) of the pending key while pending, else of the active one. `spki` as in begin. */
psa_status_t pedigree_public_key(psa_handle_t handle, uint32_t slot, uint8_t* spki, size_t* spki_size);

#ifdef __cplusplus
}
#endif

#endif
