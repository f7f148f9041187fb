// Any text as a file of settings and as key=value: it is taken or refused by ConfigError, which changes
// nothing; what was taken is written and read back the same.
#include "rl/runs/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

namespace {

template <class F>
void try_on(const F& update) {
  for (const std::string& algorithm : rl::algorithm_names()) {
    rl::Config config(algorithm);
    const rl::Config before = config;
    try {
      update(config);
      rl::Config again(config.algorithm().name);
      rl::update_from_json(again, rl::to_json(config), "again");
      fuzz::check(again == config, "a configuration is read back as it was written");
    } catch (const ConfigError& error) {
      fuzz::check(config == before, "what is refused changes nothing");
      fuzz::check(std::string_view(error.what()).size() < 4000, "messages are short");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string path = fuzz::write_scratch("config.json", text);
  try_on([&](rl::Config& config) { rl::update_from_file(config, path); });
  try_on([&](rl::Config& config) { rl::update_from_text(config, text); });
  return 0;
}
