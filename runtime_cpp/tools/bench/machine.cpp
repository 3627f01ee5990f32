#include "bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>

namespace lmdm::bench {
namespace {

using Json = nlohmann::ordered_json;

/// Lines "name : value" of a file of /proc; the first of each name.
std::map<std::string, std::string> fields(const char* path) {
  std::map<std::string, std::string> found;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::size_t end = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1);
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    found.emplace(line.substr(0, end + 1), begin == std::string::npos ? "" : line.substr(begin));
  }
  return found;
}

/// Kilobytes to MiB, or null.
Json mib(const std::map<std::string, std::string>& found, const char* name) {
  const auto field = found.find(name);
  if (field == found.end()) return nullptr;
  return std::round(std::strtod(field->second.c_str(), nullptr) / 1024 * 100) / 100;
}

}  // namespace

Json machine() {
  utsname system{};
  uname(&system);
  const auto cpu = fields("/proc/cpuinfo");
  const auto model = cpu.find("model name");
  Json found;
  found["name"] = system.nodename;
  found["cpu"] = model == cpu.end() ? Json(system.machine) : Json(model->second);
  found["cores"] = sysconf(_SC_NPROCESSORS_CONF);
  found["usable_cores"] = std::thread::hardware_concurrency();
  found["memory_mib"] = mib(fields("/proc/meminfo"), "MemTotal");
  found["system"] = std::string(system.sysname) + " " + system.release + " " + system.machine;
  found["compiler"] = __VERSION__;
  found["load_average"] = load_average();
  return found;
}

Json load_average() {
  std::array<double, 3> load{};
  if (getloadavg(load.data(), 3) != 3) return nullptr;
  return load;
}

Json memory() {
  const auto found = fields("/proc/self/smaps_rollup");
  Json figures;
  figures["rss_mib"] = mib(found, "Rss");
  figures["pss_mib"] = mib(found, "Pss");
  const Json clean = mib(found, "Private_Clean"), dirty = mib(found, "Private_Dirty");
  figures["private_mib"] = clean.is_null() || dirty.is_null() ? Json() : Json(clean.get<double>() + dirty.get<double>());
  return figures;
}

double weights_mib(const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const FileEntry& file : manifest.files) {
    if (file.path.ends_with(".bin")) bytes += file.bytes;
  }
  return static_cast<double>(bytes) / (1 << 20U);
}

}  // namespace lmdm::bench
