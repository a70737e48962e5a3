// SPDX-License-Identifier: Apache-2.0
// The non-secure SMP server in front of the service: the OS group, mcumgr's image group and Pedigree's own.
// It holds no key and takes no decision; the same code serves datagrams and console frames.
#pragma once

#include "core/enrol/messages.h"
#include "core/smp/smp.h"
#include "pedigree/service.h"

namespace pedigree::device {

struct ServerOptions {
  /// Octets of the largest packet, header included, and how many the transport can hold: what `parameters`
  /// answers. From 256; a list of all eight slots takes up to 1,000, and is buffer_too_small below that.
  std::uint32_t buffer_size = 1024;
  std::uint32_t buffer_count = 4;
  /// Number of Pedigree's own group on the line, from smp::kFirstUserGroup.
  std::uint16_t group = smp::kPedigreeGroup;
  std::string_view os_name;     ///< OS info, format "s"; borrowed
  std::string_view machine;     ///< OS info, format "i"; borrowed
  std::string_view bootloader;  ///< bootloader info; borrowed
};

struct ImageNotes;  // image_group.h

/// The receipt of the last commit, for a station whose packets do not take it whole.
struct HeldReceipt {
  std::uint32_t slot = 0;
  std::array<std::uint8_t, PEDIGREE_NONCE_SIZE> nonce{};
  std::size_t size = 0;  ///< 0: none
  std::array<std::uint8_t, PEDIGREE_MAX_TOKEN_RECEIPT> octets{};
};

class Server {
 public:
  /// `scratch` holds one part of an object on its way from the service: buffer_size octets. Borrowed.
  Server(psa_handle_t service, const ServerOptions& options, MutableBytes scratch) noexcept
      : service_(service), options_(options), scratch_(scratch) {}

  /// Answers one packet into `response` (buffer_size octets), borrowed from it. Empty where no answer is due:
  /// the header is not readable, or the packet is itself a response.
  [[nodiscard]] Bytes handle(Bytes request, MutableBytes response) noexcept;

  /// Whether a reset was asked for since the last call; to be done once the answer has left.
  [[nodiscard]] bool take_reset() noexcept;

 private:
  [[nodiscard]] Result<void> serve(const smp::Packet& request, std::size_t room, ImageNotes& notes,
                                   Writer& out) noexcept;
  [[nodiscard]] Result<void> os_group(const smp::Packet& request, Writer& out) noexcept;
  [[nodiscard]] Result<void> os_info(Bytes payload, Writer& out) const noexcept;
  [[nodiscard]] Result<void> bootloader_info(Bytes payload, Writer& out) const noexcept;

  psa_handle_t service_;
  ServerOptions options_;
  MutableBytes scratch_;
  HeldReceipt receipt_;
  bool reset_ = false;
};

/// Serves a request of Pedigree's group: payload in, payload out. `scratch` as for Server; a part of an
/// object is at most as long as leaves room in an answer of `room` octets. Errors: those of the service and
/// of enrol::decode, unknown_command, communication_failure; not_found for a receipt that is not at hand.
[[nodiscard]] Result<void> serve_pedigree_group(psa_handle_t service, const smp::Packet& request,
                                                MutableBytes scratch, std::size_t room, HeldReceipt& receipt,
                                                Writer& out) noexcept;

}  // namespace pedigree::device
