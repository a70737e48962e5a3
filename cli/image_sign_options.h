// SPDX-License-Identifier: Apache-2.0
// The options of `pedigree image sign`: imgtool's spellings where it has them.
#pragma once

#include "cli/image_command.h"
#include "signing/slot.h"

namespace pedigree::cli {

/// As given on the command line.
struct SignArguments {
  std::string input, output;
  std::string key, passphrase_file;
  std::vector<std::string> chain, parents;
  std::string name;
  ImageTrustOptions trust;
  std::string version, security_counter, dependencies, boot_record, vendor, class_id;
  std::string header_size = "32", slot_size, load_address, rom_fixed, hex_address, max_sectors = "128";
  std::string erased_value = "0xff", public_key_format = "hash", sha = "auto", endian = "little";
  std::uint32_t alignment = 1, max_alignment = 0;
  std::vector<std::string> custom_tlvs;  ///< type and value by turns
  bool pad_header = false, pad = false, confirm = false, test = false, overwrite_only = false;
  bool pure = false, non_bootable = false;
};

/// The same, understood; chain and parents are read elsewhere.
struct SignWish {
  signing::SignOptions options;
  std::optional<signing::SlotOptions> slot;
  bool pad = false;  ///< fill the slot and write its trailer
  std::optional<std::uint32_t> hex_address;
};

void add_sign_options(CLI::App& command, SignArguments& arguments);
/// Problem: which option is malformed, or contradicts another.
[[nodiscard]] std::expected<SignWish, Problem> understand(const SignArguments& arguments);

}  // namespace pedigree::cli
