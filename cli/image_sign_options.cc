// SPDX-License-Identifier: Apache-2.0
#include "cli/image_sign_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/image_values.h"
#include "cli/private_key.h"

namespace pedigree::cli {
namespace {

using Done = std::expected<void, Problem>;

constexpr std::uint32_t kMaxSectors = 65536;

std::unexpected<Problem> refuse(std::string summary) {
  return std::unexpected(Problem{
      .summary = std::move(summary), .details = {}, .next = "pedigree image sign --help", .note = {}});
}

/// A number where an option was given. Problem: it is none, or above `most`.
std::expected<std::optional<std::uint32_t>, Problem> number(const char* option, const std::string& text,
                                                            std::uint32_t most = 0xffffffff) {
  if (text.empty()) return std::nullopt;
  const auto value = parse_number(text);
  if (!value || *value > most) {
    return refuse(fmt::format("{} takes a number up to {:#x}, not {}", option, most, text));
  }
  return value;
}

Done take_version(const SignArguments& arguments, SignWish& wish) {
  const auto version = parse_version(arguments.version);
  if (!version) {
    return refuse("--version takes MAJOR.MINOR.REVISION+BUILD (up to 255.255.65535+4294967295), not " +
                  arguments.version);
  }
  wish.options.version = *version;
  if (arguments.security_counter.empty()) return {};
  wish.options.security_counter = parse_counter(arguments.security_counter, *version);
  if (wish.options.security_counter) return {};
  return refuse("--security-counter takes a 32-bit number or auto, not " + arguments.security_counter);
}

Done take_ids(const SignArguments& arguments, SignWish& wish) {
  if (!arguments.vendor.empty()) {
    wish.options.vendor = parse_uuid(arguments.vendor, vendor_name_space());
    if (!wish.options.vendor) return refuse("--vid takes a UUID or a domain name, not " + arguments.vendor);
  }
  if (arguments.class_id.empty()) return {};
  wish.options.class_id = parse_uuid(arguments.class_id, wish.options.vendor);
  if (wish.options.class_id) return {};
  return refuse(wish.options.vendor ? "--cid takes a UUID or a name, not " + arguments.class_id
                                    : "--cid takes a UUID; a name needs --vid, in whose name space it is");
}

Done take_dependencies(const SignArguments& arguments, SignWish& wish) {
  if (arguments.dependencies.empty()) return {};
  auto found = parse_dependencies(arguments.dependencies);
  if (!found) {
    return refuse("--dependencies takes \"(IMAGE,VERSION), ...\", not " + arguments.dependencies);
  }
  wish.options.dependencies = *std::move(found);
  return {};
}

/// The value is hexadecimal after 0x, else text.
Done take_custom(const SignArguments& arguments, SignWish& wish) {
  for (std::size_t i = 0; i + 1 < arguments.custom_tlvs.size(); i += 2) {
    const std::string& text = arguments.custom_tlvs[i + 1];
    const auto type = parse_number(arguments.custom_tlvs[i]);
    const bool in_range = type && *type >= 0xa0 && *type < 0xffff;
    if (!in_range || !image::name(static_cast<image::TlvType>(*type)).empty()) {
      return refuse("--custom-tlv takes a type from 0x00a0 to 0xfffe that has no meaning yet, not " +
                    arguments.custom_tlvs[i]);
    }
    signing::CustomTlv tlv{static_cast<std::uint16_t>(*type), {}};
    if (text.starts_with("0x")) {
      auto octets = from_hex(text.substr(2));
      if (!octets) return refuse("--custom-tlv has a value that is no hexadecimal: " + text);
      tlv.value = *std::move(octets);
    } else {
      tlv.value.assign(text.begin(), text.end());
    }
    const auto same = [&](const signing::CustomTlv& other) { return other.type == tlv.type; };
    if (std::ranges::any_of(wish.options.custom, same)) {
      return refuse("--custom-tlv has this type twice: " + arguments.custom_tlvs[i]);
    }
    wish.options.custom.push_back(std::move(tlv));
  }
  return {};
}

/// Where the image lies, and its flags.
Done take_place(const SignArguments& arguments, SignWish& wish) {
  const auto header = number("--header-size", arguments.header_size, 0xffff);
  if (!header) return std::unexpected(header.error());
  if (header->value_or(0) < image::kHeaderSize) return refuse("--header-size must be 32 at least");
  wish.options.header_size = static_cast<std::uint16_t>(**header);
  wish.options.pad_header = arguments.pad_header;
  wish.options.erased_value = arguments.erased_value == "0" ? 0 : 0xff;
  const auto load = number("--load-addr", arguments.load_address);
  const auto fixed = number("--rom-fixed", arguments.rom_fixed);
  const auto hex = number("--hex-addr", arguments.hex_address);
  for (const auto* value : {&load, &fixed, &hex}) {
    if (!*value) return std::unexpected(value->error());
  }
  wish.hex_address = *hex;
  // imgtool takes an address of 0 for none.
  if (load->value_or(0) != 0 && fixed->value_or(0) != 0) {
    return refuse("--load-addr and --rom-fixed exclude each other");
  }
  if (fixed->value_or(0) != 0) wish.options.flags |= image::kRomFixed;
  if (load->value_or(0) != 0) wish.options.flags |= image::kRamLoad;
  wish.options.load_address = fixed->value_or(0) != 0 ? **fixed : load->value_or(0);
  if (arguments.non_bootable) wish.options.flags |= image::kNonBootable;
  return {};
}

Done take_slot(const SignArguments& arguments, SignWish& wish) {
  const auto size = number("--slot-size", arguments.slot_size);
  const auto sectors = number("--max-sectors", arguments.max_sectors, kMaxSectors);
  for (const auto* value : {&size, &sectors}) {
    if (!*value) return std::unexpected(value->error());
  }
  wish.pad = arguments.pad || arguments.confirm || arguments.test;
  if (arguments.confirm && arguments.test) return refuse("--confirm and --test exclude each other");
  if (size->value_or(0) == 0) {
    if (wish.pad) return refuse("--pad, --confirm and --test fill a slot: say its --slot-size");
    return {};
  }
  signing::SlotOptions& slot = wish.slot.emplace();
  slot.size = **size;
  slot.alignment = arguments.alignment;
  slot.max_alignment = arguments.max_alignment;
  slot.max_sectors = sectors->value_or(0);
  slot.overwrite_only = arguments.overwrite_only;
  slot.confirmed = arguments.confirm;
  slot.erased_value = wish.options.erased_value;
  return {};
}

/// How it is signed, and what its statement says.
Done take_signature(const SignArguments& arguments, SignWish& wish) {
  wish.options.whole_public_key = arguments.public_key_format == "full";
  wish.options.sha512 = arguments.sha == "512";
  wish.options.pure = arguments.pure;
  if (arguments.pure && arguments.sha != "auto")
    return refuse("--pure has a hash of its own; leave --sha out");
  wish.options.boot_record = arguments.boot_record;
  if (arguments.boot_record.size() > 12) return refuse("--boot-record takes at most 12 characters");
  wish.options.name = arguments.name;
  if (!arguments.chain.empty() && wish.options.name.empty()) {
    wish.options.name = std::filesystem::path(arguments.input).stem().string();
  }
  if (wish.options.name.size() > image::kMaxName) return refuse("--name takes at most 64 octets");
  if (arguments.chain.empty() && !arguments.parents.empty()) {
    return refuse("--parent needs --chain: who states the lineage must be known");
  }
  if (!arguments.parents.empty() && arguments.trust.roots.empty() && arguments.trust.root_hashes.empty()) {
    return refuse("--parent needs --root: a parent is verified before its statement is taken");
  }
  return {};
}

void add_image_options(CLI::App& command, SignArguments& a) {
  command.add_option("-v,--version", a.version, "MAJOR.MINOR.REVISION+BUILD of the image")
      ->required()
      ->option_text("VERSION");
  command.add_option("-H,--header-size", a.header_size, "Octets of the header, 32 unless given")
      ->option_text("N");
  command.add_flag("--pad-header", a.pad_header,
                   "Put the header before the input; else the input begins with zeros in its place");
  command.add_option("-s,--security-counter", a.security_counter, "Against rollback: a number, or auto")
      ->option_text("N|auto");
  command
      .add_option("-d,--dependencies", a.dependencies,
                  "Least versions of other images: \"(1, 1.2.3+0), ...\"")
      ->option_text("LIST");
  command.add_option("--boot-record", a.boot_record, "Software type of a boot record")->option_text("TYPE");
  command.add_option("--vid", a.vendor, "Vendor id: a UUID, or a domain name")->option_text("ID");
  command.add_option("--cid", a.class_id, "Class id: a UUID, or a name in the vendor's name space")
      ->option_text("ID");
  command
      .add_option(
          "--custom-tlv", a.custom_tlvs,
          "A TLV of your own in the protected area: its type, and text or 0x and hex; may be repeated")
      ->type_size(2)
      ->expected(1, 64)
      ->option_text("TYPE VALUE")
      ->allow_extra_args(false);
  command.add_option("-L,--load-addr", a.load_address, "Address in RAM that the image is copied to")
      ->option_text("ADDRESS");
  command.add_option("-F,--rom-fixed", a.rom_fixed, "Address in flash that the image is built for")
      ->option_text("ADDRESS");
  command.add_flag("--non-bootable", a.non_bootable, "Mark the image as none to be started");
}

void add_slot_options(CLI::App& command, SignArguments& a) {
  command.add_option("-S,--slot-size", a.slot_size, "Octets of the slot, which image and trailer must fit")
      ->option_text("N");
  command.add_flag("--pad", a.pad, "Fill the slot and write the trailer's magic number");
  command.add_flag("--confirm", a.confirm, "Fill the slot and mark the image as confirmed");
  command.add_flag("--test", a.test, "Fill the slot and mark the image as to be tried");
  command.add_option("--align", a.alignment, "Octets that flash is written in")
      ->check(CLI::IsMember({1, 2, 4, 8, 16, 32}))
      ->option_text("1|2|4|8|16|32");
  command.add_option("--max-align", a.max_alignment, "The larger of both slots', where they differ")
      ->check(CLI::IsMember({8, 16, 32}))
      ->option_text("8|16|32");
  command
      .add_option("-M,--max-sectors", a.max_sectors,
                  "Sectors that the trailer has room for, 128 unless given")
      ->option_text("N");
  command.add_flag("--overwrite-only", a.overwrite_only,
                   "The boot loader copies images and does not swap them");
  command.add_option("-R,--erased-val", a.erased_value, "What erased flash reads as")
      ->check(CLI::IsMember({"0", "0xff"}))
      ->option_text("0|0xff");
  command.add_option("-x,--hex-addr", a.hex_address, "Address of the output in Intel HEX; else the input's")
      ->option_text("ADDRESS");
}

}  // namespace

void add_sign_options(CLI::App& command, SignArguments& a) {
  command.add_option("INPUT", a.input, "The code: binary, or Intel HEX by its ending .hex; - is stdin")
      ->required();
  command.add_option("OUTPUT", a.output, "The image: binary, or Intel HEX by its ending .hex; - is stdout")
      ->required();
  command.add_option("-k,--key", a.key, "The signer's private key: PEM, or a pkcs11: URI")
      ->required()
      ->option_text("KEY");
  command.add_option("--passphrase-file", a.passphrase_file, kKeyPassphraseHelp)->option_text("FILE");
  command
      .add_option("--chain", a.chain,
                  "The signer's certificates, signer first (PEM, DER or CBOR array); may be repeated")
      ->option_text("FILE")
      ->allow_extra_args(false);
  command
      .add_option("--name", a.name, "Name of the image in its statement; INPUT's without ending unless given")
      ->option_text("NAME");
  command
      .add_option("--parent", a.parents,
                  "An image that this one is built from, whose statements it takes over; may be repeated")
      ->option_text("FILE")
      ->allow_extra_args(false);
  add_image_trust_options(command, a.trust);
  add_image_options(command, a);
  command.add_option("--public-key-format", a.public_key_format, "How the image names its key")
      ->check(CLI::IsMember({"hash", "full"}))
      ->option_text("hash|full");
  command.add_option("--sha", a.sha, "Hash of the image; Ed25519 has a choice")
      ->check(CLI::IsMember({"auto", "256", "384", "512"}))
      ->option_text("auto|256|384|512");
  command.add_flag("--pure", a.pure, "Ed25519 over the image itself and not over its hash");
  command.add_option("-e,--endian", a.endian, "Order of octets in the image")
      ->check(CLI::IsMember({"little"}))
      ->option_text("little");
  add_slot_options(command, a);
}

std::expected<SignWish, Problem> understand(const SignArguments& arguments) {
  SignWish wish;
  for (const auto take :
       {take_version, take_ids, take_dependencies, take_custom, take_place, take_slot, take_signature}) {
    if (const auto taken = take(arguments, wish); !taken) return std::unexpected(taken.error());
  }
  return wish;
}

}  // namespace pedigree::cli
