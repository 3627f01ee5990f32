#include "processor/journal.h"

#include <juce_core/juce_core.h>

#include <array>
#include <iomanip>

namespace lmdm::plugin {

void Journal::write(double seconds, Condition condition, const LiveMetrics& metrics) {
  static constexpr std::array names{"no_bundle", "loading", "ready", "overloaded", "failed"};
  if (!asked_) {
    asked_ = true;
    const juce::String name = juce::SystemStats::getEnvironmentVariable("LMDM_PLUGIN_LOG", {});
    if (name.isNotEmpty()) file_.open(name.toStdString(), std::ios::app);
  }
  if (!file_.is_open() || seconds < next_) return;
  next_ = seconds + 1;
  file_ << std::fixed << std::setprecision(3) << "{\"seconds\": " << seconds << ", \"blocks\": " << metrics.blocks
        << ", \"underruns\": " << metrics.underruns << ", \"dropped\": " << metrics.dropped_blocks << ", \"block_ms\": " << metrics.block_ms
        << ", \"worst_block_ms\": " << metrics.worst_block_ms << ", \"condition\": \"" << names.at(static_cast<std::size_t>(condition))
        << "\"}" << std::endl;
}

}  // namespace lmdm::plugin
