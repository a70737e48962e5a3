// SPDX-License-Identifier: Apache-2.0
#include "device/factory/prepare.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "device/factory/firmware.h"

namespace pedigree::factory {
namespace {

namespace fs = std::filesystem;
using qemu::Firmware;
using qemu::State;

constexpr mode_t kImageMode = 0644;

std::unexpected<std::string> failure(const fs::path& path, const char* what) {
  return std::unexpected(path.string() + ": " + what + ": " + std::strerror(errno));
}

std::expected<Octets, std::string> read_image(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Octets octets{std::istreambuf_iterator<char>(in), {}};
  if (!in.good() && !in.eof()) return failure(path, "cannot read");
  if (octets.empty()) return std::unexpected(path.string() + ": there is no image");
  return octets;
}

/// The device's non-volatile memory, while the device is off.
class Memory {
 public:
  explicit Memory(const State& state)
      : path_(state.memory()), file_(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)) {}
  ~Memory() {
    if (file_ >= 0) ::close(file_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  template <typename Page>
  [[nodiscard]] std::expected<Page, std::string> read(std::size_t offset) const {
    Page page{};
    const auto at = static_cast<off_t>(offset);
    if (::pread(file_, page.data(), page.size(), at) != static_cast<ssize_t>(page.size())) {
      return failure(path_, "cannot read");
    }
    return page;
  }
  [[nodiscard]] std::expected<void, std::string> write(std::size_t offset, Bytes octets) const {
    for (std::size_t done = 0; done < octets.size();) {
      const ssize_t written =
          ::pwrite(file_, octets.data() + done, octets.size() - done, static_cast<off_t>(offset + done));
      if (written <= 0) return failure(path_, "cannot write");
      done += static_cast<std::size_t>(written);
    }
    if (::fsync(file_) != 0) return failure(path_, "cannot write");
    return {};
  }

 private:
  fs::path path_;
  int file_;
};

bool is_unwritten(const mps2::OtpPage& page) {
  const auto all = [&](std::uint8_t value) {
    return std::ranges::all_of(page, [value](std::uint8_t octet) { return octet == value; });
  };
  return all(0xff) || all(0);
}

fs::path own_secure_image(const State& state) {
  return state.folder() / "secure.img";
}

/// Replaces the device's own secure image.
std::expected<fs::path, std::string> keep_secure(const State& state, Bytes image) {
  fs::path path = own_secure_image(state);
  const fs::path fresh = path.string() + ".new";
  ::unlink(fresh.c_str());
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kImageMode);
  if (file < 0) return failure(fresh, "cannot write");
  const bool written = ::write(file, image.data(), image.size()) == static_cast<ssize_t>(image.size());
  if (::close(file) != 0 || !written) return failure(fresh, "cannot write");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failure(path, "cannot write");
  return path;
}

/// The OTP page is written last: a device without it is made anew.
std::expected<void, std::string> make_device(const State& state, Bytes root_certificate, Bytes nonsecure) {
  const auto root = spki_sha256(root_certificate);
  if (!root) return std::unexpected(root.error());
  const auto area = update_area(nonsecure);
  if (!area) return std::unexpected(area.error());
  const Memory memory(state);
  if (auto done = memory.write(mps2::kUpdateArea, *area); !done) return done;
  return memory.write(mps2::kOtp, mps2::write_otp(*root));
}

std::expected<void, std::string> make_development_device(const State& state, const Firmware& firmware) {
  const auto signer = DevelopmentSigner::make();
  if (!signer) return std::unexpected(signer.error());
  const auto code = read_image(firmware.nonsecure);
  if (!code) return std::unexpected(code.error());
  const auto image = sign_image(*signer, Image::nonsecure, *code);
  if (!image) return std::unexpected(image.error());
  if (auto saved = signer->save(development_folder(state.folder())); !saved) return saved;
  return make_device(state, signer->chain().back(), *image);
}

std::expected<void, std::string> make_vendor_device(const State& state, const Firmware& firmware,
                                                    Bytes root) {
  const auto nonsecure = read_image(firmware.nonsecure);
  if (!nonsecure) return std::unexpected(nonsecure.error());
  return make_device(state, root, *nonsecure);
}

std::expected<void, std::string> check_root(const mps2::OtpPage& page, Bytes wanted) {
  const auto root = mps2::read_otp(page);
  if (!root) return std::unexpected("the device's OTP page is damaged");
  if (wanted.empty()) return {};
  const auto named = spki_sha256(wanted);
  if (!named) return std::unexpected(named.error());
  if (*named == *root) return {};
  return std::unexpected("this device was made with another firmware root, which cannot be changed");
}

std::expected<void, std::string> move_on(const State& state, enrol::Lifecycle wanted) {
  const Memory memory(state);
  const auto page = memory.read<mps2::LifecyclePage>(mps2::kLifecyclePage);
  if (!page) return std::unexpected(page.error());
  const auto now = mps2::read_lifecycle(*page);
  if (!now) return std::unexpected("the device's lifecycle page is damaged");
  if (wanted == *now) return {};
  if (wanted > *now) return memory.write(mps2::kLifecyclePage, mps2::write_lifecycle(wanted));
  return std::unexpected("the device's lifecycle is " + std::string(enrol::name(*now)) +
                         ", and does not go back");
}

}  // namespace

bool has_development_root(const fs::path& state) {
  return DevelopmentSigner::is_in(development_folder(state));
}

fs::path development_folder(const fs::path& state) {
  return state / "firmware";
}

std::expected<fs::path, std::string> prepare(const State& state, const Firmware& firmware,
                                             const Preparation& preparation) {
  const auto page = Memory(state).read<mps2::OtpPage>(mps2::kOtp);
  if (!page) return std::unexpected(page.error());
  if (is_unwritten(*page)) {
    auto made = preparation.root.empty() ? make_development_device(state, firmware)
                                         : make_vendor_device(state, firmware, preparation.root);
    if (!made) return std::unexpected(made.error());
  } else if (auto same = check_root(*page, preparation.root); !same) {
    return std::unexpected(state.folder().string() + ": " + same.error());
  }
  if (preparation.lifecycle) {
    if (auto moved = move_on(state, *preparation.lifecycle); !moved) {
      return std::unexpected(state.folder().string() + ": " + moved.error());
    }
  }
  const fs::path folder = development_folder(state.folder());
  if (!preparation.root.empty()) {
    const auto image = read_image(firmware.secure);
    if (!image) return std::unexpected(image.error());
    return keep_secure(state, *image);
  }
  if (!DevelopmentSigner::is_in(folder)) return own_secure_image(state);
  const auto signer = DevelopmentSigner::load(folder);
  if (!signer) return std::unexpected(signer.error());
  const auto code = read_image(firmware.secure);
  if (!code) return std::unexpected(code.error());
  const auto image = sign_image(*signer, Image::secure, *code);
  if (!image) return std::unexpected(image.error());
  return keep_secure(state, *image);
}

}  // namespace pedigree::factory
