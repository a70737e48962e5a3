// SPDX-License-Identifier: Apache-2.0
#include "testing/mps2/board.h"

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "core/bytes/writer.h"
#include "device/service/record.h"

namespace pedigree::testing {
namespace {

constexpr std::uintmax_t kMemorySize = std::uintmax_t{16} << 20U;

/// `name` is a path in the folder of images, without ".elf".
std::filesystem::path image(const std::string& name) {
  const char* const folder = std::getenv("PEDIGREE_MPS2_IMAGES");
  const auto path = std::filesystem::path(folder == nullptr ? "build/mps2/bin" : folder) / (name + ".elf");
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

Board::Board() {
  std::random_device random;
  Octets seed(32);
  for (auto& octet : seed) octet = static_cast<std::uint8_t>(random());
  Octets front(kFactorySeedOffset, 0xff);
  const Octets factory = factory_seed(seed);
  front.insert(front.end(), factory.begin(), factory.end());
  write_file(memory(), Bytes(front));
  std::filesystem::resize_file(memory(), kMemorySize);
}

void Board::write_memory(std::size_t offset, Bytes octets) const {
  Octets content = read_file(memory());
  std::ranges::copy(octets, content.begin() + static_cast<std::ptrdiff_t>(offset));
  write_file(memory(), Bytes(content));
}

std::vector<std::string> Board::command(const Images& images, const std::string& uart) const {
  const auto device = [](const std::string& name) { return "loader,file=" + image(name).string(); };
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
          image("boot").string(),
          "-device",
          device(images.secure + "secure"),
          "-device",
          device(images.nonsecure)};
}

std::unique_ptr<Process> Board::run(const Images& images, const std::vector<std::string>& more) const {
  auto line = command(images, "file:" + (folder_ / "nonsecure.log").string());
  line.insert(line.end(), more.begin(), more.end());
  for (const auto* const log : {"nonsecure.log", "secure.log", "trace.log"}) {
    std::filesystem::remove(folder_ / log);
  }
  return std::make_unique<Process>(line);
}

void Board::with_device(const Images& images, const std::function<void(station::Device&)>& use) const {
  std::filesystem::remove(folder_ / "secure.log");
  Process emulator(command(images, "pty"));
  std::string terminal;
  const bool ready = emulator.wait_until([&] {
    terminal = terminal_of(emulator.output() + emulator.errors());
    return !terminal.empty();
  });
  if (!ready) throw std::runtime_error("the emulator does not start: " + emulator.errors());
  station::Loop loop;
  station::LinkOptions options;
  auto link = station::open_serial(loop, terminal, options);
  if (!link) throw std::runtime_error(link.error().message);
  station::Device device(**link);
  use(device);
}

std::string Board::nonsecure_log() const {
  return text_of(folder_ / "nonsecure.log");
}
std::string Board::secure_log() const {
  return text_of(folder_ / "secure.log");
}

}  // namespace pedigree::testing
