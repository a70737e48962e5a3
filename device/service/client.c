/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/service.h"

#define IN(pointer, length) {(pointer), (length)}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

psa_status_t pedigree_info(psa_handle_t handle, pedigree_info_t* info) {
  psa_outvec out[] = {{info, sizeof *info}};
  return psa_call(handle, PEDIGREE_CALL_INFO, NULL, 0, out, COUNT(out));
}

psa_status_t pedigree_list_slots(psa_handle_t handle, pedigree_slot_info_t* slots, size_t* count) {
  psa_outvec out[] = {{slots, PEDIGREE_MAX_SLOTS * sizeof *slots}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_LIST_SLOTS, NULL, 0, out, COUNT(out));
  if (status == 0) *count = out[0].len / sizeof *slots;
  return status;
}

psa_status_t pedigree_begin(psa_handle_t handle, const pedigree_begin_request_t* request,
                            const uint8_t* import_key, size_t import_key_size,
                            pedigree_begin_response_t* response, uint8_t* spki, size_t* spki_size) {
  const psa_invec in[] = {IN(request, sizeof *request), IN(import_key, import_key_size)};
  psa_outvec out[] = {{response, sizeof *response}, {spki, PEDIGREE_MAX_SPKI}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_BEGIN, in, COUNT(in), out, COUNT(out));
  if (status == 0) *spki_size = out[1].len;
  return status;
}

psa_status_t pedigree_csr(psa_handle_t handle, const pedigree_csr_request_t* request, uint8_t* buffer,
                          size_t capacity, size_t* size, uint32_t* total) {
  const psa_invec in[] = {IN(request, sizeof *request)};
  psa_outvec out[] = {{total, sizeof *total}, {buffer, capacity}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_CSR, in, COUNT(in), out, COUNT(out));
  if (status == 0) *size = out[1].len;
  return status;
}

psa_status_t pedigree_attest(psa_handle_t handle, const pedigree_attest_request_t* request, uint8_t* buffer,
                             size_t capacity, size_t* size, uint32_t* total) {
  const psa_invec in[] = {IN(request, sizeof *request)};
  psa_outvec out[] = {{total, sizeof *total}, {buffer, capacity}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_ATTEST, in, COUNT(in), out, COUNT(out));
  if (status == 0) *size = out[1].len;
  return status;
}

psa_status_t pedigree_chain_write(psa_handle_t handle, const pedigree_chain_write_request_t* request,
                                  const uint8_t* data, size_t size, uint32_t* next) {
  const psa_invec in[] = {IN(request, sizeof *request), IN(data, size)};
  psa_outvec out[] = {{next, sizeof *next}};
  return psa_call(handle, PEDIGREE_CALL_CHAIN_WRITE, in, COUNT(in), out, COUNT(out));
}

psa_status_t pedigree_chain_read(psa_handle_t handle, const pedigree_range_request_t* request,
                                 uint8_t* buffer, size_t capacity, size_t* size, uint32_t* total) {
  const psa_invec in[] = {IN(request, sizeof *request)};
  psa_outvec out[] = {{total, sizeof *total}, {buffer, capacity}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_CHAIN_READ, in, COUNT(in), out, COUNT(out));
  if (status == 0) *size = out[1].len;
  return status;
}

psa_status_t pedigree_chain_digest(psa_handle_t handle, uint32_t slot, pedigree_chain_digest_t* digest) {
  const psa_invec in[] = {IN(&slot, sizeof slot)};
  psa_outvec out[] = {{digest, sizeof *digest}};
  return psa_call(handle, PEDIGREE_CALL_CHAIN_DIGEST, in, COUNT(in), out, COUNT(out));
}

psa_status_t pedigree_commit(psa_handle_t handle, const pedigree_commit_request_t* request, uint8_t* receipt,
                             size_t capacity, size_t* receipt_size) {
  const psa_invec in[] = {IN(request, sizeof *request)};
  psa_outvec out[] = {{receipt, capacity}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_COMMIT, in, COUNT(in), out, COUNT(out));
  if (status == 0) *receipt_size = out[0].len;
  return status;
}

psa_status_t pedigree_abort(psa_handle_t handle, uint32_t slot) {
  const psa_invec in[] = {IN(&slot, sizeof slot)};
  return psa_call(handle, PEDIGREE_CALL_ABORT, in, COUNT(in), NULL, 0);
}

psa_status_t pedigree_destroy(psa_handle_t handle, uint32_t slot) {
  const psa_invec in[] = {IN(&slot, sizeof slot)};
  return psa_call(handle, PEDIGREE_CALL_DESTROY, in, COUNT(in), NULL, 0);
}

psa_status_t pedigree_sign_hash(psa_handle_t handle, uint32_t slot, const uint8_t* digest, size_t digest_size,
                                uint8_t* signature, size_t* signature_size) {
  const psa_invec in[] = {IN(&slot, sizeof slot), IN(digest, digest_size)};
  psa_outvec out[] = {{signature, PEDIGREE_MAX_SIGNATURE}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_SIGN_HASH, in, COUNT(in), out, COUNT(out));
  if (status == 0) *signature_size = out[0].len;
  return status;
}

psa_status_t pedigree_public_key(psa_handle_t handle, uint32_t slot, uint8_t* spki, size_t* spki_size) {
  const psa_invec in[] = {IN(&slot, sizeof slot)};
  psa_outvec out[] = {{spki, PEDIGREE_MAX_SPKI}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_PUBLIC_KEY, in, COUNT(in), out, COUNT(out));
  if (status == 0) *spki_size = out[0].len;
  return status;
}

psa_status_t pedigree_challenge(psa_handle_t handle, pedigree_challenge_t* challenge) {
  psa_outvec out[] = {{challenge, sizeof *challenge}};
  return psa_call(handle, PEDIGREE_CALL_CHALLENGE, NULL, 0, out, COUNT(out));
}

psa_status_t pedigree_grant_write(psa_handle_t handle, const pedigree_grant_write_request_t* request,
                                  const uint8_t* data, size_t size, uint32_t* next) {
  const psa_invec in[] = {IN(request, sizeof *request), IN(data, size)};
  psa_outvec out[] = {{next, sizeof *next}};
  return psa_call(handle, PEDIGREE_CALL_GRANT_WRITE, in, COUNT(in), out, COUNT(out));
}
