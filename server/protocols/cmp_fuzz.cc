// SPDX-License-Identifier: Apache-2.0
// What CMP takes from a client: the path and the message. A path that was read is what writing it again
// gives; a message that was read says what OpenSSL reads in it, and its views lie inside it.
#include <openssl/crmf.h>

#include <algorithm>
#include <cstdlib>

#include "server/protocols/cmp_outcome.h"
#include "server/protocols/cmp_transaction.h"

namespace {

using namespace pedigree;
using protocols::CmpBody;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_path(std::string_view text) {
  const auto path = protocols::parse_cmp_path(text);
  if (!path) return;
  std::string again;
  if (!path->profile.empty()) again = "/p/" + std::string(path->profile);
  if (!path->issuer.empty()) again += "." + std::string(path->issuer);
  if (!path->operation.empty()) again += "/" + std::string(path->operation);
  require(again == text || again + "/" == text);
  require(protocols::belongs_to(*path, CmpBody::cert_conf));
}

bool lies_in(Bytes part, Bytes whole) {
  return part.empty() || (std::less_equal()(whole.data(), part.data()) &&
                          std::less_equal()(part.data() + part.size(), whole.data() + whole.size()));
}

/// As OpenSSL reads it, where it reads it at all.
void compare(Bytes message, const protocols::CmpOutline& outline) {
  const protocols::CmpMessage parsed = protocols::parse_cmp_message(message);
  if (!parsed) return;
  require(static_cast<int>(outline.body) == OSSL_CMP_MSG_get_bodytype(parsed.get()));
  const ASN1_OCTET_STRING* id = OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(parsed.get()));
  require(id != nullptr &&
          equal(outline.transaction,
                Bytes(ASN1_STRING_get0_data(id), static_cast<std::size_t>(ASN1_STRING_length(id)))));
}

/// The first CertReqMsg of a body, as the server reads it after OpenSSL.
void read_request(Bytes content) {
  Reader outer(content);
  const auto list = der::read(outer, der::kSequence);
  if (!list) return;
  Reader in = list->reader();
  const auto first = der::read_any(in);
  if (!first) return;
  const auto request = protocols::read_cmp_cert_request(first->whole);
  if (!request) return require(!request.error().detail.empty());
  const std::uint8_t* at = first->whole.data();
  const std::unique_ptr<OSSL_CRMF_MSG, protocols::CmpFree<OSSL_CRMF_MSG_free>> parsed(
      d2i_OSSL_CRMF_MSG(nullptr, &at, static_cast<long>(first->whole.size())));
  if (!parsed) return;
  const auto* name = OSSL_CRMF_CERTTEMPLATE_get0_subject(OSSL_CRMF_MSG_get0_tmpl(parsed.get()));
  require((name == nullptr) == request->subject.empty());
  if (!request->subject.empty()) (void)protocols::named_device(request->subject);
}

void read_confirmation(Bytes content) {
  const auto said = protocols::read_cmp_confirmation(content);
  if (!said) return require(!said.error().detail.empty());
  require(lies_in(said->hash, content));
  require(said->hash.empty() == protocols::is_empty_confirmation(content));
  require(!said->accepted || !said->hash.empty());
}

void read_message(Bytes message) {
  const protocols::CmpOutcome outcome = protocols::read_cmp_outcome(message);
  require(!outcome.body.empty() && !outcome.status.empty() && !outcome.failure.empty());
  const auto outline = protocols::read_cmp_outline(message);
  if (!outline) return require(!outline.error().detail.empty());
  require(!outline->transaction.empty() && outline->transaction.size() <= 32);
  for (const Bytes part :
       {outline->content, outline->sender, outline->transaction, outline->nonce, outline->signer}) {
    require(lies_in(part, message));
  }
  if (outline->protection && protocols::is_mac(*outline->protection))
    require(!outline->protection->signature);
  compare(message, *outline);
  if (protocols::asks_for_certificate(outline->body)) read_request(outline->content);
  if (outline->body == CmpBody::rr) (void)protocols::read_cmp_reason(outline->content);
  if (outline->body == CmpBody::cert_conf) read_confirmation(outline->content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  if (size != 0 && data[0] == '/') read_path(as_text(input));
  read_message(input);
  return 0;
}
