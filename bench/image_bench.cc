// SPDX-License-Identifier: Apache-2.0
// Signing and verifying firmware images against what hashing them allows, and the command from start to
// finish.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "bench/core_peers.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "core/firmware_image/verify.h"
#include "testing/images/pki.h"
#include "testing/support/allocations.h"

namespace pedigree::bench {
namespace {

using testing::ImagePki;
using testing::TestSigner;

constexpr std::size_t kMebibyte = std::size_t{1} << 20U;
constexpr std::size_t kImage = 16 * kMebibyte;
constexpr std::size_t kBlock = std::size_t{1} << 18U;

/// A file that is read where it is asked for.
class FileSource final : public image::Source {
 public:
  explicit FileSource(const std::filesystem::path& path)
      : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)),
        size_(static_cast<std::uint32_t>(std::filesystem::file_size(path))) {
    require(file_ >= 0, "open");
  }
  ~FileSource() { close(file_); }
  [[nodiscard]] std::uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] Result<void> read(std::uint32_t offset, MutableBytes out) const noexcept override {
    if (pread(file_, out.data(), out.size(), offset) != static_cast<ssize_t>(out.size())) {
      return fail(ErrorCode::io_failure, offset);
    }
    return {};
  }

 private:
  int file_;
  std::uint32_t size_;
};

/// Counts what is written, as a pipe would take it.
class NullSink final : public signing::Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes piece) noexcept override {
    octets_ += piece.size();
    return {};
  }
  [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

 private:
  std::size_t octets_ = 0;
};

struct Buffers {
  testing::Octets chain = testing::Octets(8192), statement = testing::Octets(8192),
                  block = testing::Octets(kBlock);
  [[nodiscard]] image::VerifyBuffers view() { return {chain, statement, block}; }
};

void verify(const ImagePki& pki, const image::Source& source, Buffers& buffers) {
  image::VerifyOptions options;
  options.trust = pki.trust();
  options.check_statement = true;
  image::VerifyFault fault;
  require(image::verify_image(pki.crypto(), source, options, buffers.view(), fault).has_value(),
          "verify_image");
}

void sign(const ImagePki& pki, const TestSigner& signer, const image::Source& code, signing::Sink& out) {
  require(signing::sign_image(pki.crypto(), signer.key.view(), testing::options_of(signer), code, out)
              .has_value(),
          "sign_image");
}

/// The most that signing and verifying an image from a file has allocated at once.
std::size_t most_memory(const ImagePki& pki, const TestSigner& signer, const std::filesystem::path& folder,
                        std::size_t size) {
  const auto code_file = folder / "memory.code";
  const auto image_file = folder / "memory.image";
  testing::write_file(code_file, Bytes(testing::code(size)));
  testing::write_file(image_file,
                      Bytes(testing::sign(pki, signer, testing::options_of(signer), testing::code(size))));
  const FileSource code(code_file);
  const FileSource image(image_file);
  const std::size_t before = testing::allocated_octets();
  (void)testing::most_allocated_octets();
  Buffers buffers;
  NullSink sink;
  verify(pki, image, buffers);
  sign(pki, signer, code, sink);
  return testing::most_allocated_octets() - before;
}

void bench_library(const ImagePki& pki, const TestSigner& signer, const std::filesystem::path& folder) {
  const testing::Octets code = testing::code(kImage);
  const testing::Octets image = testing::sign(pki, signer, testing::options_of(signer), code);
  testing::write_file(folder / "image", Bytes(image));
  const FileSource file(folder / "image");
  const image::MemorySource memory(image);
  const image::MemorySource code_in_memory(code);
  Buffers buffers;
  NullSink sink;
  const auto seconds = best_seconds({
      [&] { require(pki.crypto().sha256(image).has_value(), "sha256"); },
      [&] { verify(pki, memory, buffers); },
      [&] { verify(pki, file, buffers); },
      [&] { sign(pki, signer, code_in_memory, sink); },
  });
  const auto rate = [](double of_one) { return static_cast<double>(kImage) / kMebibyte / of_one; };
  const double limit = rate(seconds[0]);
  record({"image_verify_16mib",
          rate(seconds[1]),
          "MiB/s",
          limit,
          0.8,
          Better::higher,
          {{"from_file", rate(seconds[2])}}});
  record({"image_sign_16mib", rate(seconds[3]), "MiB/s", limit, 0.6, Better::higher, {}});
  const std::size_t small = most_memory(pki, signer, folder, kMebibyte);
  const std::size_t large = most_memory(pki, signer, folder, kImage);
  fmt::print("  memory of signing and verifying from files: {} KiB for 1 MiB, {} KiB for 16 MiB\n",
             small / 1024, large / 1024);
  require(large <= small + 4096, "memory grows with the image");
}

/// Milliseconds that a run took by the clock, and of CPU time.
struct RunTime {
  double wall = 0, cpu = 0;
};

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

RunTime run_once(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  require(posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0, "posix_spawn");
  int status = 0;
  rusage used{};
  require(wait4(child, &status, 0, &used) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "pedigree image sign");
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), milliseconds(used.ru_utime) + milliseconds(used.ru_stime)};
}

void write_secret(const std::filesystem::path& file, std::string_view text) {
  testing::write_file(file, text);
  std::filesystem::permissions(file,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

void bench_command(const TestSigner& signer, const std::filesystem::path& folder) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "pedigree";
  testing::write_file(folder / "app.bin", Bytes(testing::code(256 * 1024)));
  std::string chain;
  for (const testing::Octets& der : signer.chain) chain += testing::to_pem("CERTIFICATE", der);
  testing::write_file(folder / "chain.pem", chain);
  write_secret(folder / "key.pem", signer.key.to_pem({}).value());
  const std::vector<std::string> words{program,
                                       "image",
                                       "sign",
                                       folder / "app.bin",
                                       folder / "app.signed.bin",
                                       "--key",
                                       folder / "key.pem",
                                       "--chain",
                                       folder / "chain.pem",
                                       "--version",
                                       "1.2.3",
                                       "--pad-header",
                                       "--quiet"};
  RunTime best = run_once(words);
  for (int i = 0; i < 100; ++i) {
    const RunTime run = run_once(words);
    best = {std::min(best.wall, run.wall), std::min(best.cpu, run.cpu)};
  }
  record({"image_sign_command_256kib", best.wall, "ms", 20, 1.0, Better::lower, {{"cpu_time", best.cpu}}});
}

void run() {
  const testing::TempDir folder;
  const ImagePki pki;
  const TestSigner signer = pki.make_signer(crypto::KeyType::p256);
  bench_library(pki, signer, folder.path());
  bench_command(signer, folder.path());
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("image_bench", pedigree::bench::run);
}
