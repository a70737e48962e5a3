/* SPDX-License-Identifier: Apache-2.0 */
/* libpedigree: appraise attestation tokens and signed data, and learn why. docs/c-api.md tells more.
 *
 * Functions that can fail return 0, or a number: negative ones are PEDIGREE_E_*, positive ones those of the
 * error list (core/bytes/error.h, and "code" in JSON), which is extended and never renumbered.
 * pedigree_last_error() has the sentence. On failure an output pointer is set to NULL. No C++ exception
 * leaves the library.
 *
 * Threads: a verifier may be used by any number of threads at once, also while something is added to it. A
 * result belongs to one thread at a time. Freeing must be the last use.
 *
 * Octets and texts that a function takes are only read during the call. Those that it returns belong to the
 * result (or to the library) and live as long. Texts are UTF-8 and end with a zero octet.
 *
 * ABI: symbols and numbers of one PEDIGREE_API_VERSION do not change; what is new comes with a new function.
 */
#ifndef PEDIGREE_H
#define PEDIGREE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface: the number in libpedigree.so.0 changes with what is incompatible, this one with
 * every addition. */
#define PEDIGREE_API_VERSION 1

/* An argument that must not be NULL is, or a number is out of its range. */
#define PEDIGREE_E_ARGUMENT (-1)
#define PEDIGREE_E_MEMORY (-2)
/* A defect of the library; pedigree_last_error() says what is known. */
#define PEDIGREE_E_INTERNAL (-3)

/* What a relying party accepts, and what it knows of revocation. */
typedef struct pedigree_verifier pedigree_verifier;
/* The answer to one question. */
typedef struct pedigree_result pedigree_result;

/* Borrowed octets; data may be NULL where size is 0. */
typedef struct pedigree_bytes {
  const uint8_t* data;
  size_t size;
} pedigree_bytes;

typedef enum pedigree_verdict {
  PEDIGREE_TRUSTED = 0,
  PEDIGREE_WARNING = 1,
  PEDIGREE_REJECTED = 2
} pedigree_verdict;

typedef enum pedigree_outcome {
  PEDIGREE_CHECK_OK = 0,
  PEDIGREE_CHECK_WARNING = 1,
  PEDIGREE_CHECK_FAILED = 2,
  PEDIGREE_CHECK_SKIPPED = 3
} pedigree_outcome;

/* PEDIGREE_API_VERSION of the library that is running, which may be newer than this header. */
uint32_t pedigree_api_version(void);
/* "0.1.0". */
const char* pedigree_version(void);
/* The sentence of this thread's last failure, without a full stop; "" before the first. Lives until the next
 * call on this thread. */
const char* pedigree_last_error(void);

/* Makes a verifier from a policy in TOML (docs/formats.md), by file, or by text with the folder that the
 * files named in it are relative to. Fails as the policy says: a setting that is unknown, a file that cannot
 * be read. */
int pedigree_verifier_from_file(const char* policy_file, pedigree_verifier** verifier);
int pedigree_verifier_from_text(const char* policy, const char* folder, pedigree_verifier** verifier);
/* NULL is allowed. */
void pedigree_verifier_free(pedigree_verifier* verifier);

/* Adds a CRL (DER). It counts for certificates whose issuer signed it. */
int pedigree_verifier_add_crl(pedigree_verifier* verifier, const uint8_t* der, size_t size);
/* Adds an OCSP response (DER). */
int pedigree_verifier_add_ocsp(pedigree_verifier* verifier, const uint8_t* der, size_t size);
/* Loads a trust bundle under a root of the policy, or puts a newer one in the place of the one before. now:
 * seconds since 1970, or 0 for the system's clock. */
int pedigree_verifier_load_bundle(pedigree_verifier* verifier, const char* file, int64_t now);
/* Sets the P-256 key (PEM, PKCS#8) that EARs are signed with. passphrase: NULL or "" where the key is not
 * encrypted. */
int pedigree_verifier_set_ear_key(pedigree_verifier* verifier, const char* pem, const char* passphrase);

/* Appraises an attestation token (COSE_Sign1). chain: certificates beside the token, DER, leaf first; 0 of
 * them: those in the token. nonce: what the device was asked with; of size 0 where there was none. A token
 * that is not to be trusted is a result, not a failure. */
int pedigree_appraise_token(const pedigree_verifier* verifier, pedigree_bytes token,
                            const pedigree_bytes* chain, size_t chain_count, pedigree_bytes nonce,
                            int64_t now, pedigree_result** result);
/* Verifies data (COSE_Sign1 with its payload) that a device's data key signed. */
int pedigree_verify_data(const pedigree_verifier* verifier, pedigree_bytes message,
                         const pedigree_bytes* chain, size_t chain_count, int64_t now,
                         pedigree_result** result);
/* NULL is allowed. */
void pedigree_result_free(pedigree_result* result);

pedigree_verdict pedigree_result_verdict(const pedigree_result* result);
/* Why it is not trusted: the sentence of the first failed check, or else of the first warning; "" where all
 * is well. */
const char* pedigree_result_reason(pedigree_result* result);
/* Its number in the error list; 0 where all is well. */
int pedigree_result_reason_code(const pedigree_result* result);

/* The checks, in the order in which they are made. index: below the count. */
size_t pedigree_result_check_count(const pedigree_result* result);
/* "signature", "revocation"...; NULL where the index is too large. */
const char* pedigree_result_check_kind(const pedigree_result* result, size_t index);
/* PEDIGREE_CHECK_SKIPPED where the index is too large. */
pedigree_outcome pedigree_result_check_outcome(const pedigree_result* result, size_t index);
/* NULL where the index is too large, or memory is short. */
const char* pedigree_result_check_sentence(pedigree_result* result, size_t index);

/* The whole appraisal, and the token's claims alone ("null" where there are none), as JSON (docs/formats.md).
 * NULL where memory is short. */
const char* pedigree_result_json(pedigree_result* result);
const char* pedigree_result_claims_json(pedigree_result* result);
/* Whom the key that signed is certified for (33 octets), that key (SubjectPublicKeyInfo, DER), and what was
 * signed; of size 0 where it is not known. Believe them only where the verdict allows it. */
pedigree_bytes pedigree_result_device_id(const pedigree_result* result);
pedigree_bytes pedigree_result_attested_key(const pedigree_result* result);
pedigree_bytes pedigree_result_payload(const pedigree_result* result);

/* The result for others: an EAR (draft-ietf-rats-ear), signed by the verifier's key. nonce: of whoever asks
 * for the EAR, 8 to 64 octets, or of size 0. lifetime: seconds until it expires; 0: it does not. Fails with
 * PEDIGREE_E_ARGUMENT where the verifier has no key. The output belongs to the result, until the next one of
 * its form. */
int pedigree_result_ear_jwt(pedigree_result* result, const pedigree_verifier* verifier, pedigree_bytes nonce,
                            int64_t lifetime, const char** jwt);
int pedigree_result_ear_cwt(pedigree_result* result, const pedigree_verifier* verifier, pedigree_bytes nonce,
                            int64_t lifetime, pedigree_bytes* cwt);

#ifdef __cplusplus
}
#endif

#endif
