#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "instrument/engine.h"
#include "instrument/wishes.h"
#include "lmdm/backend.h"

namespace lmdm::plugin {

/// Told how far the building is, 0-1, and what is being done.
using Progress = std::function<void(double, const std::string&)>;

/// Makes engines. One thread at a time, but for `cancel`.
class Builder {
 public:
  Builder() = default;
  virtual ~Builder() = default;
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  /// Takes seconds. `bundle` is the folder of one layout.
  /// Throws Error(bundle), Error(session), Error(environment) with what a musician can do, and Error(cancelled).
  [[nodiscard]] virtual std::unique_ptr<Engine> build(const std::filesystem::path& bundle, const EngineSpec& spec, const Wishes& wishes,
                                                      const Progress& progress) = 0;
  /// Ends the `build` that is under way, and every later one. Any thread.
  virtual void cancel() noexcept = 0;
};

/// Engines that play bundles, by ONNX Runtime.
class BundleBuilder final : public Builder {
 public:
  [[nodiscard]] std::unique_ptr<Engine> build(const std::filesystem::path& bundle, const EngineSpec& spec, const Wishes& wishes,
                                              const Progress& progress) override;
  void cancel() noexcept override;

 private:
  void require_wanted();

  std::mutex mutex_;
  bool cancelled_ = false;           ///< under the mutex
  std::weak_ptr<Backend> building_;  ///< under the mutex
  std::shared_ptr<const Bundle> bundle_;
};

}  // namespace lmdm::plugin
