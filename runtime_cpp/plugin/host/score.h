#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lmdm::host {

/// What happens to the plugin at a time of the performance; one of parameter, midi, state and restart.
struct Event {
  double seconds = 0;
  std::string parameter;                     ///< name as the plugin tells it
  float value = 0;                           ///< of the parameter, 0-1
  std::vector<unsigned char> midi;           ///< one message
  std::map<std::string, std::string> state;  ///< by "element.attribute" of what the plugin saves: recalled as a preset
  bool restart = false;                      ///< released and prepared again, as where the audio device changes
};

/// Events in the order of time. The file is a JSON array of objects such as
/// {"at": 2.5, "parameter": "Mix", "value": 1}, {"at": 3, "midi": [176, 64, 127]}, {"at": 4, "state": {"prompts.a": "…"}} and
/// {"at": 5, "restart": true}. Throws Error(session).
[[nodiscard]] std::vector<Event> read_score(const std::filesystem::path& file);

}  // namespace lmdm::host
