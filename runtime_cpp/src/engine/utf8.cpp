#include "engine/utf8.h"

#include <cstdint>

namespace lmdm {
namespace {

constexpr char32_t replacement = 0xFFFD;

/// What a first byte asks for: how many bytes follow it, and between which the first of them lies.
struct Lead {
  int following;
  std::uint8_t least, most;
};

Lead lead_of(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};  // no surrogates
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

std::u32string from_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<std::uint8_t>(bytes[i++]);
    if (first < 0x80) {
      text += static_cast<char32_t>(first);
      continue;
    }
    const Lead lead = lead_of(first);
    char32_t code = first & (0x3Fu >> lead.following);
    int missing = lead.following;
    std::uint8_t least = lead.least, most = lead.most;
    while (missing > 0 && i < bytes.size()) {
      const auto byte = static_cast<std::uint8_t>(bytes[i]);
      if (byte < least || byte > most) {
        break;
      }
      code = (code << 6) | (byte & 0x3Fu);
      least = 0x80, most = 0xBF;
      --missing, ++i;
    }
    text += lead.following == 0 || missing > 0 ? replacement : code;
  }
  return text;
}

std::string to_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  const auto put = [&bytes](char32_t value) { bytes += static_cast<char>(static_cast<std::uint8_t>(value)); };
  for (const char32_t code : text) {
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    }
  }
  return bytes;
}

}  // namespace lmdm
