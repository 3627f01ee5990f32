#include "processor/plugin_processor.h"

/// What every plugin format asks for.
juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter();

juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter() {
  return new lmdm::plugin::PluginProcessor();
}
