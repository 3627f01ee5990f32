#include "bundle/sentence.h"

#include "lmdm/error.h"

namespace lmdm::bundles {

namespace {

bool starts_character(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t bytes = byte < 0x80 ? 1 : byte < 0xC2 ? 0 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 0;
    std::size_t following = 1;
    while (following < bytes && i + following < text.size() && !starts_character(text[i + following])) ++following;
    if (bytes == 0 || following < bytes) {
      line += '?';
      ++i;
    } else {
      line += bytes == 1 && (byte < 0x20 || byte == 0x7F) ? std::string_view(" ") : text.substr(i, bytes);
      i += bytes;
    }
  }
  return line;
}

std::string shortened(std::string_view text, std::size_t characters) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (starts_character(text[i]) && seen++ == characters) return std::string(text.substr(0, i));
  }
  return std::string(text);
}

std::size_t length_of(std::string_view text) noexcept {
  std::size_t length = 0;
  for (const char byte : text) length += starts_character(byte) ? 1 : 0;
  return length;
}

void refuse(const std::string& sentence) {
  throw Error(ErrorKind::bundle, one_line(sentence));
}

}  // namespace lmdm::bundles
