#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "live/source.h"

namespace lmdm::live {

/// What the control thread wants of the next block. Of two requests of the same kind the newer remains, and two tunings become one, so
/// that a storm of them costs no more than one.
class Requests {
 public:
  struct Batch {
    std::vector<Request> requests;  ///< in the order in which they were made
    bool reset = false;
  };

  void post(Request request);
  void post_reset();
  [[nodiscard]] Batch take();

  /// Why a request was not served, or why the music stopped; empty: all is well.
  void report(std::string sentence);
  [[nodiscard]] std::string reported() const;
  /// What was served in part only; empty: all of it.
  void note(std::string sentence);
  [[nodiscard]] std::string noted() const;

 private:
  mutable std::mutex mutex_;
  Batch waiting_;
  std::string reported_, noted_;
};

}  // namespace lmdm::live
