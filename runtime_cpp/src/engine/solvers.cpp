#include "engine/solvers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {
namespace {

using Values = std::vector<float>;

/// A float64 number as float32 arrays meet it.
float f32(double number) {
  return static_cast<float>(number);
}

/// `x_0 + t_next v_renoise`: Euler when both velocities are one, CFG++ otherwise.
class Euler final : public Solver {
 public:
  void solve(Flow& flow, std::span<float> x, std::span<const double> schedule) override {
    for (std::size_t step = 0; step + 1 < schedule.size(); ++step) {
      const Guided guided = flow.velocity(x, schedule[step]);
      const float t = f32(schedule[step]), t_next = f32(schedule[step + 1]);
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = (x[i] - t * guided.v[i]) + t_next * guided.v_renoise[i];
      }
    }
  }
};

/// Two evaluations a step, the second at `t_next`.
class Heun final : public Solver {
 public:
  explicit Heun(std::size_t count) : v1_(count), middle_(count) {}

  void solve(Flow& flow, std::span<float> x, std::span<const double> schedule) override {
    for (std::size_t step = 0; step + 1 < schedule.size(); ++step) {
      const double dt = schedule[step + 1] - schedule[step];
      std::ranges::copy(flow.velocity(x, schedule[step]).v, v1_.begin());
      for (std::size_t i = 0; i < x.size(); ++i) {
        middle_[i] = x[i] + f32(dt) * v1_[i];
      }
      const auto v2 = flow.velocity(middle_, schedule[step + 1]).v;
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = x[i] + f32(dt / 2) * (v1_[i] + v2[i]);
      }
    }
  }

 private:
  Values v1_, middle_;
};

/// Four evaluations a step: at `t`, twice half-way, and at `t_next`.
class RungeKutta4 final : public Solver {
 public:
  explicit RungeKutta4(std::size_t count) : sum_(count), middle_(count) {}

  void solve(Flow& flow, std::span<float> x, std::span<const double> schedule) override {
    for (std::size_t step = 0; step + 1 < schedule.size(); ++step) {
      const double t = schedule[step], t_next = schedule[step + 1], dt = t_next - t;
      const auto v1 = flow.velocity(x, t).v;
      std::ranges::copy(v1, sum_.begin());
      move(x, f32(dt / 2), v1);
      const auto v2 = flow.velocity(middle_, t + dt / 2).v;
      add_twice(v2);
      move(x, f32(dt / 2), v2);
      const auto v3 = flow.velocity(middle_, t + dt / 2).v;
      add_twice(v3);
      move(x, f32(dt), v3);
      const auto v4 = flow.velocity(middle_, t_next).v;
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = x[i] + f32(dt / 6) * (sum_[i] + v4[i]);
      }
    }
  }

 private:
  void move(std::span<const float> x, float by, std::span<const float> v) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      middle_[i] = x[i] + by * v[i];
    }
  }
  void add_twice(std::span<const float> v) {
    for (std::size_t i = 0; i < v.size(); ++i) {
      sum_[i] = sum_[i] + 2 * v[i];
    }
  }

  Values sum_, middle_;
};

/// `log((1-t)/t)`, with its limits -inf at pure noise and +inf at data.
double half_logsnr(double t) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return t >= 1 ? -infinity : t <= 0 ? infinity : std::log((1 - t) / t);
}

/// DPM-Solver++(2M) (Lu et al. 2022, alpha = 1-t, sigma = t); first-order wherever a half log-SNR is infinite.
class DpmSolver2M final : public Solver {
 public:
  explicit DpmSolver2M(std::size_t count) : previous_(count), estimate_(count) {}

  void solve(Flow& flow, std::span<float> x, std::span<const double> schedule) override {
    double h_last = std::numeric_limits<double>::infinity();
    for (std::size_t step = 0; step + 1 < schedule.size(); ++step) {
      const double t = schedule[step], t_next = schedule[step + 1], h = half_logsnr(t_next) - half_logsnr(t);
      const float weight = f32(std::isinf(h) || std::isinf(h_last) ? 0 : h / (2 * h_last));
      const float keep = f32(t_next / t), move = f32((1 - t_next) * std::expm1(-h));
      const auto v = flow.velocity(x, t).v;
      for (std::size_t i = 0; i < x.size(); ++i) {
        estimate_[i] = x[i] - f32(t) * v[i];
        const float target = step == 0 ? estimate_[i] : estimate_[i] + weight * (estimate_[i] - previous_[i]);
        x[i] = keep * x[i] - move * target;
      }
      std::swap(previous_, estimate_);
      h_last = h;
    }
  }

 private:
  Values previous_, estimate_;
};

/// Denoise, then renoise with fresh noise (paper eq. 9); P4 when the velocity is guided by CFG++ (eq. 10).
class PingPong final : public Solver {
 public:
  explicit PingPong(std::size_t count) : fresh_(count) {}

  void solve(Flow& flow, std::span<float> x, std::span<const double> schedule) override {
    for (std::size_t step = 1; step < schedule.size(); ++step) {
      const float t = f32(schedule[step - 1]), t_next = f32(schedule[step]);
      const Guided guided = flow.velocity(x, schedule[step - 1]);
      const bool last = step + 1 == schedule.size();
      if (!last) {
        flow.noise(static_cast<std::uint32_t>(step), fresh_);
      }
      for (std::size_t i = 0; i < x.size(); ++i) {
        const float x0 = x[i] - t * guided.v[i];
        x[i] = last ? x0 : x0 + t_next * (fresh_[i] - (x[i] - t * guided.v_renoise[i]));
      }
    }
  }

 private:
  Values fresh_;
};

struct Entry {
  const char* name;
  bool cfg_plus_plus;
  std::unique_ptr<Solver> (*make)(std::size_t count);
};

const std::array<Entry, 5> solvers{{
    {"euler", true, [](std::size_t) -> std::unique_ptr<Solver> { return std::make_unique<Euler>(); }},
    {"heun", false, [](std::size_t count) -> std::unique_ptr<Solver> { return std::make_unique<Heun>(count); }},
    {"rk4", false, [](std::size_t count) -> std::unique_ptr<Solver> { return std::make_unique<RungeKutta4>(count); }},
    {"dpmpp-2m", false, [](std::size_t count) -> std::unique_ptr<Solver> { return std::make_unique<DpmSolver2M>(count); }},
    {"ping-pong", true, [](std::size_t count) -> std::unique_ptr<Solver> { return std::make_unique<PingPong>(count); }},
}};

std::string names(bool cfg_plus_plus_only, const std::string& between) {
  std::string text;
  for (const Entry& entry : solvers) {
    if (entry.cfg_plus_plus || !cfg_plus_plus_only) {
      text += (text.empty() ? "" : between) + entry.name;
    }
  }
  return text;
}

}  // namespace

std::unique_ptr<Solver> make_solver(const std::string& name, Guidance guidance, std::size_t count) {
  const auto entry = std::ranges::find_if(solvers, [&name](const Entry& each) { return name == each.name; });
  if (entry == solvers.end()) {
    throw Error(ErrorKind::session, "unknown solver " + spelled(name) + "; choose one of " + names(false, ", "));
  }
  if (guidance == Guidance::cfg_plus_plus && !entry->cfg_plus_plus) {
    throw Error(ErrorKind::session, "solver " + name + " has no cfg++ form, which this bundle uses; choose " + names(true, " or "));
  }
  return entry->make(count);
}

}  // namespace lmdm
