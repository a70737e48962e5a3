// SPDX-License-Identifier: Apache-2.0
// The first octet chooses the message. One that decodes is encoded, decodes again, and then encodes to the
// same octets; one that does not names an offset inside the input.
#include <cstdlib>
#include <vector>

#include "core/enrol/image_group.h"

namespace {

using namespace pedigree;
using namespace pedigree::enrol;

void require(bool condition) {
  if (!condition) std::abort();
}

template <typename Message>
std::vector<std::uint8_t> encoded(const Message& message) {
  Writer sizer;
  encode(message, sizer);
  std::vector<std::uint8_t> octets(sizer.size());
  Writer out(octets);
  encode(message, out);
  require(out.size() == octets.size());
  return octets;
}

template <typename Message>
void try_message(Bytes payload) {
  const auto message = decode<Message>(payload);
  if (!message) return require(message.error().offset <= payload.size());
  const auto once = encoded(*message);
  const auto again = decode<Message>(once);
  require(again.has_value());
  require(encoded(*again) == once);
}

constexpr void (*kMessages[])(Bytes) = {try_message<InfoResponse>,       try_message<SlotsResponse>,
                                        try_message<BeginRequest>,       try_message<BeginResponse>,
                                        try_message<CsrRequest>,         try_message<ChunkResponse>,
                                        try_message<ChainReadRequest>,   try_message<ChainWriteRequest>,
                                        try_message<ChainWriteResponse>, try_message<CommitRequest>,
                                        try_message<CommitResponse>,     try_message<SlotRequest>,
                                        try_message<PublicKeyResponse>,  try_message<Receipt>,
                                        try_message<AttestRequest>,      try_message<ImageStateRead>,
                                        try_message<ImageStateWrite>,    try_message<ImageStateResponse>,
                                        try_message<ImageUploadRequest>, try_message<ImageUploadResponse>,
                                        try_message<ImageEraseRequest>,  try_message<RevocationsResponse>,
                                        try_message<RevocationsWrite>,   try_message<ChallengeResponse>};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  kMessages[data[0] % std::size(kMessages)](Bytes(data, size).subspan(1));
  return 0;
}
