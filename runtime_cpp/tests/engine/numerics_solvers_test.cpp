// Solvers: exact where the flow is straight, convergent where it is not, by hand where a sum is short.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "engine/schedule.h"
#include "engine/solvers.h"
#include "lmdm/error.h"
#include "lmdm/noise.h"

namespace {

using Values = std::vector<float>;

class Field final : public lmdm::Flow {
 public:
  explicit Field(std::function<float(float, double, std::size_t)> at) : at_(std::move(at)) {}

  lmdm::Guided velocity(std::span<const float> x, double t) override {
    v_.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      v_[i] = at_(x[i], t, i);
    }
    return {v_, null_.empty() ? std::span<const float>(v_) : std::span<const float>(null_)};
  }
  void noise(std::uint32_t draw, std::span<float> values) override { lmdm::Noise(3).fill(0, draw, values); }
  void set_null(Values null) { null_ = std::move(null); }

 private:
  std::function<float(float, double, std::size_t)> at_;
  Values v_, null_;
};

const Values start{0.5f, -1.25f, 2.0f, 0.125f}, target{1.5f, 0.25f, -0.75f, 3.0f};

Values solved(const std::string& name, lmdm::Flow& flow, std::span<const double> schedule) {
  Values x = start;
  lmdm::make_solver(name, lmdm::Guidance::none, x.size())->solve(flow, x, schedule);
  return x;
}

float largest(const Values& a, const Values& b) {
  float worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  return worst;
}

TEST(Solvers, FindTheOneDataPoint) {
  Field straight([](float x, double t, std::size_t i) { return (x - target[i]) / static_cast<float>(std::max(t, 1e-6)); });
  for (const char* name : {"euler", "dpmpp-2m", "ping-pong"}) {
    EXPECT_LT(largest(solved(name, straight, lmdm::logsnr_schedule(6)), target), 1e-5f) << name;
  }
}

std::vector<double> linear(int steps) {
  std::vector<double> levels;
  for (int i = 0; i <= steps; ++i) {
    levels.push_back(1.0 - i / static_cast<double>(steps));
  }
  return levels;
}

TEST(Solvers, HigherOrdersAgreeWithManyEulerSteps) {
  Field bent([](float x, double t, std::size_t) { return std::sin(3 * x) + x * static_cast<float>(t); });
  const Values fine = solved("euler", bent, linear(20000));
  EXPECT_LT(largest(solved("heun", bent, linear(40)), fine), 5e-3f);
  EXPECT_LT(largest(solved("rk4", bent, linear(12)), fine), 5e-3f);
  EXPECT_LT(largest(solved("dpmpp-2m", bent, linear(400)), fine), 5e-3f);
  EXPECT_GT(largest(solved("euler", bent, linear(12)), fine), 1e-2f) << "the control: a first-order solver is not as close";
}

TEST(Solvers, PingPongPlusPlusByHand) {
  const Values v{0.25f, -1, 0.5f, 2}, null{1, 0.5f, -0.25f, 0.125f};
  Field field([&v](float, double, std::size_t i) { return v[i]; });
  field.set_null(null);
  Values fresh(4);
  field.noise(1, fresh);
  const Values found = solved("ping-pong", field, std::vector{1.0, 0.25, 0.0});
  for (std::size_t i = 0; i < 4; ++i) {
    const float middle = start[i] - v[i] + 0.25f * (fresh[i] - (start[i] - null[i]));
    EXPECT_NEAR(found[i], middle - 0.25f * v[i], 1e-6);
  }
}

TEST(Solvers, AskForThemInTheSameWordsAsPython) {
  const auto refusal = [](const std::string& name, lmdm::Guidance guidance) -> std::string {
    try {
      (void)lmdm::make_solver(name, guidance, 1);
    } catch (const lmdm::Error& error) {
      return error.what();
    }
    return "nothing was refused";
  };
  EXPECT_EQ(refusal("midpoint", lmdm::Guidance::none), "unknown solver 'midpoint'; choose one of euler, heun, rk4, dpmpp-2m, ping-pong");
  EXPECT_EQ(refusal("heun", lmdm::Guidance::cfg_plus_plus),
            "solver heun has no cfg++ form, which this bundle uses; choose euler or ping-pong");
  EXPECT_EQ(refusal("heun", lmdm::Guidance::cfg), "nothing was refused");
}

TEST(Guide, MixesPromptAndNull) {
  const Values velocity{1, 2, 3, 5};  // prompt, then null
  lmdm::Guide none(lmdm::Guidance::none, 9, 4), cfg(lmdm::Guidance::cfg, 3, 2), plus(lmdm::Guidance::cfg_plus_plus, 3, 2);
  EXPECT_EQ(none.network_count(), 4u);
  EXPECT_EQ(cfg.network_count(), 4u);
  EXPECT_EQ(none(velocity).v.data(), velocity.data());
  const auto guided = cfg(velocity);
  EXPECT_EQ(Values(guided.v.begin(), guided.v.end()), (Values{-3, -4}));
  EXPECT_EQ(guided.v_renoise.data(), guided.v.data());
  const auto renoised = plus(velocity).v_renoise;
  EXPECT_EQ(Values(renoised.begin(), renoised.end()), (Values{3, 5}));
}

}  // namespace
