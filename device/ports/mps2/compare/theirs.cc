// SPDX-License-Identifier: Apache-2.0
// The same with Mbed TLS's X.509, over keys in PSA Crypto. It checks less: no name constraints, no keys that
// are no certificate, no duplicate attributes.
#include "device/ports/mps2/compare/operations.h"
#include "mbedtls/x509_crt.h"
#include "mbedtls/x509_csr.h"

namespace pedigree::mps2::compare {
namespace {

int random_octets(void* /*context*/, unsigned char* out, std::size_t size) {
  return psa_generate_random(out, size) == PSA_SUCCESS ? 0 : -1;
}

}  // namespace

std::size_t write_request(psa_key_id_t key, Bytes device_id_hex, Bytes /*spki*/, MutableBytes out) noexcept {
  mbedtls_pk_context pair;
  mbedtls_pk_init(&pair);
  mbedtls_x509write_csr request;
  mbedtls_x509write_csr_init(&request);
  int result = mbedtls_pk_setup_opaque(&pair, key);
  if (result == 0) {
    result =
        mbedtls_x509write_csr_set_subject_name(&request, reinterpret_cast<const char*>(device_id_hex.data()));
  }
  mbedtls_x509write_csr_set_md_alg(&request, MBEDTLS_MD_SHA256);
  mbedtls_x509write_csr_set_key(&request, &pair);
  if (result == 0) result = mbedtls_x509write_csr_set_key_usage(&request, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  if (result == 0) {
    result = mbedtls_x509write_csr_der(&request, out.data(), out.size(), random_octets, nullptr);
  }
  mbedtls_x509write_csr_free(&request);
  mbedtls_pk_free(&pair);
  return result > 0 ? static_cast<std::size_t>(result) : 0;
}

bool check_chain(const Chain& chain) noexcept {
  mbedtls_x509_crt presented;
  mbedtls_x509_crt root;
  mbedtls_x509_crt_init(&presented);
  mbedtls_x509_crt_init(&root);
  int result = mbedtls_x509_crt_parse_der_nocopy(&root, chain.root.data(), chain.root.size());
  for (const Bytes der : std::span(chain.certificates).first(chain.count)) {
    if (result == 0) result = mbedtls_x509_crt_parse_der_nocopy(&presented, der.data(), der.size());
  }
  std::uint32_t flags = 0;
  if (result == 0)
    result = mbedtls_x509_crt_verify(&presented, &root, nullptr, nullptr, &flags, nullptr, nullptr);
  if (result == 0) {
    result = mbedtls_x509_crt_check_key_usage(&presented, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  }
  mbedtls_x509_crt_free(&presented);
  mbedtls_x509_crt_free(&root);
  return result == 0;
}

}  // namespace pedigree::mps2::compare
