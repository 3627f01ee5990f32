#include "c/guard.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "lmdm/error.h"

namespace lmdm::c {
namespace {

static_assert(static_cast<int>(ErrorKind::bundle) == LMDM_ERROR_BUNDLE && static_cast<int>(ErrorKind::session) == LMDM_ERROR_SESSION &&
                  static_cast<int>(ErrorKind::runtime) == LMDM_ERROR_RUNTIME &&
                  static_cast<int>(ErrorKind::environment) == LMDM_ERROR_ENVIRONMENT &&
                  static_cast<int>(ErrorKind::cancelled) == LMDM_ERROR_CANCELLED,
              "the numbers of ErrorKind are those of the C ABI");

bool continues_character(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

void write_text(char* target, std::size_t size, std::string_view text) noexcept {
  if (target == nullptr || size == 0) return;
  std::size_t length = std::min(text.size(), size - 1);
  while (length > 0 && length < text.size() && continues_character(text[length])) --length;
  if (length > 0) std::memcpy(target, text.data(), length);
  target[length] = '\0';
}

lmdm_status caught(char* error, std::size_t error_size) noexcept {
  try {
    throw;
  } catch (const Misuse& misuse) {
    write_text(error, error_size, misuse.what());
    return LMDM_ERROR_ARGUMENT;
  } catch (const Error& refused) {
    write_text(error, error_size, refused.what());
    return static_cast<lmdm_status>(refused.kind());
  } catch (const std::bad_alloc&) {
    write_text(error, error_size, "there is no memory left for this call; free some, or play a smaller bundle");
    return LMDM_ERROR_MEMORY;
  } catch (const std::exception& fault) {
    write_text(error, error_size, fault.what());
    return LMDM_ERROR_INTERNAL;
  } catch (...) {
    write_text(error, error_size, "something was thrown that is no exception; please report it");
    return LMDM_ERROR_INTERNAL;
  }
}

}  // namespace lmdm::c
