// SPDX-License-Identifier: Apache-2.0
#include "server/observe/log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <random>

#include "server/observe/line_writer.h"

namespace pedigree::observe {
namespace {

/// A character of UTF-8 at the beginning of a text (RFC 3629); no octets: there is none.
struct Character {
  char32_t value = 0;
  std::size_t octets = 0;
};

Character first_character(std::string_view text) {
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned lead = octet(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t octets = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (octets == 0 || octets > text.size()) return {};
  char32_t value = lead & (0x7fU >> octets);
  for (std::size_t i = 1; i < octets; ++i) {
    if ((octet(i) & 0xc0U) != 0x80) return {};
    value = (value << 6U) | (octet(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[octets] || value > 0x10ffff || surrogate) return {};
  return {value, octets};
}

/// Steers a terminal, is not seen, or changes the order in which the rest is seen.
bool is_unsafe(char32_t c) {
  const auto in = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  return c < 0x20 || in(0x7f, 0x9f) || c == 0xad || c == 0x61c || c == 0x180e || in(0x200b, 0x200f) ||
         in(0x2028, 0x202e) || in(0x2060, 0x206f) || c == 0xfeff || in(0xfff9, 0xfffb) ||
         in(0xe0000, 0xe0fff);
}

void append_character(std::string& out, Character c, std::string_view octets, bool json) {
  if (c.value == '"' || c.value == '\\') {
    out += '\\';
    out += octets;
  } else if (!is_unsafe(c.value)) {
    out += octets;
  } else if (c.value < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c.value));
  } else if (json) {
    const auto rest = static_cast<unsigned>(c.value) - 0x10000U;
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800U + (rest >> 10U), 0xdc00U + (rest & 0x3ffU));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<unsigned>(c.value));
  }
}

/// Octets at the beginning of a text that stand for themselves in every format.
std::size_t plain_octets(std::string_view text) {
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
}

void append_field(std::string& out, std::string_view text, bool json) {
  const bool cut = text.size() > kMaxFieldValue;
  if (cut) text = text.substr(0, kMaxFieldValue);
  while (!text.empty()) {
    const std::size_t plain = plain_octets(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Character c = first_character(text);
    if (c.octets == 0) {
      out += json ? "\\ufffd" : fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else {
      append_character(out, c, text.substr(0, c.octets), json);
    }
    text.remove_prefix(std::max<std::size_t>(1, c.octets));
  }
  if (cut) out += "...";
}

void append_value(std::string& out, const Field& field, bool json) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    out += '"';
    append_field(out, *text, json);
    out += '"';
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else {
    fmt::format_to(std::back_inserter(out), "{:.3f}", std::get<double>(field.value));
  }
}

std::uint32_t random_number() {
  std::random_device device;
  return device();
}

}  // namespace

std::string escape_field(std::string_view text, bool json) {
  std::string out;
  append_field(out, text, json);
  return out;
}

std::string format_line(LogFormat format, LogLevel level, std::int64_t at, std::string_view event,
                        std::initializer_list<Field> fields) {
  const bool json = format == LogFormat::json;
  std::string line;
  line.reserve(512);
  line += json ? R"({"time":")" : "";
  fmt::format_to(std::back_inserter(line), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(at / 1000), at % 1000);
  line += json ? R"(","level":")" : " ";
  line += authority::name(level);
  line += json ? R"(","event":")" : " ";
  append_field(line, event, json);
  if (json) line += '"';
  for (const Field& field : fields) {
    line += json ? ",\"" : " ";
    line += field.name;
    line += json ? "\":" : "=";
    append_value(line, field, json);
  }
  if (json) line += '}';
  return line;
}

struct Log::State {
  explicit State(Counter& lost_lines) : lost(lost_lines) {}

  Counter& lost;
  LineWriter writer{lost};
  std::atomic<LogFormat> format{LogFormat::text};
  std::atomic<LogLevel> level{LogLevel::info};
  std::uint32_t prefix = random_number();
  std::atomic<std::uint64_t> next{0};
};

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

authority::Answer<std::shared_ptr<Log>> Log::open(const authority::LogConfig& config, Counter& lost) {
  std::shared_ptr<Log> log(new Log(std::make_unique<State>(lost)));
  if (const auto opened = log->reopen(config); !opened) return std::unexpected(opened.error());
  return log;
}

authority::Answer<void> Log::reopen(const authority::LogConfig& config) {
  int descriptor = STDERR_FILENO;
  if (!config.file.empty()) {
    descriptor = ::open(config.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (descriptor < 0) {
      return authority::refuse(ErrorCode::io_failure, fmt::format("cannot open the log {}", config.file));
    }
  }
  state_->writer.open(descriptor);
  state_->format = config.format;
  state_->level = config.level;
  return {};
}

bool Log::takes(LogLevel level) const noexcept {
  return level <= state_->level.load(std::memory_order_relaxed);
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) noexcept {
  if (!takes(level)) return;
  try {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    state_->writer.add(format_line(state_->format, level, at, event, fields));
  } catch (...) {  // a line is not worth a request
    state_->lost.add();
  }
}

std::string Log::next_id() {
  return fmt::format("{:08x}-{}", state_->prefix, state_->next.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace pedigree::observe
