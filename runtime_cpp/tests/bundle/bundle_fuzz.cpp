// lmdm_bundle_fuzz CASES [SEED [FIRST]]: changed bundles, one after another in this process. Each must end in Error with one line, or in a
// bundle that holds what was promised; a case that no runtime may accept must end in Error. lmdm_bundle_fuzz --write FOLDER writes the
// valid bundle that all cases begin with.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>

#include "fuzz_mutations.h"
#include "lmdm/bundle.h"
#include "lmdm/error.h"
#include "tiny_formats.h"

// A size is checked before memory is asked for: no array of these files needs more.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "max_allocation_size_mb=256:detect_stack_use_after_return=1";
}

namespace {

namespace fs = std::filesystem;
using lmdm::testing::Case;
using lmdm::testing::Dice;
using lmdm::testing::Instead;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error(what);
}

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The folder as the case wants it. Only files that differ from the last case are written.
class Disk {
 public:
  explicit Disk(const fs::path& parent) : folder_(parent / "bundle") {
    fs::create_directories(folder_);
    std::ofstream(parent / "secret.bin", std::ios::binary) << std::string(4, '\0');
  }

  const fs::path& put(const Case& fuzzed) {
    std::map<std::string, std::string> wanted = fuzzed.bundle.files;
    wanted["manifest.json"] = fuzzed.text.value_or(fuzzed.bundle.manifest.dump());
    for (const auto& [name, instead] : special_) fs::remove_all(folder_ / name);
    special_ = fuzzed.instead;
    for (const auto& [name, bytes] : wanted) {
      if (special_.contains(name)) {
        place(name, special_[name], bytes);
      } else if (const auto old = written_.find(name); old == written_.end() || old->second != bytes) {
        fs::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name, std::ios::binary) << bytes;
        written_[name] = bytes;
      }
    }
    return folder_;
  }

 private:
  fs::path folder_;
  std::map<std::string, std::string> written_;
  std::map<std::string, Instead> special_;

  void place(const std::string& name, Instead instead, const std::string& bytes) {
    const fs::path path = folder_ / name;
    fs::remove(path);
    written_.erase(name);
    switch (instead) {
      case Instead::nothing:
        break;
      case Instead::folder:
        fs::create_directory(path);
        break;
      case Instead::circle:
        fs::create_symlink(path.filename(), path);
        break;
      case Instead::device:
        fs::create_symlink("/dev/zero", path);
        break;
      case Instead::huge:
        std::ofstream(path, std::ios::binary) << bytes;
        fs::resize_file(path, std::uintmax_t{17} << 20);
        break;
      case Instead::outside:  // the very bytes, so that size and hash are right
        std::ofstream(folder_.parent_path() / "twin.bin", std::ios::binary) << bytes;
        fs::create_symlink(folder_.parent_path() / "twin.bin", path);
    }
  }
};

/// What every loaded bundle promises.
void require_promises(const lmdm::Bundle& bundle) {
  const fs::path folder = fs::canonical(bundle.folder());
  const auto own = [&folder](const fs::path& path) { return fs::canonical(path).string().starts_with(folder.string() + "/"); };
  std::set<std::string> listed;
  for (const lmdm::FileEntry& file : bundle.manifest().files) {
    require(own(bundle.file(file.path)), "a listed file lies outside");
    const std::string bytes = read(bundle.file(file.path));
    require(bytes.size() == file.bytes && lmdm::testing::sha256(bytes) == file.sha256, "a listed file is another one");
    listed.insert(file.path);
  }
  for (const auto& [name, graph] : bundle.manifest().graphs) {
    require(listed.contains(graph.file), "a graph is of no list");
    for (const auto* ports : {&graph.inputs, &graph.outputs}) {
      for (const lmdm::Port& port : *ports) {
        for (const std::int64_t axis : port.shape) require(axis >= 0 && axis <= 1'000'000'000, "an axis is out of bounds");
      }
    }
  }
  const lmdm::ModelEntry& model = bundle.manifest().model;
  require(model.context > 0 && model.block > 0 && model.depth > 0 && model.batch > 0, "a size of the model is none");
}

/// Whether a sentence may be shown.
void require_sentence(const lmdm::Error& error) {
  const std::string sentence = error.what();
  require(error.kind() == lmdm::ErrorKind::bundle, "an error of another kind");
  require(sentence.size() > 20 && sentence.size() < 2000, "a sentence of " + std::to_string(sentence.size()) + " bytes");
  require(sentence.find_first_of("\n\r\t") == std::string::npos && sentence.find('\0') == std::string::npos, "a sentence over lines");
  static_cast<void>(nlohmann::json(sentence).dump());  // throws where it is no UTF-8
}

/// Whether the folder loaded.
bool load(const fs::path& folder, std::map<std::string, int>& endings) {
  try {
    const lmdm::Bundle bundle = lmdm::Bundle::load(folder);
    require_promises(bundle);
    for (const lmdm::FileEntry& file : bundle.manifest().files) {
      if (!file.path.ends_with(".npz")) continue;
      try {
        for (const auto& [name, array] : bundle.arrays(file.path)) {
          require(array.data.size() == lmdm::count_of(array.shape) * lmdm::size_of(array.type), "an array of another size than its shape");
          static_cast<void>(lmdm::texts(array));
        }
        ++endings["arrays"];
      } catch (const lmdm::Error& error) {
        require_sentence(error);
        ++endings["no arrays"];
      }
    }
    ++endings["loaded"];
    return true;
  } catch (const lmdm::Error& error) {
    require_sentence(error);
    ++endings["refused"];
    return false;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string(arguments[1]) == "--write") {
    lmdm::testing::TinyBundle().write(arguments[2]);
    return EXIT_SUCCESS;
  }
  const auto number = [&](int at, std::uint64_t otherwise) { return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise; };
  const std::uint64_t cases = number(1, 1000), seed = number(2, 1), first = number(3, 0);
  const lmdm::testing::TemporaryFolder folder;
  Disk disk(folder.path());
  const Case valid;
  std::map<std::string, int> endings;
  int failures = 0;
  if (!load(disk.put(valid), endings)) {
    std::cout << "the valid bundle is refused\n";
    return EXIT_FAILURE;
  }
  for (std::uint64_t i = first; i < first + cases; ++i) {
    Dice dice(seed << 32 | i);
    Case fuzzed = valid;
    if (dice.chance(40)) {
      make_hostile(fuzzed, dice);
    } else {
      for (std::size_t mutations = 1 + dice.roll(3); mutations > 0; --mutations) mutate(fuzzed, dice);
    }
    try {
      const bool loaded = load(disk.put(fuzzed), endings);
      require(!(loaded && fuzzed.must_be_refused), "it loads");
    } catch (const std::exception& error) {
      std::cout << "case " << i << " of seed " << seed << " (" << fuzzed.what << " ): " << error.what() << '\n';
      ++failures;
    }
  }
  std::cout << cases << " cases:";
  for (const auto& [ending, times] : endings) std::cout << ' ' << times << ' ' << ending << ',';
  std::cout << ' ' << failures << " failures\n";
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
