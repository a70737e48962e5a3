// SPDX-License-Identifier: Apache-2.0
#include "testing/support/support.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace pedigree::testing {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// The child's side of run(): never returns.
[[noreturn]] void become(const std::vector<std::string>& command, int input, int output) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

/// Input comes from an unlinked file, so that neither side waits for the other.
int open_input(std::string_view input) {
  std::string name = (std::filesystem::temp_directory_path() / "pedigree-input-XXXXXX").string();
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) throw std::runtime_error("cannot make a temporary file");
  unlink(name.c_str());
  while (!input.empty()) {
    const ssize_t count = write(file, input.data(), input.size());
    if (count <= 0) throw std::runtime_error("cannot write a temporary file");
    input.remove_prefix(static_cast<std::size_t>(count));
  }
  lseek(file, 0, SEEK_SET);
  return file;
}

}  // namespace

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Octets read_file(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  return {text.begin(), text.end()};
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file.string());
}

void write_file(const std::filesystem::path& file, Bytes content) {
  write_file(file, as_text(content));
}

std::string hex(Bytes octets) {
  std::string text;
  text.reserve(octets.size() * 2);
  for (const std::uint8_t octet : octets) {
    text += kHex[octet >> 4U];
    text += kHex[octet & 15U];
  }
  return text;
}

Octets unhex(std::string_view text) {
  Octets octets;
  unsigned value = 1;  // a leading 1 marks how many digits are in
  for (const char c : text) {
    if (is_space(c)) continue;
    const auto digit = kHex.find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    if (digit == std::string_view::npos) throw std::runtime_error("not hexadecimal");
    value = value << 4U | static_cast<unsigned>(digit);
    if (value < 0x100) continue;
    octets.push_back(static_cast<std::uint8_t>(value));
    value = 1;
  }
  if (value != 1) throw std::runtime_error("odd number of hexadecimal digits");
  return octets;
}

std::string base64(Bytes octets) {
  std::string text;
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, octets.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < count ? octets[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kBase64[(group >> (18U - 6U * static_cast<unsigned>(j))) & 63U] : '=';
    }
  }
  return text;
}

Octets unbase64(std::string_view text) {
  Octets octets;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    if (is_space(c) || c == '=') continue;
    const auto digit = kBase64.find(c);
    if (digit == std::string_view::npos) throw std::runtime_error("not base64");
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    octets.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  return octets;
}

std::vector<PemBlock> pem_blocks(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  std::vector<PemBlock> blocks;
  for (auto start = pem.find(kBegin); start != std::string_view::npos; start = pem.find(kBegin)) {
    pem.remove_prefix(start + kBegin.size());
    const auto label_end = pem.find(kDashes);
    if (label_end == std::string_view::npos) throw std::runtime_error("PEM: bad begin line");
    const std::string label(pem.substr(0, label_end));
    pem.remove_prefix(label_end + kDashes.size());
    const auto end = pem.find("-----END " + label + "-----");
    if (end == std::string_view::npos) throw std::runtime_error("PEM: block is not closed");
    blocks.push_back({label, unbase64(pem.substr(0, end))});
    pem.remove_prefix(end);
  }
  return blocks;
}

std::vector<Octets> pem_ders(std::string_view pem, std::string_view label) {
  std::vector<Octets> ders;
  for (PemBlock& block : pem_blocks(pem)) {
    if (block.label == label) ders.push_back(std::move(block.der));
  }
  return ders;
}

std::string to_pem(std::string_view label, Bytes der) {
  const std::string body = base64(der);
  std::string pem = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t i = 0; i < body.size(); i += 64) pem += body.substr(i, 64) + "\n";
  return pem + "-----END " + std::string(label) + "-----\n";
}

std::optional<std::filesystem::path> vectors_dir() {
  if (const char* named = std::getenv("PEDIGREE_VECTORS"); named != nullptr && *named != '\0') {
    if (std::filesystem::is_directory(named)) return std::filesystem::path(named);
    return std::nullopt;
  }
  // Tests run in the source tree.
  const std::filesystem::path beside = "../shared/vectors";
  if (std::filesystem::is_directory(beside)) return std::filesystem::absolute(beside);
  return std::nullopt;
}

TempDir::TempDir(const std::filesystem::path& parent) {
  std::string name = (parent / "pedigree-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a folder left behind fails no test
  std::filesystem::remove_all(path_, ignored);
}

CommandResult run(const std::vector<std::string>& command, std::string_view input) {
  std::array<int, 2> ends{};
  if (command.empty() || pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot run a command");
  const int input_file = open_input(input);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) become(command, input_file, ends[1]);
  close(input_file);
  close(ends[1]);
  CommandResult result;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    result.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace pedigree::testing
