#include "backends/library.h"

#include <fstream>

#include "backends/library_search.h"
#include "backends/platform.h"
#include "backends/session_options.h"
#include "support.h"

namespace lmdm::testing {
namespace {

/// Sets a variable of the environment, or removes it, and puts it back.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name), before_(platform::environment(name)) { set(value); }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    if (value != nullptr) {
      setenv(name_, value, 1);
    } else {
      unsetenv(name_);
    }
  }
  const char* name_;
  std::optional<std::string> before_;
};

std::filesystem::path old_library() {
  return LMDM_TEST_OLD_LIBRARY;
}

void expect_none(const std::filesystem::path& configured, const std::vector<std::string>& words) {
  expect_error(ErrorKind::environment, words, [&] { static_cast<void>(ort::Library::open(configured)); });
}

TEST(Library, IsFoundAndOpenedOnce) {
  const auto library = ort::Library::open({}), again = ort::Library::open({});
  EXPECT_EQ(library, again);
  EXPECT_TRUE(library->version().starts_with("1.")) << library->version();
  const auto providers = library->providers();
  EXPECT_NE(std::find(providers.begin(), providers.end(), "CPUExecutionProvider"), providers.end());
  const auto backend = make_onnxruntime_backend(load("encoder-decoder"));
  EXPECT_EQ(backend->name(), "onnxruntime " + library->version() + ", CPUExecutionProvider");
}

TEST(Library, TheSameByPathAndByFolder) {
  const auto library = ort::Library::open({});
  const std::filesystem::path where = library->where();
  EXPECT_EQ(ort::Library::open(where), library);
  const Variable variable("LMDM_ONNXRUNTIME", where.parent_path().c_str());
  EXPECT_EQ(ort::Library::open({}), library);
}

TEST(Library, WhatCannotServeIsNamed) {
  expect_none("/nowhere/libonnxruntime.so", {"no ONNX Runtime 1.17 or newer was found", "/nowhere/libonnxruntime.so", "pip install"});
  expect_none(old_library(), {old_library().string() + " is ONNX Runtime 1.15.1, which is older than 1.17"});
  const std::filesystem::path text = std::filesystem::path(::testing::TempDir()) / "libonnxruntime.so";
  std::ofstream(text) << "no library";
  expect_none(text, {text.string()});
  const Variable variable("LMDM_ONNXRUNTIME", "/nowhere/at/all");
  expect_none({}, {"LMDM_ONNXRUNTIME=/nowhere/at/all"});
  // What is configured goes before the environment.
  expect_none(old_library(), {"1.15.1"});
}

TEST(Library, EveryPlaceIsNamed) {
  const Variable given("LMDM_ONNXRUNTIME", nullptr), environment("VIRTUAL_ENV", "/some/venv"), path("PATH", "/nowhere/bin"),
      home("HOME", "/some/home");
  const ort::Search found = ort::search({});
  std::string places;
  for (const std::string& place : found.places) {
    places += place + "\n";
  }
  for (const std::string expected : {"LMDM_ONNXRUNTIME (not set)", "the loader's folders", "/some/venv", "/some/home/.local"}) {
    EXPECT_NE(places.find(expected), std::string::npos) << expected << " is not in\n" << places;
  }
  EXPECT_NE(places.find(platform::own_folder().string()), std::string::npos) << places;
}

TEST(Library, AWheelIsFoundInAVirtualEnvironment) {
  const std::filesystem::path venv = std::filesystem::path(::testing::TempDir()) / "venv";
  const std::filesystem::path capi = venv / "lib" / "python3.12" / "site-packages" / "onnxruntime" / "capi";
  std::filesystem::create_directories(capi);
  const std::filesystem::path file = capi / (platform::onnxruntime_names().back() + ".1.99.0");
  std::ofstream(file) << "a wheel";
  std::ofstream(capi / "libonnxruntime_providers_shared.so") << "another library";
  const Variable given("LMDM_ONNXRUNTIME", nullptr), environment("VIRTUAL_ENV", venv.c_str());
  const ort::Search found = ort::search({});
  const auto names = [&](const std::filesystem::path& path) {
    return std::count_if(found.candidates.begin(), found.candidates.end(), [&](const auto& candidate) { return candidate.file == path; });
  };
  EXPECT_EQ(names(file), 1);
  EXPECT_EQ(names(capi / "libonnxruntime_providers_shared.so"), 0);
}

TEST(Library, AProviderThatItLacksIsNoFallBack) {
  const auto library = ort::Library::open({});
  const auto built = library->providers();
  int lacking = 0;
  for (const Provider provider : {Provider::cuda, Provider::tensorrt}) {
    const std::string name = ort::provider_name(provider);
    if (std::find(built.begin(), built.end(), name) == built.end()) {
      OnnxRuntimeOptions options;
      options.provider = provider;
      expect_error(ErrorKind::environment, {"ONNX Runtime " + library->version(), "has no " + name, "onnxruntime-gpu"},
                   [&] { static_cast<void>(make_onnxruntime_backend(load("encoder-decoder"), options)); });
      ++lacking;
    }
  }
  if (lacking == 0) {
    GTEST_SKIP() << "this ONNX Runtime has both";
  }
}

TEST(Platform, PhysicalCoresAreCounted) {
  EXPECT_GE(platform::physical_cores(), 1);
}

}  // namespace
}  // namespace lmdm::testing
