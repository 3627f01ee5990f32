#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lmdm/bundle.h"
#include "lmdm/error.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::testing {

/// A bundle that write_bundles.py has written.
inline std::filesystem::path bundle_folder(const std::string& name) { return std::filesystem::path(LMDM_TEST_BUNDLES) / name; }

inline Bundle load(const std::string& name) {
  return Bundle::load(bundle_folder(name));
}

inline OnnxRuntimeOptions one_thread() {
  OnnxRuntimeOptions options;
  options.threads = 1;
  return options;
}

/// New buffers for every port of a graph.
inline Buffers buffers_for(Backend& backend, const GraphEntry& graph) {
  Buffers buffers;
  for (const auto* side : {&graph.inputs, &graph.outputs}) {
    for (const Port& port : *side) {
      buffers[port.name] = backend.buffer(port);
    }
  }
  return buffers;
}

inline std::vector<float> floats(const Buffer& buffer) {
  std::vector<float> values(buffer.port().count());
  buffer.read_values<float>(values);
  return values;
}

inline std::vector<float> floats(const Array& array) {
  const std::span<const float> values = array.as<float>();
  return {values.begin(), values.end()};
}

/// The largest difference of two rows of numbers; infinite where a number is none, or the lengths differ.
inline double furthest(std::span<const float> a, std::span<const float> b) {
  double most = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double apart = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = std::isnan(apart) ? INFINITY : std::max(most, apart);
  }
  return most;
}

/// The error that `action` throws must be of that kind, and its sentence hold every one of these words.
inline void expect_error(ErrorKind kind, const std::vector<std::string>& words, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown, expected: " << words.front();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    for (const std::string& word : words) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << '"' << word << "\" is not in: " << error.what();
    }
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}

}  // namespace lmdm::testing
