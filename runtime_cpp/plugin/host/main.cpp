#include <juce_events/juce_events.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "common/tool.h"
#include "lmdm/error.h"
#include "performance.h"

namespace {

using namespace lmdm;
using namespace lmdm::host;

constexpr const char* about =
    "Plays a VST3 made with JUCE in real time, without an audio device: a clock calls it as a device would, a script turns its knobs, and "
    "a "
    "report says what that took.\n";

constexpr const char* more =
    "\nThe script is a JSON array of events at seconds from the first call; a parameter goes by its name, from 0 to 1:\n"
    "  [{\"at\": 2, \"parameter\": \"Mix\", \"value\": 1}, {\"at\": 3, \"midi\": [176, 64, 127]},\n"
    "   {\"at\": 4, \"state\": {\"prompts.a\": \"techno\"}}, {\"at\": 5, \"restart\": true}]\n"
    "\nExample:\n"
    "  LMDM_BUNDLE=out/demo/bundle lmdm-plugin-host GenerativeDelay.vst3 --seconds 60 --input guitar.wav --wav heard.wav --json "
    "report.json\n";

void write(const std::filesystem::path& file, const std::string& text) {
  if (!(std::ofstream(file) << text)) throw Error(ErrorKind::environment, file.string() + " cannot be written; choose another file");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(about, "lmdm-plugin-host");
  app.footer(more);
  Request request;
  std::filesystem::path json;
  app.add_option("plugin", request.plugin, "The VST3, a folder.")->required()->check(CLI::ExistingPath)->type_name("PLUGIN");
  app.add_option("--seconds", request.seconds, "How long.")->check(CLI::PositiveNumber)->default_str("10");
  app.add_option("--rate", request.rate, "Sample rate.")->check(CLI::PositiveNumber)->default_str("48000");
  app.add_option("--block", request.block, "Samples of a call.")->check(CLI::Range(1, 8192))->default_str("128");
  app.add_option("--channels", request.channels, "Of input and output.")->check(CLI::Range(1, 2))->default_str("2");
  app.add_option("--instances", request.instances, "Side by side; the first is heard.")->check(CLI::Range(1, 64))->default_str("1");
  app.add_option("--priority", request.priority, "Realtime priority of the calls; by default none.")->check(CLI::Range(0, 99));
  app.add_option("--wait", request.wait_seconds, "Seconds to wait for a latency before the first call.")->default_str("30");
  app.add_option("--input", request.input, "WAV file that is played in a loop; by default silence.")->check(CLI::ExistingFile);
  app.add_option("--script", request.script, "JSON file of events.")->check(CLI::ExistingFile);
  app.add_option("--state", request.state, "State to begin with, as --save writes it.")->check(CLI::ExistingFile);
  app.add_option("--save", request.save, "File for the state at the end.");
  app.add_option("--wav", request.recording, "File for what is heard, 32-bit float.");
  app.add_option("--json", json, "File for the report; by default standard output.");
  return tools::run(app, argc, argv, [&] {
    // It shows nothing, and a display that went away would end it.
    setenv("DISPLAY", "none", 1);
    const juce::ScopedJuceInitialiser_GUI messages;
    Performance performance(request);
    juce::MessageManager::getInstance()->runDispatchLoop();
    const std::string text = performance.result().dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    json.empty() ? void(std::cout << text) : write(json, text);
    return 0;
  });
}
