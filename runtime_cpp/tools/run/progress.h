#pragma once

#include <cstdint>
#include <string>

namespace lmdm::run {

/// How far it is, on one line of stderr where that is a terminal.
class Progress {
 public:
  Progress(std::uint64_t total, bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::uint64_t done);
  /// A sentence of its own.
  void say(const std::string& sentence);

 private:
  void clear();

  std::uint64_t total_;
  bool shown_;
};

}  // namespace lmdm::run
