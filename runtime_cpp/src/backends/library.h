#pragma once

#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

/// ONNX Runtime as the rooms around it see it: functions, handles that release themselves, and failures as exceptions.
namespace lmdm::ort {

/// Binding, shared initialisers, containers of prepacked weights and the options of CUDA and TensorRT are all older than this.
inline constexpr int api_floor = 17;
static_assert(ORT_API_VERSION >= api_floor, "the headers of ONNX Runtime are older than 1.17");

/// What ONNX Runtime answered, cut to its first line; those who know what was tried make a sentence of it.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class T>
struct Releaser {
  void(ORT_API_CALL* release)(T*) = nullptr;
  void operator()(T* handle) const noexcept { release(handle); }
};
template <class T>
using Handle = std::unique_ptr<T, Releaser<T>>;

/// One ONNX Runtime in this process and its one environment. The shared library is never closed: its threads and thread-local objects
/// may outlive the last session.
class Library {
 public:
  /// The library that `configured` names, or the first that serves of those that library_search.h lists; opened once for a process.
  /// Throws Error(environment): there is none, or none that is new enough.
  [[nodiscard]] static std::shared_ptr<Library> open(const std::filesystem::path& configured);

  Library(const OrtApi& api, std::string version, std::filesystem::path where);

  [[nodiscard]] const OrtApi& api() const noexcept { return *api_; }
  [[nodiscard]] const OrtEnv* environment() const noexcept { return environment_.get(); }
  [[nodiscard]] const std::string& version() const noexcept { return version_; }
  [[nodiscard]] const std::filesystem::path& where() const noexcept { return where_; }
  /// Names of the execution providers that it was built with.
  [[nodiscard]] std::vector<std::string> providers() const;

  /// Throws Failure where the call did.
  void check(OrtStatus* status) const;

 private:
  const OrtApi* api_;
  std::string version_;
  std::filesystem::path where_;
  Handle<OrtEnv> environment_;
};

}  // namespace lmdm::ort
