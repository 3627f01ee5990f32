#pragma once

#include <fstream>
#include <string>

#include "lmdm/live_processor.h"
#include "view/view.h"

namespace lmdm::plugin {

/// A line of JSON a second into the file that the environment variable LMDM_PLUGIN_LOG names, for measurements of a plugin in a host.
class Journal {
 public:
  /// Opens nothing where there is no such variable.
  void write(double seconds, Condition condition, const LiveMetrics& metrics);

 private:
  bool asked_ = false;
  double next_ = 0;
  std::ofstream file_;
};

}  // namespace lmdm::plugin
