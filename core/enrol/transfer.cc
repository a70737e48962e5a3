// SPDX-License-Identifier: Apache-2.0
// Messages that move a request, a token, a chain and a receipt: csr, attest, chain, commit; and a grant's
// challenge.
#include "core/enrol/fields.h"

namespace pedigree::enrol {
namespace {

constexpr Field kCsrRequest[] = {
    PEDIGREE_FIELD(CsrRequest, slot, "slot", u32, true),
    PEDIGREE_FIELD(CsrRequest, nonce, "nonce", octets, true, kNonceSize, kNonceSize),
    PEDIGREE_FIELD(CsrRequest, offset, "off", u32, true),
    PEDIGREE_FIELD(CsrRequest, evidence, "evid", boolean, false),
};
constexpr Field kAttestRequest[] = {
    PEDIGREE_FIELD(AttestRequest, slot, "slot", u32, true),
    PEDIGREE_FIELD(AttestRequest, nonce, "nonce", octets, true, 32, 64),
    PEDIGREE_FIELD(AttestRequest, chain, "chain", boolean, false),
    PEDIGREE_FIELD(AttestRequest, offset, "off", u32, true),
};
constexpr Field kChunkResponse[] = {
    PEDIGREE_FIELD(ChunkResponse, offset, "off", u32, true),
    PEDIGREE_FIELD(ChunkResponse, data, "data", octets, true, 0, kNoLimit),
    PEDIGREE_FIELD(ChunkResponse, total, "len", optional_u32, false),
};
constexpr Field kChainReadRequest[] = {
    PEDIGREE_FIELD(ChainReadRequest, slot, "slot", u32, true),
    PEDIGREE_FIELD(ChainReadRequest, offset, "off", u32, true),
};
constexpr Field kChainWriteRequest[] = {
    PEDIGREE_FIELD(ChainWriteRequest, slot, "slot", u32, true),
    PEDIGREE_FIELD(ChainWriteRequest, offset, "off", u32, true),
    PEDIGREE_FIELD(ChainWriteRequest, data, "data", octets, true, 0, kNoLimit),
    PEDIGREE_FIELD(ChainWriteRequest, total, "len", optional_u32, false),
    PEDIGREE_FIELD(ChainWriteRequest, sha256, "sha", optional_octets, false, 32, 32),
};
constexpr Field kChainWriteResponse[] = {PEDIGREE_FIELD(ChainWriteResponse, offset, "off", u32, true)};
constexpr Field kCommitRequest[] = {
    PEDIGREE_FIELD(CommitRequest, slot, "slot", u32, true),
    PEDIGREE_FIELD(CommitRequest, nonce, "nonce", octets, true, kNonceSize, kNonceSize),
    PEDIGREE_FIELD(CommitRequest, offset, "off", u32, false),
};
constexpr Field kCommitResponse[] = {
    PEDIGREE_FIELD(CommitResponse, receipt, "rcpt", octets, true, 1, kNoLimit),
    PEDIGREE_FIELD(CommitResponse, total, "len", optional_u32, false),
};
constexpr Field kChallengeResponse[] = {
    PEDIGREE_FIELD(ChallengeResponse, nonce, "nonce", octets, true, kNonceSize, kNonceSize),
    PEDIGREE_FIELD(ChallengeResponse, max_size, "max", u32, true),
};

}  // namespace

PEDIGREE_MESSAGE(CsrRequest, kCsrRequest)
PEDIGREE_MESSAGE(AttestRequest, kAttestRequest)
PEDIGREE_MESSAGE(ChunkResponse, kChunkResponse)
PEDIGREE_MESSAGE(ChainReadRequest, kChainReadRequest)
PEDIGREE_MESSAGE(ChainWriteRequest, kChainWriteRequest)
PEDIGREE_MESSAGE(ChainWriteResponse, kChainWriteResponse)
PEDIGREE_MESSAGE(CommitRequest, kCommitRequest)
PEDIGREE_MESSAGE(CommitResponse, kCommitResponse)
PEDIGREE_MESSAGE(ChallengeResponse, kChallengeResponse)

}  // namespace pedigree::enrol
