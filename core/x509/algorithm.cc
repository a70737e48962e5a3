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

constexpr unsigned kMaxParameterDepth = 32;

// An OID with its size, in place: the table is short.
struct Known {
  template <std::size_t N>
  constexpr Known(const oid::Oid<N>& octets, SignatureAlgorithm what) noexcept : size(N), algorithm(what) {
    std::copy(octets.begin(), octets.end(), oid.begin());
  }
  [[nodiscard]] constexpr Bytes view() const noexcept { return Bytes(oid).first(size); }

  std::array<std::uint8_t, 9> oid{};
  std::uint8_t size;
  SignatureAlgorithm algorithm;
};

// One table for reading and writing. RSASSA-PSS and Ed25519 have one OID for all hashes.
constexpr Known kKnown[] = {
    {oid::kEcdsaWithSha256, {Scheme::ecdsa, Hash::sha256}},
    {oid::kEcdsaWithSha384, {Scheme::ecdsa, Hash::sha384}},
    {oid::kEcdsaWithSha512, {Scheme::ecdsa, Hash::sha512}},
#ifndef PEDIGREE_ECDSA_ONLY
    {oid::kEd25519, {Scheme::eddsa, Hash::sha512}},
    {oid::kSha256WithRsa, {Scheme::rsa_pkcs1, Hash::sha256}},
    {oid::kSha384WithRsa, {Scheme::rsa_pkcs1, Hash::sha384}},
    {oid::kSha512WithRsa, {Scheme::rsa_pkcs1, Hash::sha512}},
    {oid::kRsassaPss, {Scheme::rsa_pss, Hash::sha256}},
#endif
};

constexpr std::span<const std::uint8_t, 9> hash_oid(Hash hash) noexcept {
  return hash == Hash::sha256 ? oid::kSha256 : hash == Hash::sha384 ? oid::kSha384 : oid::kSha512;
}

// Parameters that may be NULL or absent (RFC 4055 2.1 and 5: both must be accepted).
void read_optional_null(der::Cursor& in) noexcept {
  if (in.more()) in.null();
}

// HashAlgorithm of RFC 4055 2.1; empty for hashes outside the contract.
std::optional<Hash> read_hash(der::Cursor& in) noexcept {
  const der::Inside algorithm(in, der::kSequence);
  in.oid();
  const Bytes oid = in.content();
  read_optional_null(in);
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
    if (equal(oid, hash_oid(hash))) return hash;
  }
  return {};
}

// MaskGenAlgorithm: MGF1 over a hash; empty for others.
std::optional<Hash> read_mask_generation(der::Cursor& in) noexcept {
  const der::Inside algorithm(in, der::kSequence);
  in.oid();
  if (equal(in.content(), oid::kMgf1)) return read_hash(in);
  in.skip_rest();
  return {};
}

// RSASSA-PSS-params (RFC 4055 3.1). Their defaults mean SHA-1, so all three fields must be there. False for
// well-formed parameters outside the contract.
bool read_pss_parameters(der::Cursor& in, Hash& out) noexcept {
  const der::Inside parameters(in, der::kSequence);
  std::optional<Hash> hash;
  std::optional<Hash> mask_hash;
  std::uint32_t salt = 20;
  for (unsigned n = 0; n < 3; ++n) {
    if (!in.next_is(der::context_constructed(n))) continue;
    const der::Inside field(in, der::context_constructed(n));
    if (n == 0) hash = read_hash(in);
    if (n == 1) mask_hash = read_mask_generation(in);
    if (n == 2) salt = in.u32();
  }
  // trailerField has one permitted value, its default, which DER leaves out (X.690 11.5).
  if (!hash || mask_hash != hash || salt != crypto::digest_size(*hash)) return false;
  out = *hash;
  return true;
}

// RSASSA-PSS-params of RFC 4055 3.1 for a hash that differs in the last octet of its OID and the salt's
// length.
void write_pss_parameters(Hash hash, der::Builder& out) noexcept {
  std::array<std::uint8_t, 54> parameters{0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
                                          0x01, 0x65, 0x03, 0x04, 0x02, 0x00, 0x05, 0x00, 0xa1, 0x1c, 0x30,
                                          0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
                                          0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                                          0x04, 0x02, 0x00, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x00};
  parameters[16] = parameters[46] = hash_oid(hash).back();
  parameters.back() = static_cast<std::uint8_t>(crypto::digest_size(hash));
  out.raw(parameters);
}

// ECDSA (RFC 5758 3.2) and Ed25519 (RFC 8410 3): parameters must be absent.
bool read_parameters(der::Cursor& in, SignatureAlgorithm& algorithm) noexcept {
  if (!kEcdsaOnly && algorithm.scheme == Scheme::rsa_pss) return read_pss_parameters(in, algorithm.hash);
  if (!kEcdsaOnly && algorithm.scheme == Scheme::rsa_pkcs1) read_optional_null(in);
  return true;
}

}  // namespace

void read_unknown_parameters(der::Cursor& in) noexcept {
  if (in.more()) in.nested(kMaxParameterDepth);
}

void read_algorithm(der::Cursor& in, AlgorithmIdentifier& algorithm) noexcept {
  const der::Inside sequence(in, der::kSequence, algorithm.whole);
  in.oid();
  algorithm.oid = in.content();
  for (const Known& known : kKnown) {
    if (!equal(known.view(), algorithm.oid)) continue;
    SignatureAlgorithm found = known.algorithm;
    if (read_parameters(in, found)) algorithm.signature.emplace(found);
    return;
  }
  read_unknown_parameters(in);
}

Result<AlgorithmIdentifier> read_algorithm(Reader& in) noexcept {
  return der::read_with_cursor(in, [](der::Cursor& cursor) {
    AlgorithmIdentifier algorithm;
    read_algorithm(cursor, algorithm);
    return algorithm;
  });
}

void write_signature_algorithm(SignatureAlgorithm algorithm, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  const bool one_oid =
      !kEcdsaOnly && (algorithm.scheme == Scheme::rsa_pss || algorithm.scheme == Scheme::eddsa);
  for (const Known& known : kKnown) {
    if (known.algorithm.scheme != algorithm.scheme) continue;
    if (!one_oid && known.algorithm.hash != algorithm.hash) continue;
    out.oid(known.view());
    break;
  }
  if (!kEcdsaOnly && algorithm.scheme == Scheme::rsa_pkcs1) out.null();
  if (!kEcdsaOnly && algorithm.scheme == Scheme::rsa_pss) write_pss_parameters(algorithm.hash, out);
  out.close(sequence);
}

}  // namespace pedigree::x509
