// SPDX-License-Identifier: Apache-2.0
// Keys, checkpoints and proofs from strangers. A proof that is read says the same when it is printed and read
// again; nothing that a fuzzer makes is signed by this key.
#include <cstdlib>

#include "crypto/openssl/openssl_crypto.h"
#include "registry/audit_entry.h"
#include "server/audit/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  static const crypto::OpenSslCrypto crypto;
  static const auto key =
      audit::parse_log_key(crypto, "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
          .value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (audit::open_checkpoint(crypto, key, text)) std::abort();
  if (const auto other = audit::parse_log_key(crypto, text)) {
    if (audit::print_log_key(crypto, *other) != text) std::abort();
  }
  if (const auto proof = audit::parse_proof(text)) {
    if (audit::print_proof(*proof) != text) std::abort();
    if (audit::verify_proof(crypto, key, *proof)) std::abort();
  }
  if (const auto event = registry::decode_entry({data, size})) {
    const auto again = registry::encode_entry(*event);
    if (!equal(again, Bytes(data, size))) std::abort();
  }
  return 0;
}
