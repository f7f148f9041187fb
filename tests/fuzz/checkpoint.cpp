// Any text as a checkpoint's state.json, beside files of tensors that are good: loading takes it or refuses
// it by FormatError, and then agent, buffer and state are as they were.
#include "rl/training/checkpoint.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "rl/runs/training.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

namespace {

struct Subject {
  rl::Config config = [] {
    rl::Config small;
    small.run.env = "Pendulum-v1";
    rl::update_from_text(small, "hidden=[4]");
    return small;
  }();
  std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
  rl::ReplayBuffer buffer{10, 3, 1};
  rl::TrainState state{Rng(1), 2};
};

std::vector<double> numbers(const Subject& subject) {
  std::vector<double> all = {static_cast<double>(subject.state.step),
                             static_cast<double>(subject.buffer.size())};
  for (const auto& [name, tensor] : subject.agent->named_weights()) {
    for (const double x : tensor.to_vector()) all.push_back(x);
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Subject subject;
  static const std::string path = [] {
    const std::string folder = fuzz::scratch() + "/checkpoint";
    rl::save_checkpoint(folder, *subject.agent, subject.buffer, subject.state,
                        nlohmann::ordered_json::object());
    return folder;
  }();
  // "good" stands for the state of this very checkpoint, which no seed kept beside the source can hold.
  static const std::string good = fuzz::contents_of(path + "/state.json");
  const std::string_view given = fuzz::text_of(data, size);
  const std::string text =
      given.starts_with("good") ? fuzz::edited(good, given.substr(4)) : std::string(given);
  fuzz::write_scratch("checkpoint/state.json", text);
  const std::vector<double> before = numbers(subject);
  try {
    rl::load_checkpoint(path, *subject.agent, subject.buffer, subject.state);
  } catch (const FormatError&) {
    fuzz::check(numbers(subject) == before, "a checkpoint that is refused changes nothing");
  }
  return 0;
}
