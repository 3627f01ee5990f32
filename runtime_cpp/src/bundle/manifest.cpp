#include "lmdm/manifest.h"

#include <algorithm>

namespace lmdm {

namespace {

const Port* named(const std::vector<Port>& ports, const std::string& name) noexcept {
  const auto found = std::find_if(ports.begin(), ports.end(), [&name](const Port& port) { return port.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

}  // namespace

const Port* GraphEntry::input(const std::string& port) const noexcept {
  return named(inputs, port);
}
const Port* GraphEntry::output(const std::string& port) const noexcept {
  return named(outputs, port);
}

std::vector<GraphEntry> GraphEntry::files() const {
  std::vector<GraphEntry> all(1, *this);
  all.front().fused.reset();
  if (fused) {
    all.push_back(all.front());
    all.back().file = fused->file;
    all.back().sha256 = fused->sha256;
  }
  return all;
}

std::vector<Group> Manifest::groups() const {
  std::vector<Group> all;
  for (const ControlEntry& control : controls) all.insert(all.end(), control.groups.begin(), control.groups.end());
  return all;
}

}  // namespace lmdm
