#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>

#include "bench/machine.h"
#include "bench/play.h"
#include "common/tool.h"
#include "lmdm/error.h"

namespace {

using namespace lmdm;
using namespace lmdm::bench;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr const char* about =
    "Measures a bundle: how long its blocks take, whether a live stream of it ever stops, and what memory it takes.\n";

constexpr const char* more =
    "\nExamples:\n"
    "  lmdm-bench out/default                                  # a minute, as an audio device would play it\n"
    "  lmdm-bench out/default --seconds 600 -o result.json     # ten minutes, and every figure\n"
    "  lmdm-bench out/default --unpaced --seconds 30           # as fast as it goes\n"
    "\nExit status: 0, 1 where the music of a paced run stopped, 2 for a refusal.\n";

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string utc() {
  char text[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json measure(const Request& request) {
  Json report{{"what", "lmdm-bench"}, {"utc", utc()}, {"machine", machine()}};
  const Json before = memory();
  const Clock::time_point start = Clock::now();
  const Bundle bundle = Bundle::load(request.bundle);
  const double load_ms = ms_since(start);
  const Clock::time_point graphs = Clock::now();
  const auto backend = make_onnxruntime_backend(bundle, request.backend);
  Generator generator(bundle, backend, request.generator);
  const double graphs_ms = ms_since(graphs);
  const Clock::time_point first = Clock::now();
  std::vector<float> audio(generator.block_samples() * static_cast<std::size_t>(generator.channels()));
  generator.set_prompt(request.prompts.front());
  generator.next_block(audio);
  const double first_ms = ms_since(first);
  generator.reset();

  report["bundle"] = bundle.manifest().name;
  report["backend"] = backend->name();
  report["threads"] = request.backend.threads;
  report["prompts"] = request.prompts;
  report["seconds"] = request.seconds;
  report["cold_start_ms"] = {{"bundle", load_ms}, {"graphs", graphs_ms}, {"first_block", first_ms}, {"all", ms_since(start)}};
  report["run"] = request.unpaced ? play_unpaced(generator, request) : play_paced(std::move(generator), request);
  report["memory"] = {{"before", before}, {"after", memory()}, {"weights_mib", weights_mib(bundle.manifest())}};
  report["machine"]["load_average_after"] = load_average();
  return report;
}

void print_table(const Json& report) {
  const Json& run = report["run"];
  std::printf("%s, %s\n%-12s %9s %9s %9s %9s\n", report["bundle"].get<std::string>().c_str(), report["backend"].get<std::string>().c_str(),
              "ms", "p50", "p95", "p99", "max");
  const auto row = [](const std::string& name, const Json& figures) {
    std::printf("%-12s", name.c_str());
    for (const char* figure : {"p50", "p95", "p99", "max"}) {
      if (figures[figure].is_null()) {
        std::printf(" %9s", "-");
      } else {
        std::printf(" %9.3f", figures[figure].get<double>());
      }
    }
    std::printf("\n");
  };
  for (const auto& [name, figures] : run["stages_ms"].items()) row(name, figures);
  if (run.contains("process_ms")) row("process()", run["process_ms"]);
  std::printf("block of %.1f ms; ", 1000 * run["block_seconds"].get<double>());
  if (run["mode"] == "paced") {
    std::printf("latency %.1f ms, %lld underruns, %lld blocks dropped, %lld prompt changes\n", run["latency_ms"].get<double>(),
                run["underruns"].get<long long>(), run["dropped_blocks"].get<long long>(), run["prompt_changes"].get<long long>());
  } else {
    std::printf("%.2f times real time\n", run["times_real_time"].get<double>());
  }
  const Json& cold = report["cold_start_ms"];
  std::printf("cold start %.0f ms: bundle %.0f, graphs %.0f, first block %.0f\n", cold["all"].get<double>(), cold["bundle"].get<double>(),
              cold["graphs"].get<double>(), cold["first_block"].get<double>());
  const Json& after = report["memory"]["after"];
  if (!after["rss_mib"].is_null()) {
    std::printf("memory %.1f MiB resident, %.1f proportional, %.1f private; weights %.1f\n", after["rss_mib"].get<double>(),
                after["pss_mib"].get<double>(), after["private_mib"].get<double>(), report["memory"]["weights_mib"].get<double>());
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(about, "lmdm-bench");
  app.footer(more);
  Request request;
  std::filesystem::path output;
  bool json = false;
  app.add_option("bundle", request.bundle, "Folder that lmdm export wrote.")->required()->type_name("BUNDLE");
  app.add_option("--seconds", request.seconds, "How much music.")->check(CLI::PositiveNumber)->default_str("60");
  app.add_flag("--unpaced", request.unpaced, "As fast as it goes, without a host.");
  app.add_option("--block-size", request.block_size, "Samples that the host asks for at a time.")
      ->check(CLI::Range(1, 8192))
      ->default_str("128");
  app.add_option("--rate", request.rate, "Sample rate of the host.")->check(CLI::PositiveNumber)->default_str("48000");
  app.add_option("-p,--prompt", request.prompts, "A prompt; several follow each other.");
  app.add_option("--change", request.change_seconds, "Seconds from one prompt to the next.")->check(CLI::PositiveNumber)->default_str("5");
  app.add_option("--seed", request.generator.seed, "Seed of the noise.")->default_str("0");
  app.add_option("--steps", request.generator.steps, "Solver steps a block; by default the bundle's schedule.");
  app.add_option("--priority", request.priority, "Realtime priority to ask for; by default none.")->check(CLI::Range(0, 99));
  app.add_flag("--series", request.series, "Report the time of every block of a paced run too: seconds, milliseconds.");
  app.add_flag("--json", json, "Print the report as JSON instead of a table.");
  app.add_option("-o,--output", output, "File for the report as JSON.")->type_name("FILE");
  tools::add_backend_options(app, request.backend);
  return tools::run(app, argc, argv, [&] {
    if (request.prompts.empty()) request.prompts = {"ambient with warm pad", "techno with drums", "jazz with saxophone"};
    const Json report = measure(request);
    const std::string text = report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (!output.empty() && !(std::ofstream(output) << text)) {
      throw Error(ErrorKind::environment, output.string() + " cannot be written; choose another file");
    }
    json ? void(std::cout << text) : print_table(report);
    return report["run"].value("underruns", std::uint64_t{0}) == 0 ? 0 : 1;
  });
}
