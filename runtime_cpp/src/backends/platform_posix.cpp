#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#else
#include <sched.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <thread>

#include "backends/platform.h"

namespace lmdm::platform {

void* open_library(const std::filesystem::path& file, std::string& reason) {
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* words = dlerror();
    reason = words != nullptr ? words : "it does not open";
  }
  return library;
}

void* symbol(void* library, const char* name) {
  return dlsym(library, name);
}

std::filesystem::path file_of(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) {
    return {};
  }
  std::error_code ignored;
  return std::filesystem::absolute(info.dli_fname, ignored).lexically_normal();
}

std::filesystem::path own_folder() {
  return file_of(reinterpret_cast<const void*>(&own_folder)).parent_path();
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::filesystem::path> executable_folders() {
  std::vector<std::filesystem::path> folders;
  const std::string path = environment("PATH").value_or("");
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    if (end > start) {
      folders.emplace_back(path.substr(start, end - start));
    }
    start = end + 1;
  }
  return folders;
}

std::vector<std::string> onnxruntime_names() {
#ifdef __APPLE__
  return {"libonnxruntime.dylib"};
#else
  return {"libonnxruntime.so.1", "libonnxruntime.so"};
#endif
}

bool is_onnxruntime(std::string_view file_name) {
#ifdef __APPLE__
  return file_name.starts_with("libonnxruntime.") && file_name.ends_with(".dylib");
#else
  return file_name == "libonnxruntime.so" || file_name.starts_with("libonnxruntime.so.");
#endif
}

std::filesystem::path cache_folder() {
#ifdef __APPLE__
  const char* const below_home = "Library/Caches";
#else
  const char* const below_home = ".cache";
  if (const auto folder = environment("XDG_CACHE_HOME")) {
    return *folder;
  }
#endif
  if (const auto home = environment("HOME")) {
    return std::filesystem::path(*home) / below_home;
  }
  std::error_code ignored;
  return std::filesystem::temp_directory_path(ignored);
}

int physical_cores() {
#ifdef __APPLE__
  int cores = 0;
  std::size_t size = sizeof(cores);
  return sysctlbyname("hw.physicalcpu", &cores, &size, nullptr, 0) == 0 ? std::max(cores, 1) : 1;
#else
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof(usable), &usable) != 0) {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &usable)) {
      std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
      const std::string siblings{std::istreambuf_iterator<char>(file), {}};
      cores.insert(siblings.empty() ? std::to_string(cpu) : siblings);
    }
  }
  return std::max(1, static_cast<int>(cores.size()));
#endif
}

int usable_cores() {
#ifndef __APPLE__
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof(usable), &usable) == 0) {
    return std::max(1, CPU_COUNT(&usable));
  }
#endif
  return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

std::string cpu_model() {
#ifdef __APPLE__
  char name[256] = {};
  std::size_t size = sizeof(name) - 1;
  if (sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0) == 0 && name[0] != '\0') {
    return name;
  }
#else
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos) {
      constexpr const char* blank = " \t\r";
      const std::size_t first = line.find_first_not_of(blank, colon + 1);
      return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(blank) + 1 - first);
    }
  }
#endif
  utsname system{};
  return uname(&system) == 0 ? system.machine : "";
}

MappedFile::MappedFile(const std::filesystem::path& file) {
  const int opened = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) {
    throw std::system_error(errno, std::generic_category());
  }
  struct stat status{};
  void* mapped = MAP_FAILED;
  const bool known = fstat(opened, &status) == 0;
  if (known && status.st_size > 0) {
    size_ = static_cast<std::size_t>(status.st_size);
    mapped = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, opened, 0);
  }
  const int error = errno;
  close(opened);
  if (known && status.st_size == 0) {
    return;
  }
  if (mapped == MAP_FAILED) {
    throw std::system_error(error, std::generic_category());
  }
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    munmap(const_cast<std::byte*>(data_), size_);
  }
}

void MappedFile::release_pages() const noexcept {
  if (data_ != nullptr) {
    madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
  }
}

}  // namespace lmdm::platform
