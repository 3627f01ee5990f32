#pragma once

#include <utility>

#include "lmdm/bundle.h"
#include "lmdm/c.h"
#include "lmdm/generator.h"
#include "lmdm/live_processor.h"

struct lmdm_bundle {
  lmdm::Bundle bundle;
};

struct lmdm_generator {
  lmdm::Generator generator;
};

struct lmdm_processor {
  lmdm_processor(lmdm::Generator generator, const lmdm::LiveOptions& options) : processor(std::move(generator), options) {}
  lmdm::LiveProcessor processor;
};
