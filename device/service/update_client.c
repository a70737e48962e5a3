/* SPDX-License-Identifier: Apache-2.0 */
#include "pedigree/update.h"

#define IN(pointer, length) {(pointer), (length)}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

psa_status_t pedigree_image_state(psa_handle_t handle, pedigree_image_state_t* states, size_t* count) {
  psa_outvec out[] = {{states, PEDIGREE_MAX_IMAGE_STATES * sizeof *states}};
  const psa_status_t status = psa_call(handle, PEDIGREE_CALL_IMAGE_STATE, NULL, 0, out, COUNT(out));
  if (status == 0) *count = out[0].len / sizeof *states;
  return status;
}

psa_status_t pedigree_image_write(psa_handle_t handle, const pedigree_image_write_request_t* request,
                                  const uint8_t* data, size_t size, pedigree_image_written_t* written) {
  const psa_invec in[] = {IN(request, sizeof *request), IN(data, size)};
  psa_outvec out[] = {{written, sizeof *written}};
  return psa_call(handle, PEDIGREE_CALL_IMAGE_WRITE, in, COUNT(in), out, COUNT(out));
}

psa_status_t pedigree_image_test(psa_handle_t handle, const uint8_t* digest, size_t digest_size) {
  const psa_invec in[] = {IN(digest, digest_size)};
  return psa_call(handle, PEDIGREE_CALL_IMAGE_TEST, in, COUNT(in), NULL, 0);
}

psa_status_t pedigree_image_confirm(psa_handle_t handle, const uint8_t* digest, size_t digest_size) {
  const psa_invec in[] = {IN(digest, digest_size)};
  return psa_call(handle, PEDIGREE_CALL_IMAGE_CONFIRM, in, COUNT(in), NULL, 0);
}

psa_status_t pedigree_image_erase(psa_handle_t handle, uint32_t slot) {
  const psa_invec in[] = {IN(&slot, sizeof slot)};
  return psa_call(handle, PEDIGREE_CALL_IMAGE_ERASE, in, COUNT(in), NULL, 0);
}

psa_status_t pedigree_revocations_info(psa_handle_t handle, pedigree_revocations_t* revocations) {
  psa_outvec out[] = {{revocations, sizeof *revocations}};
  return psa_call(handle, PEDIGREE_CALL_REVOCATIONS_INFO, NULL, 0, out, COUNT(out));
}

psa_status_t pedigree_revocations_write(psa_handle_t handle,
                                        const pedigree_revocations_write_request_t* request,
                                        const uint8_t* data, size_t size, uint32_t* next) {
  const psa_invec in[] = {IN(request, sizeof *request), IN(data, size)};
  psa_outvec out[] = {{next, sizeof *next}};
  return psa_call(handle, PEDIGREE_CALL_REVOCATIONS_WRITE, in, COUNT(in), out, COUNT(out));
}
