// SPDX-License-Identifier: Apache-2.0
// `pedigree verify chain`: the question, and the answer with its reasons.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/files.h"
#include "core/x509/path.h"

namespace pedigree::cli {

struct ChainQuestion {
  std::vector<Octets> chain;        ///< DER, leaf first
  std::vector<Octets> roots;        ///< DER of trusted root certificates
  std::vector<Sha256> root_hashes;  ///< SHA-256 of trusted roots' SubjectPublicKeyInfo
  std::vector<Octets> crls;         ///< DER
  std::optional<der::UnixTime> time;
  std::optional<Octets> purpose;  ///< OID content octets
  bool leaf_may_be_ca = false;
};

/// One thing that was looked at: "ok", "no" or "warn", what, and one sentence.
struct ChainCheck {
  std::string result;
  std::string what;
  std::string why;
};

struct ChainAnswer {
  bool trusted = false;
  std::string sentence;              ///< the verdict in one sentence
  std::optional<ErrorCode> code;     ///< of the rule that was broken
  std::optional<std::size_t> index;  ///< certificate at fault, leaf = 0
  x509::Verdict verdict;             ///< of path validation alone
  std::vector<ChainCheck> checks;
  std::vector<std::string> revocation;  ///< for each certificate: "not revoked", "revoked", "not checked"
};

/// Validates the path and, where CRLs are given, that each is signed by a certificate of the path, current at
/// `time`, and does not list the certificate below it.
[[nodiscard]] ChainAnswer verify_chain(const crypto::Crypto& crypto, const ChainQuestion& question);

/// Prints the answer as a tree with its reasons, or as JSON.
void print_answer(const Context& context, const ChainQuestion& question, const ChainAnswer& answer);

}  // namespace pedigree::cli
