// SPDX-License-Identifier: Apache-2.0
#include "testing/mps2/board.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "core/bytes/writer.h"
#include "device/ports/mps2/memory_map.h"
#include "device/service/record.h"

namespace pedigree::testing {
namespace {

/// `name` is a path in the folder of images.
std::filesystem::path image(const std::string& name) {
  const char* const folder = std::getenv("PEDIGREE_MPS2_IMAGES");
  const auto path = std::filesystem::path(folder == nullptr ? "build/mps2/bin" : folder) / name;
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(path.string() +
                             " is missing: tools/setup.sh source mbedtls && tools/setup.sh build mps2");
  }
  return path;
}

std::string text_of(const std::filesystem::path& file) {
  return std::filesystem::exists(file) ? read_text(file) : std::string();
}

/// "char device redirected to /dev/pts/3 (label serial0)"
std::string terminal_of(const std::string& output) {
  const std::size_t begin = output.find("/dev/pts/");
  const std::size_t end = begin == std::string::npos ? begin : output.find(' ', begin);
  return end == std::string::npos ? std::string() : output.substr(begin, end - begin);
}

}  // namespace

Octets factory_seed(Bytes seed) {
  Octets octets(4 + seed.size() + 4);
  Writer out(octets);
  out.bytes(as_bytes("PDSE"));
  out.bytes(seed);
  out.big_endian(device::crc32(out.written()), 4);
  return octets;
}

Octets image_code(const std::string& name) {
  return read_file(image(name + ".bin"));
}

Board::Board() : signer_(must(factory::DevelopmentSigner::make())) {
  std::random_device random;
  Octets seed(32);
  for (auto& octet : seed) octet = static_cast<std::uint8_t>(random());
  Octets front(kFactorySeedOffset, 0xff);
  const Octets factory = factory_seed(seed);
  front.insert(front.end(), factory.begin(), factory.end());
  write_file(memory(), Bytes(front));
  std::filesystem::resize_file(memory(), mps2::kNonVolatileSize);
  write_memory(mps2::kOtp, mps2::write_otp(must(factory::spki_sha256(signer_.chain().back()))));
}

void Board::write_memory(std::size_t offset, Bytes octets) const {
  const int file = ::open(memory().c_str(), O_WRONLY | O_CLOEXEC);
  const ssize_t written = ::pwrite(file, octets.data(), octets.size(), static_cast<off_t>(offset));
  ::close(file);
  if (written != static_cast<ssize_t>(octets.size())) throw std::runtime_error("the board's memory");
}

Octets Board::read_memory(std::size_t offset, std::size_t size) const {
  Octets octets(size);
  const int file = ::open(memory().c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t read = ::pread(file, octets.data(), octets.size(), static_cast<off_t>(offset));
  ::close(file);
  if (read != static_cast<ssize_t>(octets.size())) throw std::runtime_error("the board's memory");
  return octets;
}

void Board::install(const std::string& nonsecure) const {
  if (nonsecure.empty() || nonsecure == installed_) return;
  const Octets signed_image =
      must(factory::sign_image(signer_, factory::Image::nonsecure, image_code(nonsecure)));
  write_memory(mps2::kUpdateArea, must(factory::update_area(signed_image)));
  installed_ = nonsecure;
}

std::vector<std::string> Board::command(const Images& images, const std::string& uart) const {
  install(images.nonsecure);
  const auto secure = folder_ / "secure.img";
  write_file(secure, Bytes(secure_image_ ? *secure_image_
                                         : must(factory::sign_image(signer_, factory::Image::secure,
                                                                    image_code(images.secure + "secure"),
                                                                    secure_facts_))));
  return {"qemu-system-arm",
          "-M",
          "mps2-an505,memory-backend=nv",
          "-object",
          "memory-backend-file,id=nv,size=16M,share=on,mem-path=" + memory().string(),
          "-display",
          "none",
          "-monitor",
          "none",
          "-serial",
          uart,
          "-serial",
          "file:" + (folder_ / "secure.log").string(),
          "-kernel",
          image(images.secure == "power_cut/" ? "power_cut/boot.elf" : "boot.elf").string(),
          "-device",
          "loader,force-raw=on,addr=" + std::to_string(mps2::kSecureImage) + ",file=" + secure.string()};
}

std::unique_ptr<Process> Board::run(const Images& images, const std::vector<std::string>& more) const {
  return run_on_line(images, "file:" + (folder_ / "nonsecure.log").string(), more);
}

std::unique_ptr<Process> Board::run_on_line(const Images& images, const std::string& uart,
                                            const std::vector<std::string>& more) const {
  auto line = command(images, uart);
  line.insert(line.end(), more.begin(), more.end());
  for (const auto* const log : {"nonsecure.log", "secure.log", "trace.log"}) {
    std::filesystem::remove(folder_ / log);
  }
  return std::make_unique<Process>(line);
}

void Board::provision(const Sha256& root, Octets secure, Bytes nonsecure) {
  write_memory(mps2::kOtp, mps2::write_otp(root));
  write_memory(mps2::kUpdateArea, must(factory::update_area(nonsecure)));
  set_secure_image(std::move(secure));
}

void Board::with_device(const Images& images, const std::function<void(station::Device&)>& use) const {
  with_link(images, [&use](station::Link& link) {
    station::Device device(link);
    use(device);
  });
}

void Board::with_link(const Images& images, const std::function<void(station::Link&)>& use,
                      const std::vector<std::string>& more) const {
  std::filesystem::remove(folder_ / "secure.log");
  auto line = command(images, "pty");
  line.insert(line.end(), more.begin(), more.end());
  Process emulator(line);
  std::string terminal;
  const bool ready = emulator.wait_until([&] {
    terminal = terminal_of(emulator.output() + emulator.errors());
    return !terminal.empty();
  });
  if (!ready) throw std::runtime_error("the emulator does not start: " + emulator.errors());
  station::Loop loop;
  station::LinkOptions options;
  options.reconnect = std::chrono::milliseconds(0);  // the line goes with the emulator
  auto link = station::open_serial(loop, terminal, options);
  if (!link) throw std::runtime_error(link.error().message);
  use(**link);
}

std::string Board::nonsecure_log() const {
  return text_of(folder_ / "nonsecure.log");
}
std::string Board::secure_log() const {
  return text_of(folder_ / "secure.log");
}

}  // namespace pedigree::testing
