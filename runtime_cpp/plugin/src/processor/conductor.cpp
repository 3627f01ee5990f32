#include "processor/conductor.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lmdm::plugin {
namespace {

constexpr auto interval = std::chrono::milliseconds(10);

}  // namespace

Conductor::Conductor(const Knobs& knobs, Session& session, std::unique_ptr<Builder> builder, std::function<void()> changed)
    : knobs_(knobs),
      session_(session),
      changed_(std::move(changed)),
      loader_(std::move(builder), [this](std::unique_ptr<Engine> engine) { deliver(std::move(engine)); }) {}

Conductor::~Conductor() {
  stop();
}

void Conductor::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  waking_.notify_all();
  if (thread_.joinable()) thread_.join();
  loader_.stop();
}

Engine* Conductor::prepare(const Venue& venue) {
  bool wait = false;
  {
    const std::scoped_lock lock(mutex_);
    venue_ = venue;
    offline_.store(venue.offline);
    begin_again_.store(false);
    wait = venue.offline || loader_.loaded();
    want();
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  if (wait) loader_.wait();
  const std::scoped_lock lock(mutex_);
  // Nothing plays: whoever is in the slot, or has been given back, is known here anyway.
  (void)slot.offer(nullptr);
  (void)slot.collect();
  const auto fitting = std::find_if(engines_.rbegin(), engines_.rend(), [this](const auto& engine) { return engine->spec == wanted_; });
  Engine* engine = fitting == engines_.rend() ? nullptr : fitting->get();
  if (engine != nullptr && engine->origin.load() >= 0) {
    if (!engine->spec.offline) {
      engine->forget();
    } else if (!engine->restart()) {
      engine = nullptr;
    }
  }
  keep_only(engine);
  update_latency();
  return engine;
}

void Conductor::hand_over() {
  {
    const std::scoped_lock lock(mutex_);
    want();
  }
  loader_.wait();
  const std::scoped_lock lock(mutex_);
  collect(slot.collect());
  follow();
}

void Conductor::restart() {
  const std::scoped_lock lock(mutex_);
  for (const auto& engine : engines_) {
    if (engine->spec.offline) (void)engine->restart();
  }
}

void Conductor::chosen() {
  const std::scoped_lock lock(mutex_);
  wanted_.reset();
}

void Conductor::try_again() {
  begin_again();
  const Condition condition = loader_.status().condition;
  if (condition != Condition::failed && condition != Condition::no_bundle) return;
  const std::scoped_lock lock(mutex_);
  wanted_.reset();
}

void Conductor::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    look();
    waking_.wait_for(lock, interval, [this] { return stopping_; });
  }
}

void Conductor::look() {
  collect(slot.collect());
  want();
  if (!offline_.load(std::memory_order_relaxed)) follow();
  update_latency();
  write_journal();
  if (!pictures.watched()) return;
  for (const auto& engine : engines_) pictures.draw_sketch(*engine, engine->music->take_reports());
  pictures.draw_spectrum(venue_ ? venue_->format.rate : 0);
}

void Conductor::deliver(std::unique_ptr<Engine> engine) {
  {
    const std::scoped_lock lock(mutex_);
    // What was built for another venue can play no more.
    if (engine->spec != wanted_) {
      loader_.take_down([&] {
        std::vector<std::unique_ptr<Engine>> late;
        late.push_back(std::move(engine));
        return late;
      }());
      return;
    }
    session_.change([&](Session::Choice& choice) {
      const bool changed = !choice.hash.empty() && choice.hash != engine->facts.manifest_hash;
      notice_ = changed ? engine->facts.name + " has changed since this session was saved, and may sound different" : "";
      choice.name = engine->facts.name;
      choice.hash = engine->facts.manifest_hash;
    });
    engine->beneath = nullptr;
    Engine* const untaken = slot.offer(engine.get());
    if (untaken != nullptr) untaken->beneath = nullptr;
    engines_.push_back(std::move(engine));
    collect(untaken);
    update_latency();
  }
  changed_();
}

EngineSpec Conductor::wanted_spec() const {
  EngineSpec spec;
  spec.folder = session_.get().folder;
  spec.rate = venue_->format.rate;
  spec.channels = venue_->format.channels;
  spec.largest_block = venue_->format.largest_block;
  spec.side = venue_->side;
  spec.offline = offline_.load(std::memory_order_relaxed);
  knobs_.specify(spec);
  // A session that names the instrument that was found without its help wants no other.
  if (wanted_ && wanted_->folder.empty() && spec.folder == loader_.status().folder) spec.folder.clear();
  return spec;
}

/// Has the engine built that the parameters ask for.
void Conductor::want() {
  if (!venue_) return;
  EngineSpec spec = wanted_spec();
  const Wishes wishes = knobs_.wishes(session_.get());
  // An instrument may have been refused for its prompt alone.
  const bool other_prompts = wishes.prompt_a != wanted_wishes_.prompt_a || wishes.prompt_b != wanted_wishes_.prompt_b;
  if (spec == wanted_ && !(other_prompts && loader_.status().condition == Condition::failed)) return;
  wanted_ = std::move(spec);
  wanted_wishes_ = wishes;
  loader_.want(*wanted_, wishes);
}

void Conductor::follow() {
  const Wishes wishes = knobs_.wishes(session_.get());
  const bool again = begin_again_.exchange(false);
  for (const auto& engine : engines_) {
    engine->music->follow(wishes);
    if (again) engine->music->begin_again();
  }
}

void Conductor::collect(Engine* pile) {
  std::vector<std::unique_ptr<Engine>> old;
  for (; pile != nullptr; pile = pile->beneath) {
    const auto found = std::ranges::find(engines_, pile, &std::unique_ptr<Engine>::get);
    if (found == engines_.end()) continue;
    old.push_back(std::move(*found));
    engines_.erase(found);
  }
  loader_.take_down(std::move(old));
}

void Conductor::keep_only(const Engine* kept) {
  std::vector<std::unique_ptr<Engine>> old;
  for (auto& engine : engines_) {
    if (engine.get() != kept) old.push_back(std::move(engine));
  }
  std::erase(engines_, nullptr);
  loader_.take_down(std::move(old));
}

void Conductor::update_latency() {
  const bool aligned = knobs_.monitor() == Monitor::aligned;
  const int latency = aligned && !engines_.empty() ? static_cast<int>(engines_.back()->music->latency()) : 0;
  if (latency_.exchange(latency) != latency) changed_();
}

void Conductor::write_journal() {
  const Engine* const engine = heard();
  const LiveMetrics metrics = engine == nullptr ? LiveMetrics{} : engine->music->metrics();
  load_.see(metrics);
  Condition condition = loader_.status().condition;
  if (condition == Condition::ready && load_.overloaded()) condition = Condition::overloaded;
  journal_.write(LoadWatch::now(), metrics.failed ? Condition::failed : condition, metrics);
}

Engine* Conductor::heard() const {
  const auto found = std::find_if(engines_.rbegin(), engines_.rend(), [](const auto& engine) { return engine->origin.load() >= 0; });
  if (found != engines_.rend()) return found->get();
  return engines_.empty() ? nullptr : engines_.back().get();
}

Performance Conductor::performance() const {
  Performance found;
  found.loading = loader_.status();
  const std::scoped_lock lock(mutex_);
  const Engine* const engine = heard();
  found.overloaded = load_.overloaded();
  found.notice = notice_;
  if (engine != nullptr) {
    found.facts = engine->facts;
    found.metrics = engine->music->metrics();
    found.failure = engine->music->failure();
    if (found.notice.empty()) found.notice = engine->music->notice();
  }
  return found;
}

}  // namespace lmdm::plugin
