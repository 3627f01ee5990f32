#include "lmdm/bundle.h"

#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "bundle/contract.h"
#include "bundle/external_data.h"
#include "bundle/files.h"
#include "bundle/manifest_reader.h"
#include "bundle/npz.h"
#include "bundle/python_repr.h"
#include "bundle/sentence.h"

namespace lmdm {

namespace fs = std::filesystem;
using bundles::export_again;
using bundles::refuse;

namespace {

using Files = std::map<std::string, FileEntry>;

/// Every file of every graph.
std::vector<GraphEntry> graph_files(const Manifest& manifest) {
  std::vector<GraphEntry> all;
  for (const auto& [name, graph] : manifest.graphs) {
    for (GraphEntry& file : graph.files()) all.push_back(std::move(file));
  }
  return all;
}

/// Every file that some part of the manifest uses, and that part's name.
std::vector<std::pair<std::string, std::string>> references(const Manifest& manifest) {
  std::vector<std::pair<std::string, std::string>> used;
  for (const GraphEntry& graph : graph_files(manifest)) used.emplace_back(graph.file, "graph " + graph.name);
  for (const auto& [name, fixture] : manifest.fixtures) used.emplace_back(fixture.file, "fixture " + name);
  if (manifest.text) used.emplace_back(manifest.text->tokenizer, "the tokenizer");
  if (manifest.sketch) used.emplace_back(manifest.sketch->states, "the sketch");
  if (manifest.codec.encoder.states) used.emplace_back(*manifest.codec.encoder.states, "the codec encoder");
  if (manifest.codec.decoder.states) used.emplace_back(*manifest.codec.decoder.states, "the codec decoder");
  return used;
}

Files unchanged_files(const fs::path& folder, const Manifest& manifest) {
  Files listed;
  std::vector<std::string> order;
  for (const FileEntry& entry : manifest.files) {
    if (listed.insert_or_assign(entry.path, entry).second) order.push_back(entry.path);
  }
  for (const std::string& path : order) bundles::require_unchanged(folder, listed[path]);
  return listed;
}

void require_listed(const fs::path& folder, const Manifest& manifest, const Files& listed) {
  for (const auto& [name, user] : references(manifest)) {
    const fs::path path = bundles::inside(folder, name);
    if (!listed.contains(name)) {
      refuse(path.string() + " is used by " + user + " but is not in the manifest's list of files; " + std::string(export_again));
    }
  }
  for (const GraphEntry& graph : graph_files(manifest)) {
    const std::string& found = listed.at(graph.file).sha256;
    if (found != graph.sha256) {
      refuse((folder / graph.file).string() + " has SHA-256 " + found.substr(0, 12) + "…, expected " + graph.sha256.substr(0, 12) +
             "… for graph " + graph.name + "; " + std::string(export_again));
    }
  }
}

/// Weights that lie beside a graph are files of the bundle too: inside of the folder, and held against their hash.
void require_own_weights(const fs::path& folder, const Manifest& manifest, const Files& listed) {
  for (const GraphEntry& entry : graph_files(manifest)) {
    const std::string path = bundles::joined(folder, entry.file).string();
    std::set<std::string> locations;
    try {
      locations = bundles::external_data(bundles::joined(folder, entry.file));
    } catch (const std::runtime_error& error) {
      refuse(path + " is no ONNX graph (" + error.what() + "); " + std::string(export_again));
    }
    const std::size_t slash = entry.file.rfind('/');
    const std::string beside = slash == std::string::npos ? "" : entry.file.substr(0, slash + 1);
    for (const std::string& location : locations) {
      const std::string takes = path + " takes weights from " + bundles::in_quotes(bundles::shortened(location, 200));
      if (!bundles::stays_inside(folder, location) || !bundles::stays_inside(folder, beside + location)) {
        refuse(takes + ", which lies outside of the bundle; do not use this bundle");
      }
      if (!listed.contains(beside + location))
        refuse(takes + ", which is not in the manifest's list of files; " + std::string(export_again));
    }
  }
}

}  // namespace

struct Bundle::Content {
  fs::path folder;
  Manifest manifest;
};

Bundle Bundle::load(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) refuse("there is no bundle at " + folder.string() + "; write one with lmdm export");
  if (!fs::is_directory(folder, failed)) {
    refuse(folder.string() + " is a file, expected the folder of a bundle; write one with lmdm export");
  }
  auto content = std::make_shared<Content>(Content{folder, bundles::read_manifest(folder / "manifest.json")});
  const Files listed = unchanged_files(folder, content->manifest);
  require_listed(folder, content->manifest, listed);
  bundles::require_contract(content->manifest);
  require_own_weights(folder, content->manifest, listed);
  return Bundle(std::move(content));
}

const fs::path& Bundle::folder() const noexcept {
  return content_->folder;
}

const Manifest& Bundle::manifest() const noexcept {
  return content_->manifest;
}

fs::path Bundle::file(const std::string& name) const {
  return bundles::inside(content_->folder, name);
}

const GraphEntry& Bundle::graph(const std::string& name) const {
  const auto found = content_->manifest.graphs.find(name);
  if (found == content_->manifest.graphs.end()) {
    refuse("the bundle " + content_->manifest.name + " has no graph " + name + "; " + std::string(export_again));
  }
  return found->second;
}

std::map<std::string, Array> Bundle::arrays(const std::string& name) const {
  const fs::path path = file(name);
  std::string why;
  try {
    return bundles::read_npz(path);
  } catch (const std::runtime_error& error) {
    why = error.what();
  } catch (const std::bad_alloc&) {
    why = "not enough memory";
  }
  refuse(path.string() + " holds no readable arrays (" + bundles::shortened(why, 200) + "); " + std::string(export_again));
}

}  // namespace lmdm
