// SPDX-License-Identifier: Apache-2.0
// The PSA operations that either side uses, and those of core's adapter (crypto/psa): in all three images.
#include "device/ports/mps2/compare/operations.h"

extern "C" {

/// What keeps them in the image.
extern const void* const kOperations[];
const void* const kOperations[] = {reinterpret_cast<const void*>(psa_crypto_init),
                                   reinterpret_cast<const void*>(psa_generate_key),
                                   reinterpret_cast<const void*>(psa_import_key),
                                   reinterpret_cast<const void*>(psa_destroy_key),
                                   reinterpret_cast<const void*>(psa_export_public_key),
                                   reinterpret_cast<const void*>(psa_get_key_attributes),
                                   reinterpret_cast<const void*>(psa_sign_hash),
                                   reinterpret_cast<const void*>(psa_verify_hash),
                                   reinterpret_cast<const void*>(psa_hash_setup),
                                   reinterpret_cast<const void*>(psa_hash_update),
                                   reinterpret_cast<const void*>(psa_hash_finish),
                                   reinterpret_cast<const void*>(psa_hash_abort),
                                   reinterpret_cast<const void*>(psa_hash_clone),
                                   reinterpret_cast<const void*>(psa_hash_compute),
                                   reinterpret_cast<const void*>(psa_mac_sign_setup),
                                   reinterpret_cast<const void*>(psa_mac_update),
                                   reinterpret_cast<const void*>(psa_mac_sign_finish),
                                   reinterpret_cast<const void*>(psa_mac_abort),
                                   reinterpret_cast<const void*>(psa_generate_random),
                                   reinterpret_cast<const void*>(psa_reset_key_attributes)};

void compare_entry() {
#ifdef PEDIGREE_COMPARE_JOBS
  using namespace pedigree::mps2::compare;
  static std::array<std::uint8_t, 1024> out;
  static Chain chain;
  static_cast<void>(write_request(1, out, out, out));
  static_cast<void>(check_chain(chain));
#endif
}
}
