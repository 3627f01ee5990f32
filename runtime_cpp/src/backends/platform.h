#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What differs between operating systems; platform_posix.cpp is Linux and macOS.
namespace lmdm::platform {

/// Opens a shared library by path, or by a bare name that the loader searches, with its symbols kept apart from those of other libraries.
/// Null where it does not open, with the loader's words in `reason`. It is never closed again: see library.h.
[[nodiscard]] void* open_library(const std::filesystem::path& file, std::string& reason);
/// The address of a symbol, or null.
[[nodiscard]] void* symbol(void* library, const char* name);
/// The program or library that holds an address.
[[nodiscard]] std::filesystem::path file_of(const void* address);
/// The folder of the program or library that holds this code.
[[nodiscard]] std::filesystem::path own_folder();
/// A variable of the environment that is set and not empty.
[[nodiscard]] std::optional<std::string> environment(const char* name);
/// The folders of PATH.
[[nodiscard]] std::vector<std::filesystem::path> executable_folders();
/// Names under which the loader may know ONNX Runtime, the likelier first.
[[nodiscard]] std::vector<std::string> onnxruntime_names();
/// Whether a file of that name is ONNX Runtime's shared library, such as "libonnxruntime.so.1.23.2".
[[nodiscard]] bool is_onnxruntime(std::string_view file_name);
/// The folder for files that can be made again.
[[nodiscard]] std::filesystem::path cache_folder();
/// Cores of this process without counting hardware threads twice; at least 1.
[[nodiscard]] int physical_cores();
/// Cores that this process may use, hardware threads included; at least 1.
[[nodiscard]] int usable_cores();
/// The processor's name, as its maker has it; of those that have none, the architecture.
[[nodiscard]] std::string cpu_model();

/// A file mapped into memory to be read: its pages are shared by all who map it, and the system may drop them at any time.
class MappedFile {
 public:
  /// Throws std::system_error: it cannot be opened or mapped.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// Gives the pages back to the system; those that are read again are mapped again.
  void release_pages() const noexcept;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lmdm::platform
