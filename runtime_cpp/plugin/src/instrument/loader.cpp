#include "instrument/loader.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "instrument/layouts.h"
#include "instrument/places.h"
#include "lmdm/error.h"

namespace lmdm::plugin {

Loader::Loader(std::unique_ptr<Builder> builder, Deliver deliver) : builder_(std::move(builder)), deliver_(std::move(deliver)) {}

Loader::~Loader() {
  stop();
}

void Loader::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  builder_->cancel();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Loader::want(const EngineSpec& spec, const Wishes& wishes) {
  const std::scoped_lock lock(mutex_);
  wanted_ = Want{spec, wishes};
  status_.condition = Condition::loading;
  status_.progress = 0;
  status_.sentence = "looking for the instrument";
  begin();
}

void Loader::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || (!wanted_ && !busy_); });
}

void Loader::take_down(std::vector<std::unique_ptr<Engine>> engines) {
  if (engines.empty()) return;
  const std::scoped_lock lock(mutex_);
  std::ranges::move(engines, std::back_inserter(old_));
  begin();
}

bool Loader::loaded() const {
  const std::scoped_lock lock(mutex_);
  return status_.condition == Condition::ready;
}

Loading Loader::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

/// Under the mutex.
void Loader::begin() {
  if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void Loader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || wanted_ || !old_.empty(); });
    auto old = std::exchange(old_, {});
    const auto wanted = std::exchange(wanted_, {});
    const bool stop = stopping_;
    busy_ = wanted.has_value() && !stop;
    lock.unlock();
    old.clear();
    if (wanted && !stop) serve(*wanted);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
    if (stop) return;
  }
}

void Loader::serve(const Want& want) {
  try {
    const std::filesystem::path bundle = find(want.spec);
    if (bundle.empty()) return;
    auto engine = builder_->build(bundle, want.spec, want.wishes,
                                  [this](double progress, const std::string& sentence) { report(Condition::loading, progress, sentence); });
    deliver_(std::move(engine));
    report(Condition::ready, 1, left_out_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) report(Condition::failed, 0, error.what());
  } catch (const std::exception& error) {
    report(Condition::failed, 0, std::string("the instrument was not loaded: ") + error.what());
  }
}

/// Empty where there is none, which is reported.
std::filesystem::path Loader::find(const EngineSpec& spec) {
  const std::filesystem::path folder = spec.folder.empty() ? default_instrument() : spec.folder;
  if (folder.empty()) {
    report(Condition::no_bundle, 0,
           "no instrument is installed; choose the folder of a bundle, or put one into " + instruments_folder().string());
    return {};
  }
  try {
    const Offer offer = layouts_of(folder);
    const auto layout = static_cast<std::size_t>(std::clamp(spec.layout, 0, static_cast<int>(offer.layouts.size()) - 1));
    const std::scoped_lock lock(mutex_);
    status_.layouts.clear();
    for (const BundleLayout& each : offer.layouts) status_.layouts.push_back(each.seconds);
    status_.layout = static_cast<int>(layout);
    status_.folder = folder;
    left_out_ = offer.left_out;
    return offer.layouts[layout].folder;
  } catch (const Error& error) {
    report(Condition::no_bundle, 0, error.what());
    return {};
  }
}

void Loader::report(Condition condition, double progress, const std::string& sentence) {
  const std::scoped_lock lock(mutex_);
  // What a newer want says is not overwritten.
  if (wanted_) return;
  status_.condition = condition;
  status_.progress = progress;
  status_.sentence = sentence;
}

}  // namespace lmdm::plugin
