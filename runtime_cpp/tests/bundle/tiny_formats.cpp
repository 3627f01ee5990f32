#include "tiny_formats.h"

#include <openssl/sha.h>

#include <array>
#include <cstdint>

namespace lmdm::testing {

namespace {

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  return text;
}

std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

}  // namespace

std::string npy(const std::string& dictionary, const std::string& data) {
  return "\x93NUMPY" + std::string{'\1', '\0'} + little_endian(dictionary.size() + 1, 2) + dictionary + "\n" + data;
}

std::string npy_zeros(const std::string& shape, std::size_t count) {
  return npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }", std::string(4 * count, '\0'));
}

std::string zip(const Members& members, std::uint32_t claimed) {
  std::string local, central;
  for (const auto& [name, data] : members) {
    const auto size = static_cast<std::uint32_t>(data.size());
    // Version, flags, method and time; checksum; sizes; lengths of the name and of the extra field.
    const std::string common = little_endian(20, 2) + std::string(8, '\0') + little_endian(crc32(data), 4) + little_endian(size, 4) +
                               little_endian(std::uint64_t{size} + claimed, 4) + little_endian(name.size(), 2) + little_endian(0, 2);
    central += "PK\1\2" + little_endian(20, 2) + common + std::string(10, '\0') + little_endian(local.size(), 4) + name;
    local += "PK\3\4" + common + name + data;
  }
  const std::string count = little_endian(members.size(), 2);
  return local + central + "PK\5\6" + std::string(4, '\0') + count + count + little_endian(central.size(), 4) +
         little_endian(local.size(), 4) + std::string(2, '\0');
}

std::string field(unsigned number, const std::string& content) {
  std::string text;
  const auto varint = [&text](std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text += static_cast<char>(static_cast<unsigned char>(value | 0x80));
    text += static_cast<char>(value);
  };
  varint(number << 3 | 2);
  varint(content.size());
  return text + content;
}

std::string onnx(const std::string& location) {
  const std::string entry = field(1, "location") + field(2, location), length = field(1, "length") + field(2, "4");
  return field(7, field(2, "tiny") + field(5, field(8, "weight") + field(13, entry) + field(13, length)));
}

std::string sha256(const std::string& bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace lmdm::testing
