// Memory of one process that plays every graph of a bundle, as JSON: how docs/runtime.md's figures are made again (Linux).
// Times of runs are processor time, which other work on the machine hardly moves.
// Usage: memory_probe BUNDLE [--small] [--threads N] [--runs N] [--backends N]
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lmdm/error.h"
#include "lmdm/onnxruntime.h"

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Kilobytes of this process by kind, such as "Rss" and "Private_Dirty".
std::map<std::string, long> memory() {
  std::map<std::string, long> kilobytes;
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (const auto colon = line.find(':'); colon != std::string::npos && line.ends_with(" kB")) {
      kilobytes[line.substr(0, colon)] = std::atol(line.c_str() + colon + 1);
    }
  }
  return kilobytes;
}

void print(const std::string& when, const std::map<std::string, long>& now, const std::map<std::string, long>& start) {
  std::cout << "  \"" << when << "\": {";
  const char* comma = "";
  for (const char* kind : {"Rss", "Pss", "Private_Clean", "Private_Dirty"}) {
    std::cout << comma << '"' << kind << "_mb\": " << static_cast<double>(now.at(kind) - start.at(kind)) / 1024;
    comma = ", ";
  }
  std::cout << "},\n";
}

/// Every graph of the bundle bound to buffers that hold normal noise; those of one name and shape are one, as keys and values are.
struct Player {
  std::shared_ptr<lmdm::Backend> backend;
  lmdm::Buffers shared;
  std::map<std::string, std::unique_ptr<lmdm::Binding>> bindings;

  Player(const lmdm::Bundle& bundle, const lmdm::OnnxRuntimeOptions& options) : backend(make_onnxruntime_backend(bundle, options)) {
    std::mt19937 random(1);
    for (const auto& [name, graph] : bundle.manifest().graphs) {
      lmdm::Buffers buffers;
      for (const auto* side : {&graph.inputs, &graph.outputs}) {
        for (const lmdm::Port& port : *side) {
          const bool hand_over = port.name.starts_with("cross_") || port.name.starts_with("self_") || port.name == "global_embed";
          buffers[port.name] = hand_over && shared.contains(port.name) ? shared[port.name] : filled(port, random);
          shared.emplace(port.name, buffers[port.name]);
        }
      }
      bindings[name] = backend->bind(name, buffers);
    }
  }

  std::shared_ptr<lmdm::Buffer> filled(const lmdm::Port& port, std::mt19937& random) const {
    auto buffer = backend->buffer(port);
    if (port.type == lmdm::DType::float32) {
      std::normal_distribution<float> normal;
      std::vector<float> values(port.count());
      for (float& value : values) {
        value = normal(random);
      }
      buffer->write_values<float>(values);
    }
    return buffer;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  lmdm::OnnxRuntimeOptions options;
  int runs = 5, backends = 1;
  std::string folder;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto number = [&] { return std::atoi(++i < arguments.size() ? arguments[i].data() : "0"); };
    if (arguments[i] == "--small") {
      options.small = true;
    } else if (arguments[i] == "--threads") {
      options.threads = number();
    } else if (arguments[i] == "--runs") {
      runs = number();
    } else if (arguments[i] == "--backends") {
      backends = number();
    } else {
      folder = arguments[i];
    }
  }
  try {
    const lmdm::Bundle bundle = lmdm::Bundle::load(folder);
    const auto start = memory();
    const auto opened = make_onnxruntime_backend(bundle, options);
    const auto library = memory();
    const auto load = Clock::now();
    std::vector<std::unique_ptr<Player>> players;
    for (int i = 0; i < backends; ++i) {
      players.push_back(std::make_unique<Player>(bundle, options));
    }
    std::cout << "{\n  \"backend\": \"" << players.front()->backend->name() << "\", \"backends\": " << backends
              << ", \"threads\": " << options.threads << ", \"small\": " << (options.small ? "true" : "false")
              << ",\n  \"load_ms\": " << milliseconds_since(load) << ",\n";
    print("library_alone", library, start);
    print("after_load", memory(), start);
    std::cout << "  \"run_cpu_ms\": {";
    const char* comma = "";
    for (const auto& player : players) {
      for (const auto& [name, binding] : player->bindings) {
        double best = 1e30;
        for (int i = 0; i < runs; ++i) {
          const std::clock_t run = std::clock();
          binding->run();
          best = std::min(best, 1000.0 * static_cast<double>(std::clock() - run) / CLOCKS_PER_SEC);
        }
        if (player == players.front()) {
          std::cout << comma << '"' << name << "\": " << best;
          comma = ", ";
        }
      }
    }
    std::cout << "},\n";
    print("after_runs", memory(), start);
    long stored = 0;
    for (const auto& file : bundle.manifest().files) {
      stored += file.path == "graphs/weights.bin" ? static_cast<long>(file.bytes) : 0;
    }
    std::cout << "  \"weights_mb\": " << static_cast<double>(stored) / (1024.0 * 1024.0) << "\n}\n";
  } catch (const lmdm::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
