// SPDX-License-Identifier: Apache-2.0
// Messages that move a request, a chain and a receipt: csr, chain, commit.
#include "core/enrol/fields.h"

namespace pedigree::enrol {
namespace {

constexpr Field kCsrRequest[] = {
    PEDIGREE_FIELD(CsrRequest, slot, "slot", u32, true),
    PEDIGREE_FIELD(CsrRequest, nonce, "nonce", octets, true, kNonceSize, kNonceSize),
    PEDIGREE_FIELD(CsrRequest, offset, "off", u32, true),
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
};
constexpr Field kCommitResponse[] = {
    PEDIGREE_FIELD(CommitResponse, receipt, "rcpt", octets, true, 1, kNoLimit)};

}  // namespace

PEDIGREE_MESSAGE(CsrRequest, kCsrRequest)
PEDIGREE_MESSAGE(ChunkResponse, kChunkResponse)
PEDIGREE_MESSAGE(ChainReadRequest, kChainReadRequest)
PEDIGREE_MESSAGE(ChainWriteRequest, kChainWriteRequest)
PEDIGREE_MESSAGE(ChainWriteResponse, kChainWriteResponse)
PEDIGREE_MESSAGE(CommitRequest, kCommitRequest)
PEDIGREE_MESSAGE(CommitResponse, kCommitResponse)

}  // namespace pedigree::enrol
