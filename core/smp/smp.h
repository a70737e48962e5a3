// SPDX-License-Identifier: Apache-2.0
// The Simple Management Protocol of mcumgr: header of version 1 and 2, and the error forms of both.
#pragma once

#include "core/cbor/cbor.h"

namespace pedigree::smp {

/// Operation and protocol version as the header carries them.
enum class Operation : std::uint8_t { read = 0, read_response = 1, write = 2, write_response = 3 };
enum class Version : std::uint8_t { v1 = 0, v2 = 1 };

/// Octets of a header; the groups of the operating system and of Pedigree, the latter where a device's
/// firmware does not choose another; the first number that is free to choose; the UDP port that servers
/// listen on.
inline constexpr std::size_t kHeaderSize = 8;
inline constexpr std::uint16_t kOsGroup = 0;
inline constexpr std::uint16_t kPedigreeGroup = 80;
inline constexpr std::uint16_t kFirstUserGroup = 64;
inline constexpr std::uint16_t kUdpPort = 1337;

/// Commands of the OS group (kOsGroup) that are spoken here.
enum class OsCommand : std::uint8_t { echo = 0, reset = 5, parameters = 6, info = 7, bootloader_info = 8 };

/// 8 octets big-endian: reserved 3 bits | version 2 | operation 3; flags; length of the payload 16; group 16;
/// sequence; command.
struct Header {
  Operation operation{};
  Version version = Version::v2;
  std::uint8_t flags = 0;
  std::uint16_t length = 0;
  std::uint16_t group = 0;
  std::uint8_t sequence = 0;
  std::uint8_t command = 0;
  friend constexpr bool operator==(const Header&, const Header&) = default;
};
/// Errors: truncated, bad_header (operation above 3, version above 1, a reserved bit set). On error `in` is
/// unchanged.
[[nodiscard]] Result<Header> read_header(Reader& in) noexcept;
void write_header(const Header& header, Writer& out) noexcept;

struct Packet {
  Header header;
  Bytes payload;  ///< one CBOR map
};
/// Parses a packet that fills `data`; borrows it. Does not look into the payload. Errors: those of
/// read_header, truncated, trailing_data.
[[nodiscard]] Result<Packet> parse_packet(Bytes data) noexcept;
/// Writes header and payload, with the header's length taken from the payload.
void write_packet(Header header, Bytes payload, Writer& out) noexcept;

/// MGMT_ERR codes of SMP itself.
enum class Rc : std::uint16_t {
  ok = 0,
  unknown = 1,
  no_memory = 2,
  invalid = 3,
  timeout = 4,
  not_found = 5,
  bad_state = 6,
  too_large = 7,
  not_supported = 8,
  corrupt = 9,
  busy = 10,
  access_denied = 11,
  version_too_old = 12,
  version_too_new = 13,
};
/// One sentence for people. Static storage.
[[nodiscard]] std::string_view sentence(Rc rc) noexcept;

/// What a response says about success. Group errors: our group's rc is an ErrorCode's number. In other groups
/// our devices tell it as `why` to those who ask.
struct Status {
  std::uint16_t group = 0;  ///< 0 with an `rc` of SMP itself
  std::uint16_t rc = 0;     ///< 0: success
  bool from_group = false;  ///< v2 `err`
  std::uint16_t why = 0;    ///< number of an ErrorCode; 0: not told
  [[nodiscard]] bool ok() const noexcept { return rc == 0; }
};
/// Finds `rc` or `err`, and `why`, in a response map that fills `payload`; success where both are absent.
/// Offsets count from the start of `payload`. Errors: those of cbor::read_unique_map, bad_value (a number
/// above 65535), missing_field (`err` without group or rc), trailing_data.
[[nodiscard]] Result<Status> read_status(Bytes payload) noexcept;
/// The error map of a failed request to Pedigree's group, which has this number on the line: v2 {"err":
/// {"group", "rc"}}; v1 {"rc": nearest MGMT_ERR}.
void write_error(Version version, ErrorCode code, Writer& out, std::uint16_t group = kPedigreeGroup) noexcept;
/// {"rc": rc}, both versions.
void write_rc(Rc rc, Writer& out) noexcept;
/// The MGMT_ERR nearest to an error, for version 1 clients.
[[nodiscard]] Rc nearest_rc(ErrorCode code) noexcept;

}  // namespace pedigree::smp
