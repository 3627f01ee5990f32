#include "score.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lmdm/error.h"

namespace lmdm::host {
namespace {

using Json = nlohmann::json;

Event event_of(const Json& entry) {
  Event event;
  event.seconds = entry.at("at").get<double>();
  if (entry.contains("parameter")) {
    event.parameter = entry.at("parameter").get<std::string>();
    event.value = entry.at("value").get<float>();
  }
  event.midi = entry.value("midi", event.midi);
  event.state = entry.value("state", event.state);
  event.restart = entry.value("restart", false);
  const int kinds = int{!event.parameter.empty()} + int{!event.midi.empty()} + int{!event.state.empty()} + int{event.restart};
  if (kinds != 1) {
    throw Error(ErrorKind::session,
                "the event " + entry.dump() + " is not one of parameter, midi, state and restart; split it in the script");
  }
  return event;
}

}  // namespace

std::vector<Event> read_score(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw Error(ErrorKind::session, "the script " + file.string() + " cannot be read; name a file that exists");
  std::vector<Event> events;
  try {
    for (const Json& entry : Json::parse(stream)) events.push_back(event_of(entry));
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::session,
                "the script " + file.string() + " is no JSON array of events (" + error.what() + "); see lmdm-plugin-host --help");
  }
  std::ranges::stable_sort(events, {}, &Event::seconds);
  return events;
}

}  // namespace lmdm::host
