// SPDX-License-Identifier: Apache-2.0
// The OCSP responder: answers are signed ahead and kept, but those with a nonce, which are signed as they are
// asked for.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "server/protocols/delegates.h"
#include "server/protocols/enrolment.h"
#include "server/protocols/ocsp_message.h"

namespace pedigree::protocols {

class OcspResponder {
 public:
  /// Borrows all. `generation` grows with every change of trust in the registry.
  OcspResponder(const Enrolment& enrolment, Delegates& delegates, std::function<std::uint64_t()> generation);
  ~OcspResponder();

  /// POST with application/ocsp-request, or GET with the request in `below`, the path after "/ocsp" (RFC 6960
  /// A.1).
  void handle(std::string_view below, const http::Request& request, const http::Respond& respond);
  /// The answer to a request, DER. Any thread.
  [[nodiscard]] authority::Der answer(Bytes request);

  /// Signs answers for certificates that have none yet, or one that is half spent, in the order of issuance;
  /// to be called again and again. `stop` ends it early. Gives how many were signed.
  std::size_t presign(const std::atomic<bool>& stop);
  /// Answers that are kept, and at most.
  [[nodiscard]] std::size_t size() const;
  static constexpr std::size_t kMaxKept = 200'000;

 private:
  struct Ca;
  struct Kept;
  struct Shard;
  struct Standing;

  [[nodiscard]] const Ca* find_ca(const OcspTarget& target) const;
  /// What the registry says of this certificate; empty: it cannot be asked.
  [[nodiscard]] std::optional<Standing> standing(const Ca& ca, Bytes serial) const;
  [[nodiscard]] authority::Der answer_kept(const Ca& ca, const OcspTarget& target);
  [[nodiscard]] authority::Der answer_live(const OcspQuery& query);
  /// Signs what is to be kept. Empty: it cannot be signed.
  [[nodiscard]] std::optional<Kept> sign(const Ca& ca, Bytes target, const Standing& standing,
                                         std::uint64_t generation, der::UnixTime now);
  /// Signs and keeps. `generation` was read before `known`. False: it cannot be signed.
  bool renew(const Ca& ca, Bytes target, const Standing& known, std::uint64_t generation, der::UnixTime now);
  std::size_t renew_spent(const std::atomic<bool>& stop);
  std::size_t sign_new(const std::atomic<bool>& stop);
  [[nodiscard]] authority::Der assemble(const Ca& ca, Bytes target, const Kept& kept) const;
  void keep(const std::string& name, const Kept& kept);
  [[nodiscard]] bool is_kept(const std::string& name) const;
  [[nodiscard]] der::UnixTime life() const;

  const Enrolment& enrolment_;
  Delegates& delegates_;
  std::function<std::uint64_t()> generation_;
  std::vector<Ca> cas_;
  std::unique_ptr<Shard[]> shards_;
  std::int64_t presigned_to_ = 0;  ///< number of the last certificate that presign() need not see again
};

/// The request in the path of a GET: URL escapes and base64. Empty: it is none.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_ocsp_path(std::string_view below);

}  // namespace pedigree::protocols
