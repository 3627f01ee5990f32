#pragma once

#include <filesystem>
#include <mutex>
#include <string>

namespace lmdm::plugin {

/// What a person chose besides parameters. Any thread, but the audio thread in real time.
class Session {
 public:
  struct Choice {
    std::filesystem::path folder;  ///< of the instrument; empty: the one that is installed
    std::string name, hash;        ///< of the instrument that was loaded from it; empty where none was
    std::string prompt_a = "jazz with piano, acoustic bass and drums";
    std::string prompt_b = "techno with synth bass and drums";

    bool operator==(const Choice&) const = default;
  };

  [[nodiscard]] Choice get() const {
    const std::scoped_lock lock(mutex_);
    return choice_;
  }
  void set(const Choice& choice) {
    const std::scoped_lock lock(mutex_);
    choice_ = choice;
  }
  /// Changes a part of it: `change` takes a Choice&.
  template <class Change>
  void change(const Change& change) {
    const std::scoped_lock lock(mutex_);
    change(choice_);
  }

 private:
  mutable std::mutex mutex_;
  Choice choice_;
};

}  // namespace lmdm::plugin
