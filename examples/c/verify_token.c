/* SPDX-License-Identifier: Apache-2.0 */
/* Appraises a token with libpedigree and prints every check.
 *
 *   verify_token POLICY TOKEN [NONCE-HEX [BUNDLE]]
 *
 * Exit status: 0 trusted, also with a warning; 1 rejected; 2 nothing was appraised. */
#include <pedigree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKEN = 256 * 1024, MAX_NONCE = 64 };

static int fail(const char* doing) {
  fprintf(stderr, "cannot %s: %s\n", doing, pedigree_last_error());
  return 2;
}

/* Reads at most MAX_TOKEN octets; 0 on failure. */
static size_t read_file(const char* name, uint8_t* into) {
  FILE* file = fopen(name, "rb");
  if (file == NULL) return 0;
  const size_t size = fread(into, 1, MAX_TOKEN, file);
  fclose(file);
  return size;
}

/* Hex to octets; 0 where it is none. */
static size_t read_hex(const char* text, uint8_t* into) {
  const size_t size = strlen(text) / 2;
  if (strlen(text) % 2 != 0 || size > MAX_NONCE) return 0;
  for (size_t i = 0; i < size; ++i) {
    const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
    char* end = NULL;
    into[i] = (uint8_t)strtoul(digits, &end, 16);
    if (end != digits + 2) return 0;
  }
  return size;
}

static int show(pedigree_result* result) {
  static const char* const verdicts[] = {"trusted", "warning", "rejected"};
  static const char* const outcomes[] = {"ok", "warning", "failed", "skipped"};
  const pedigree_verdict verdict = pedigree_result_verdict(result);
  printf("%s %s\n", verdicts[verdict], pedigree_result_reason(result));
  for (size_t i = 0; i < pedigree_result_check_count(result); ++i) {
    printf("  %-8s %-10s %s\n", outcomes[pedigree_result_check_outcome(result, i)],
           pedigree_result_check_kind(result, i), pedigree_result_check_sentence(result, i));
  }
  return verdict == PEDIGREE_REJECTED ? 1 : 0;
}

static int verify(const pedigree_verifier* verifier, const char* token_file, const char* nonce_text) {
  uint8_t* token = malloc(MAX_TOKEN);
  uint8_t nonce[MAX_NONCE];
  const size_t nonce_size = nonce_text == NULL ? 0 : read_hex(nonce_text, nonce);
  const size_t token_size = token == NULL ? 0 : read_file(token_file, token);
  int status = 2;
  if (token_size == 0) {
    fprintf(stderr, "cannot read %s\n", token_file);
  } else if (nonce_text != NULL && nonce_size == 0) {
    fprintf(stderr, "%s is no nonce in hex\n", nonce_text);
  } else {
    const pedigree_bytes evidence = {token, token_size};
    const pedigree_bytes asked = {nonce, nonce_size};
    pedigree_result* result = NULL;
    if (pedigree_appraise_token(verifier, evidence, NULL, 0, asked, 0, &result) != 0) {
      status = fail("appraise the token");
    } else {
      status = show(result);
    }
    pedigree_result_free(result);
  }
  free(token);
  return status;
}

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    fprintf(stderr, "usage: verify_token POLICY TOKEN [NONCE-HEX [BUNDLE]]\n");
    return 2;
  }
  pedigree_verifier* verifier = NULL;
  if (pedigree_verifier_from_file(argv[1], &verifier) != 0) return fail("use the policy");
  int status = 2;
  if (argc == 5 && pedigree_verifier_load_bundle(verifier, argv[4], 0) != 0) {
    status = fail("use the bundle");
  } else {
    status = verify(verifier, argv[2], argc > 3 ? argv[3] : NULL);
  }
  pedigree_verifier_free(verifier);
  return status;
}
