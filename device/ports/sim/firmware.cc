// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/firmware.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace pedigree::sim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFlashFile = "firmware-flash";
constexpr const char* kSecureFile = "firmware-secure";
constexpr const char* kRootFile = "firmware-root";

std::unexpected<std::string> failure(const fs::path& path) {
  return std::unexpected(path.string() + ": " + std::strerror(errno));
}

std::expected<std::vector<std::uint8_t>, std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure(path);
  return std::vector<std::uint8_t>(std::istreambuf_iterator<char>(in), {});
}

std::expected<void, std::string> write_file(const fs::path& path, Bytes octets) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  out.close();
  if (!out) return failure(path);
  return {};
}

}  // namespace

/// NOR flash: a mapped file, or memory where there is none.
class Firmware::Memory final : public update::Flash {
 public:
  explicit Memory(MutableBytes octets, bool mapped) noexcept : octets_(octets), mapped_(mapped) {}
  ~Memory() {
    if (mapped_) ::munmap(octets_.data(), octets_.size());
  }

  static std::unique_ptr<Memory> make() {
    auto owned = std::make_unique<std::uint8_t[]>(kLayout.size());
    auto memory = std::make_unique<Memory>(MutableBytes(owned.get(), kLayout.size()), false);
    std::ranges::fill(memory->octets_, std::uint8_t{0xff});
    memory->owned_ = std::move(owned);
    return memory;
  }
  /// The file must have the layout's size.
  static std::expected<std::unique_ptr<Memory>, std::string> map(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) return failure(path);
    void* const at = ::mmap(nullptr, kLayout.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (at == MAP_FAILED) return failure(path);
    return std::make_unique<Memory>(MutableBytes(static_cast<std::uint8_t*>(at), kLayout.size()), true);
  }

  [[nodiscard]] Bytes contents() const noexcept override { return octets_; }
  void program(std::size_t offset, Bytes data) noexcept override {
    for (std::size_t i = 0; i < data.size(); ++i) octets_[offset + i] &= data[i];
  }
  void erase_sector(std::size_t offset) noexcept override {
    std::ranges::fill(octets_.subspan(offset, kLayout.sector), std::uint8_t{0xff});
  }

 private:
  MutableBytes octets_;
  bool mapped_;
  std::unique_ptr<std::uint8_t[]> owned_;
};

Firmware::Firmware(std::unique_ptr<Memory> memory, const Sha256& root, std::vector<std::uint8_t> secure)
    : memory_(std::move(memory)),
      root_(root),
      secure_(std::move(secure)),
      execution_(kLayout.slot_size),
      scratch_(image::kRevocationScratch) {}

Firmware::~Firmware() = default;

std::unique_ptr<Firmware> Firmware::in_memory(const FactoryFirmware& factory) {
  auto memory = Memory::make();
  update::make_new(*memory, kLayout, factory.nonsecure);
  return std::unique_ptr<Firmware>(new Firmware(std::move(memory), factory.root, factory.secure));
}

// The flash's file comes last, under its own name only once it is whole: until then the device has no
// firmware, and the factory begins again.
std::expected<std::unique_ptr<Firmware>, std::string> Firmware::open(
    const fs::path& folder, const std::optional<FactoryFirmware>& factory) {
  const fs::path flash = folder / kFlashFile;
  std::error_code error;
  if (!fs::exists(flash, error)) {
    if (!factory) return nullptr;
    if (factory->nonsecure.empty() || factory->nonsecure.size() > kLayout.slot_size) {
      return std::unexpected("the non-secure image does not fit a slot");
    }
    auto memory = Memory::make();
    update::make_new(*memory, kLayout, factory->nonsecure);
    const fs::path unfinished = folder / (std::string(kFlashFile) + ".new");
    if (auto done = write_file(folder / kSecureFile, factory->secure); !done)
      return std::unexpected(done.error());
    if (auto done = write_file(folder / kRootFile, factory->root); !done)
      return std::unexpected(done.error());
    if (auto done = write_file(unfinished, memory->contents()); !done) return std::unexpected(done.error());
    fs::rename(unfinished, flash, error);
    if (error) return std::unexpected(flash.string() + ": " + error.message());
  }
  if (fs::file_size(flash, error) != kLayout.size() || error) {
    return std::unexpected(flash.string() + " is not the flash of a device of this version");
  }
  auto secure = read_file(folder / kSecureFile);
  if (!secure) return std::unexpected(secure.error());
  const auto root = read_file(folder / kRootFile);
  Sha256 hash{};
  if (!root || root->size() != hash.size())
    return std::unexpected((folder / kRootFile).string() + " is damaged");
  std::ranges::copy(*root, hash.begin());
  auto memory = Memory::map(flash);
  if (!memory) return std::unexpected(memory.error());
  return std::unique_ptr<Firmware>(new Firmware(*std::move(memory), hash, *std::move(secure)));
}

Result<void> Firmware::boot(const crypto::Crypto& crypto) {
  updater_.reset();
  report_ = {};
  if (secure_.size() < image::kHeaderSize) return fail(ErrorCode::bad_image);
  PEDIGREE_ASSIGN(const auto header, image::parse_header(Bytes(secure_).first<image::kHeaderSize>()));
  const update::BootPlatform platform{.crypto = crypto,
                                      .flash = *memory_,
                                      .layout = kLayout,
                                      .root = root_,
                                      .secure = secure_,
                                      .execution = execution_,
                                      // It is wherever it was linked for: nothing executes it here.
                                      .secure_address = header.load_address,
                                      .nonsecure_address = kNonSecureAddress};
  PEDIGREE_TRY(update::boot(platform, *this, report_));
  if (report_.nonsecure_error != 0) return fail(static_cast<ErrorCode>(report_.nonsecure_error));
  updater_.emplace(*memory_, kLayout, crypto, report_, scratch_);
  return updater_->mount();
}

void Firmware::refused(std::size_t image, std::uint8_t slot, ErrorCode code) noexcept {
  const std::string which =
      image == update::kSecure ? "the secure image" : "the image in slot " + std::to_string(slot);
  say(which + " is refused: " + std::string(sentence(code)));
}

void Firmware::reverted(std::uint8_t slot) noexcept {
  say("the image in slot " + std::to_string(slot) + " was tested and not confirmed; the other one starts");
}

}  // namespace pedigree::sim
