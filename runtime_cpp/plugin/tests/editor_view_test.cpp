#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "editor/strip.h"
#include "view/sketch_picture.h"
#include "view/smooth_clock.h"
#include "view/spectrum.h"

namespace lmdm::plugin::test {
namespace {

Manifest instrument() {
  Manifest manifest;
  ControlEntry pitch{"pitch", ControlSource::sketch, {{"notes", 4}}, 0, {}, {}, Axis{AxisUnit::hertz, {110, 220, 440}}};
  ControlEntry loudness{"loudness", ControlSource::sketch, {{"levels", 4}}, 0, {}, {}, Axis{AxisUnit::decibel, {-60, -40, 0}}};
  ControlEntry beat{"beat", ControlSource::caller, {{"beat", 1}}, {}, {}, {}, {}};
  manifest.controls = {beat, pitch, loudness};
  return manifest;
}

TEST(Sketch, is_read_back_as_it_was_drawn) {
  const SketchLayout layout = sketch_layout(instrument());
  ASSERT_TRUE(layout.pitch && layout.loudness);
  // Two frames: 220 Hz at -50 dB, then 110 and 440 Hz together at -10 dB; rows are presence, then the axis.
  const std::map<std::string, std::vector<float>> controls{{"notes", {1, 1, 0, 1, 1, 0, 0, 0.5F}},
                                                           {"levels", {1, 1, 0.5F, 0, 0.5F, 0.25F, 0, 0.75F}}};
  const std::vector<SketchColumn> columns = sketch_columns(layout, controls, 2, 3, 4);
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(columns[0].seconds, 3);
  EXPECT_EQ(columns[1].seconds, 3.5);
  EXPECT_EQ(columns[0].pitch, (std::vector<float>{0, 1, 0}));
  EXPECT_EQ(columns[1].pitch, (std::vector<float>{1, 0, 0.5F}));
  EXPECT_NEAR(columns[0].loudness, 10.0F / 60, 1e-6F);
  EXPECT_NEAR(columns[1].loudness, 50.0F / 60, 1e-6F);
}

TEST(Sketch, keeps_its_level_where_it_is_followed_weakly) {
  const SketchLayout layout = sketch_layout(instrument());
  const std::map<std::string, std::vector<float>> weak{{"notes", {0.25F, 0, 0.25F, 0}}, {"levels", {0.25F, 0.125F, 0.125F, 0}}};
  const std::vector<SketchColumn> columns = sketch_columns(layout, weak, 1, 0, 1);
  EXPECT_EQ(columns[0].pitch, (std::vector<float>{0, 0.25F, 0}));
  EXPECT_NEAR(columns[0].loudness, 10.0F / 60, 1e-6F);
}

TEST(Sketch, is_nothing_where_it_is_absent_or_of_another_size) {
  const SketchLayout layout = sketch_layout(instrument());
  const std::map<std::string, std::vector<float>> absent{{"notes", {0, 0, 0, 0}}, {"levels", {0, 0, 0, 0}}};
  const std::map<std::string, std::vector<float>> wrong{{"notes", {1, 1, 1}}, {"levels", {1}}};
  for (const auto& controls : {absent, wrong, {}}) {
    const std::vector<SketchColumn> columns = sketch_columns(layout, controls, 1, 0, 1);
    ASSERT_EQ(columns.size(), 1U);
    EXPECT_TRUE(columns[0].pitch.empty());
    EXPECT_TRUE(std::isnan(columns[0].loudness));
  }
  EXPECT_FALSE(sketch_layout(Manifest{}).pitch);
}

TEST(Sketch, of_an_old_bundle_has_one_level_and_no_axis) {
  Manifest manifest;
  manifest.controls = {{"loudness", ControlSource::sketch, {{"loudness", 2}}, 0, {}, {}, {}}};
  const std::map<std::string, std::vector<float>> controls{{"loudness", {0.5F, 0.35F}}};
  EXPECT_NEAR(sketch_columns(sketch_layout(manifest), controls, 1, 0, 1)[0].loudness, 0.7F, 1e-6F);
}

std::vector<float> sine(double hertz, double rate, std::size_t length, float gain = 1) {
  std::vector<float> samples(length);
  for (std::size_t i = 0; i < length; ++i) {
    samples[i] = gain * static_cast<float>(std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / rate));
  }
  return samples;
}

int loudest(const SpectrumColumn& column) {
  return static_cast<int>(std::max_element(column.level.begin(), column.level.end()) - column.level.begin());
}

class Rates : public testing::TestWithParam<double> {};

TEST_P(Rates, a_sine_lands_in_its_band_at_its_level) {
  for (const int band : {20, 48, 70, 90}) {
    Spectrum spectrum(GetParam());
    std::vector<SpectrumColumn> columns;
    spectrum.push(sine(Spectrum::centre(band), GetParam(), 8192, 0.1F), columns);
    ASSERT_FALSE(columns.empty());
    // Low bands are narrower than the transform can tell apart.
    const int blur = band < 40 ? 6 : 1;
    EXPECT_NEAR(loudest(columns.back()), band, blur);
    EXPECT_NEAR(columns.back().level[static_cast<std::size_t>(loudest(columns.back()))], -20, 1.5);
    const std::size_t far = band < 48 ? 90 : 10;
    EXPECT_LT(columns.back().level[far], -60) << band;
  }
}

INSTANTIATE_TEST_SUITE_P(hertz, Rates, testing::Values(44100.0, 48000.0, 96000.0));

TEST(SpectrumStream, is_the_same_however_it_is_cut) {
  const std::vector<float> samples = sine(500, 44100, 10000);
  Spectrum whole(44100), cut(44100);
  std::vector<SpectrumColumn> expected, found;
  whole.push(samples, expected);
  const std::span<const float> rest(samples);
  for (std::size_t begin = 0; begin < samples.size(); begin += 777)
    cut.push(rest.subspan(begin, std::min<std::size_t>(777, samples.size() - begin)), found);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].seconds, expected[i].seconds);
    EXPECT_EQ(found[i].level, expected[i].level);
  }
}

TEST(SpectrumStream, tells_the_time_of_its_windows_middle) {
  Spectrum spectrum(48000);
  std::vector<SpectrumColumn> columns;
  spectrum.restart(5);
  spectrum.push(std::vector<float>(4096), columns);
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_NEAR(columns[0].seconds, 5 + 1024.0 / 48000, 1e-12);
  EXPECT_NEAR(columns[2].seconds, 5 + 3072.0 / 48000, 1e-12);
  EXPECT_EQ(columns[0].level, std::vector<float>(Spectrum::bands, Spectrum::floor));
}

TEST(SpectrumStream, forgets_what_was_before_a_restart) {
  Spectrum spectrum(44100);
  std::vector<SpectrumColumn> columns;
  spectrum.push(sine(1000, 44100, 2000), columns);
  spectrum.restart(1);
  spectrum.push(std::vector<float>(2048), columns);
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].level[static_cast<std::size_t>(loudest(columns[0]))], Spectrum::floor);
}

TEST(SpectrumStream, hears_silence_where_samples_are_no_numbers) {
  Spectrum spectrum(44100);
  std::vector<SpectrumColumn> columns;
  spectrum.push(std::vector<float>(2048, std::numeric_limits<float>::quiet_NaN()), columns);
  for (const float level : columns.at(0).level) EXPECT_EQ(level, Spectrum::floor);
}

TEST(Clock, runs_evenly_between_steps_of_the_host) {
  SmoothClock clock;
  const double call = 0.186;
  double last = 0;
  for (int look = 0; look < 300; ++look) {
    const double wall = look / 30.0;
    const double time = clock.at(wall, call * std::floor(wall / call));
    if (look > 60) {
      EXPECT_GT(time - last, 0.01);
      EXPECT_LT(time - last, 0.06);
    }
    EXPECT_NEAR(time, wall, 0.2);
    last = time;
  }
}

TEST(Clock, jumps_where_the_processor_begins_again_and_stands_where_it_stands) {
  SmoothClock clock;
  EXPECT_EQ(clock.at(10, 30), 30);
  EXPECT_EQ(clock.at(10.03, 0), 0);
  for (int look = 0; look < 100; ++look) clock.at(10.03 + look / 30.0, 0.1);
  EXPECT_EQ(clock.at(14, 0.1), 0.1);
}

TEST(Strip, shows_columns_where_they_belong_however_often_it_went_round) {
  Strip strip;
  strip.resize(10, 2, juce::Colours::black);
  const auto paint = [](std::int64_t column, std::span<juce::PixelARGB> pixels) {
    for (juce::PixelARGB& pixel : pixels) pixel = juce::Colour(static_cast<juce::uint8>(column), 1, 1).getPixelARGB();
  };
  for (std::int64_t end = 3; end <= 37; end += 3) strip.extend(end - 3, end, paint);
  juce::Image image(juce::Image::RGB, 10, 2, true);
  {
    juce::Graphics g(image);
    strip.draw(g, {0, 0, 10, 2}, 29);
  }
  for (int x = 0; x < 10; ++x) EXPECT_EQ(image.getPixelAt(x, 1).getRed(), 29 + x < 36 ? 29 + x : 0) << x;
}

TEST(Strip, leaves_ground_between_what_does_not_touch) {
  Strip strip;
  strip.resize(10, 1, juce::Colours::blue);
  const auto paint = [](std::int64_t, std::span<juce::PixelARGB> pixels) { pixels[0] = juce::Colours::red.getPixelARGB(); };
  strip.extend(0, 2, paint);
  strip.extend(5, 7, paint);
  juce::Image image(juce::Image::RGB, 10, 1, true);
  {
    juce::Graphics g(image);
    strip.draw(g, {0, 0, 10, 1}, 0);
  }
  for (const int x : {0, 1, 5, 6}) EXPECT_EQ(image.getPixelAt(x, 0), juce::Colours::red) << x;
  for (const int x : {2, 3, 4}) EXPECT_EQ(image.getPixelAt(x, 0), juce::Colours::blue) << x;
}

}  // namespace
}  // namespace lmdm::plugin::test
