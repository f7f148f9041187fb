// Any metadata in a weights file: inference::Policy takes it or refuses it by FormatError, and what it took
// acts.
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "inference/policy.h"
#include "nn/formats/safetensors.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Three texts, divided by newlines: of the observation, the action and the policy.
  std::vector<std::string> texts(1);
  for (const char c : fuzz::text_of(data, size)) {
    if (c == '\n' && texts.size() < 3) {
      texts.emplace_back();
    } else {
      texts.back() += c;
    }
  }
  texts.resize(3);
  static const nn::NamedTensors tensors = {
      {"w", ones({2, 3})}, {"b", zeros({2})}, {"e", ones({2, 2, 3})}, {"n", ones({3})}, {"c", ones({1})}};
  const std::string path = fuzz::scratch() + "/a.safetensors";
  try {
    nn::safetensors::save(path, tensors,
                          {{"observation", texts[0]}, {"action", texts[1]}, {"policy", texts[2]}});
    inference::Policy policy = inference::Policy::load(path);
    const std::vector<double> observation(static_cast<std::size_t>(policy.observation_size()));
    std::vector<double> action(static_cast<std::size_t>(policy.action_size()));
    policy.act(observation, action);
  } catch (const FormatError&) {
  }
  return 0;
}
