#include "bundle/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace lmdm::bundles {

std::string sha256_of(const std::filesystem::path& file) {
  constexpr std::size_t chunk = std::size_t{1} << 20;
#ifdef _WIN32
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(_wfopen(file.c_str(), L"rb"), std::fclose);
#else
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rb"), std::fclose);
#endif
  if (!stream) throw std::system_error(errno, std::generic_category());
  std::setvbuf(stream.get(), nullptr, _IONBF, 0);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool well = hash && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1;
  std::vector<unsigned char> buffer(chunk);
  std::size_t read = 0;
  while (well && (read = std::fread(buffer.data(), 1, buffer.size(), stream.get())) > 0) {
    well = EVP_DigestUpdate(hash.get(), buffer.data(), read) == 1;
  }
  if (std::ferror(stream.get()) != 0) throw std::system_error(errno, std::generic_category());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (!well || EVP_DigestFinal_ex(hash.get(), digest.data(), &length) != 1) {
    throw std::system_error(std::make_error_code(std::errc::not_supported), "SHA-256");
  }
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

}  // namespace lmdm::bundles
