// SPDX-License-Identifier: Apache-2.0
// How the lines of an allow-list are bound by one event: the event's digest is the Merkle tree hash
// (RFC 9162 2.1.1) of the lines that the import added, in the order of their device ids. So a million devices
// cost a few hundred events, each device's line can still be proven to be among what was imported, and one
// pass over the devices by id verifies all imports at once.
#pragma once

#include "registry/store.h"

namespace pedigree::registry {

/// Hash of a line, the leaf of the tree: of the CBOR array [id, profiles, batch, product, label, created], in
/// shortest form; `created` is Import::when. Errors: too_long (a text is over its limit), crypto_failure.
[[nodiscard]] Result<Sha256> listing_leaf(const crypto::Crypto& crypto, const Expected& line,
                                          std::string_view batch, der::UnixTime created);

/// What a device's row keeps of its line's hash, so that a verification names the row that was changed and
/// not the import alone.
inline constexpr std::size_t kSealSize = 8;

/// The event of an import that added `count` lines with this tree hash: "BATCH: N devices".
[[nodiscard]] Event import_event(const Import& import, std::size_t count, const Sha256& root);

/// The event of a change of a station: "NAME: enabled, certificate HEX: why".
[[nodiscard]] Event station_event(const StationChange& change);
/// The part of its text that says what the station is from then on; the row must say the same.
[[nodiscard]] std::string station_text(const Station& station);

/// Texts of an allow-list and names of batches and stations: valid UTF-8 of at most `most` octets, without
/// control characters and without the characters that turn the direction of text (Unicode Bidi_Control).
[[nodiscard]] bool is_plain_text(std::string_view text, std::size_t most) noexcept;

/// 0, then whenever the number is a power of two: which refusals of a day are events.
[[nodiscard]] constexpr bool is_logged_refusal(std::uint64_t count) noexcept {
  return (count & (count - 1)) == 0;
}

}  // namespace pedigree::registry
