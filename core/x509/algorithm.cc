// SPDX-License-Identifier: Apache-2.0
// AlgorithmIdentifiers of signatures.
#include "core/x509/certificate.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

using crypto::Hash;
using crypto::Scheme;
using crypto::SignatureAlgorithm;

struct Known {
  Bytes oid;
  SignatureAlgorithm algorithm;
};

// One table for reading and writing. RSASSA-PSS and Ed25519 have one OID for all hashes.
constexpr Known kKnown[] = {
    {oid::kEcdsaWithSha256, {Scheme::ecdsa, Hash::sha256}},
    {oid::kEcdsaWithSha384, {Scheme::ecdsa, Hash::sha384}},
    {oid::kEcdsaWithSha512, {Scheme::ecdsa, Hash::sha512}},
    {oid::kEd25519, {Scheme::eddsa, Hash::sha512}},
    {oid::kSha256WithRsa, {Scheme::rsa_pkcs1, Hash::sha256}},
    {oid::kSha384WithRsa, {Scheme::rsa_pkcs1, Hash::sha384}},
    {oid::kSha512WithRsa, {Scheme::rsa_pkcs1, Hash::sha512}},
    {oid::kRsassaPss, {Scheme::rsa_pss, Hash::sha256}},
};

constexpr std::span<const std::uint8_t, 9> hash_oid(Hash hash) noexcept {
  return hash == Hash::sha256 ? oid::kSha256 : hash == Hash::sha384 ? oid::kSha384 : oid::kSha512;
}

// Parameters that may be NULL or absent (RFC 4055 2.1 and 5: both must be accepted).
Result<void> read_optional_null(Reader& in) noexcept {
  if (!in.empty()) PEDIGREE_TRY(der::read_null(in));
  return in.finish();
}

// HashAlgorithm of RFC 4055 2.1; empty for hashes outside the contract.
Result<std::optional<Hash>> read_hash(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  Reader fields = sequence.reader();
  PEDIGREE_ASSIGN(const Bytes oid, der::read_oid(fields));
  PEDIGREE_TRY(read_optional_null(fields));
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
    if (equal(oid, hash_oid(hash))) return hash;
  }
  return std::optional<Hash>();
}

// MaskGenAlgorithm: MGF1 over a hash; empty for others.
Result<std::optional<Hash>> read_mask_generation(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  Reader fields = sequence.reader();
  PEDIGREE_ASSIGN(const Bytes oid, der::read_oid(fields));
  if (!equal(oid, oid::kMgf1)) return std::optional<Hash>();
  PEDIGREE_ASSIGN(const std::optional<Hash> hash, read_hash(fields));
  PEDIGREE_TRY(fields.finish());
  return hash;
}

// RSASSA-PSS-params (RFC 4055 3.1). Their defaults mean SHA-1, so all three fields must be there. Empty for
// well-formed parameters outside the contract.
Result<std::optional<SignatureAlgorithm>> read_pss_parameters(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  PEDIGREE_TRY(in.finish());
  Reader fields = sequence.reader();
  std::optional<Hash> hash;
  std::optional<Hash> mask_hash;
  std::uint32_t salt = 20;
  for (unsigned n = 0; n < 3; ++n) {
    if (!der::next_is(fields, der::context_constructed(n))) continue;
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(fields));
    Reader content = field.reader();
    if (n == 0) {
      PEDIGREE_ASSIGN(hash, read_hash(content));
    } else if (n == 1) {
      PEDIGREE_ASSIGN(mask_hash, read_mask_generation(content));
    } else {
      PEDIGREE_ASSIGN(salt, der::read_u32(content));
    }
    if (n == 1 && !mask_hash) return std::optional<SignatureAlgorithm>();
    PEDIGREE_TRY(content.finish());
  }
  // trailerField has one permitted value, its default, which DER leaves out (X.690 11.5).
  PEDIGREE_TRY(fields.finish());
  if (!hash || mask_hash != hash || salt != crypto::digest_size(*hash)) {
    return std::optional<SignatureAlgorithm>();
  }
  return SignatureAlgorithm{Scheme::rsa_pss, *hash};
}

void write_hash(Hash hash, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  out.oid(hash_oid(hash));
  out.null();
  out.close(sequence);
}

void write_pss_parameters(Hash hash, der::Builder& out) noexcept {
  const std::size_t parameters = out.open(der::kSequence);
  const std::size_t hash_field = out.open(der::context_constructed(0));
  write_hash(hash, out);
  out.close(hash_field);
  const std::size_t mask_field = out.open(der::context_constructed(1));
  const std::size_t mask = out.open(der::kSequence);
  out.oid(oid::kMgf1);
  write_hash(hash, out);
  out.close(mask);
  out.close(mask_field);
  const std::size_t salt = out.open(der::context_constructed(2));
  out.integer(static_cast<std::uint32_t>(crypto::digest_size(hash)));
  out.close(salt);
  out.close(parameters);
}

Result<std::optional<SignatureAlgorithm>> read_parameters(SignatureAlgorithm known, Reader& in) noexcept {
  if (known.scheme == Scheme::rsa_pss) return read_pss_parameters(in);
  if (known.scheme == Scheme::rsa_pkcs1) {
    PEDIGREE_TRY(read_optional_null(in));
  } else {
    // ECDSA (RFC 5758 3.2) and Ed25519 (RFC 8410 3): parameters must be absent.
    PEDIGREE_TRY(in.finish());
  }
  return known;
}

}  // namespace

Result<void> check_unknown_parameters(Reader in) noexcept {
  if (in.empty()) return {};
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const der::Element parameters, der::read_any(in));
  PEDIGREE_TRY(in.finish());
  return der::check_nesting(parameters.whole, offset);
}

Result<AlgorithmIdentifier> read_algorithm(Reader& in) noexcept {
  Reader ahead = in;
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(ahead, der::kSequence));
  Reader fields = sequence.reader();
  AlgorithmIdentifier algorithm;
  algorithm.whole = sequence.whole;
  PEDIGREE_ASSIGN(algorithm.oid, der::read_oid(fields));
  const auto* known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                   [&](const Known& entry) { return equal(entry.oid, algorithm.oid); });
  if (known != std::end(kKnown)) {
    PEDIGREE_ASSIGN(algorithm.signature, read_parameters(known->algorithm, fields));
  } else {
    PEDIGREE_TRY(check_unknown_parameters(fields));
  }
  in = ahead;
  return algorithm;
}

void write_signature_algorithm(SignatureAlgorithm algorithm, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  const bool one_oid = algorithm.scheme == Scheme::rsa_pss || algorithm.scheme == Scheme::eddsa;
  for (const Known& known : kKnown) {
    if (known.algorithm.scheme != algorithm.scheme) continue;
    if (!one_oid && known.algorithm.hash != algorithm.hash) continue;
    out.oid(known.oid);
    break;
  }
  if (algorithm.scheme == Scheme::rsa_pkcs1) out.null();
  if (algorithm.scheme == Scheme::rsa_pss) write_pss_parameters(algorithm.hash, out);
  out.close(sequence);
}

}  // namespace pedigree::x509
