#include "inference/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "nn/formats/safetensors.h"

namespace saccade::inference {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kWidest = 1 << 20;  // no policy is

// Makes steps of a file's metadata and tensors.
class Policy::Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(fs::is_directory(path) ? path + "/checkpoint/weights.safetensors" : path),
        file_(nn::safetensors::load(path_)) {}

  Policy policy() {
    Policy policy;
    policy.about_ = file_.metadata;
    policy.observation_size_ = size_of("observation");
    policy.action_size_ = size_of("action");
    width_ = static_cast<std::size_t>(policy.observation_size_);
    std::size_t widest = width_;
    for (const Json& json : value("policy")) {
      try {
        policy.steps_.push_back(step(json));
      } catch (const Json::exception& error) {
        throw FormatError(
            fmt::format("{}: step {} of its policy: {}", path_, policy.steps_.size() + 1, error.what()));
      }
      width_ = policy.steps_.back().out;
      widest = std::max(widest, width_);
    }
    if (width_ != static_cast<std::size_t>(policy.action_size_))
      throw FormatError(fmt::format("{}: its policy ends with {} numbers, expected {}", path_, width_,
                                    policy.action_size_));
    policy.x_.resize(widest);
    policy.y_.resize(widest);
    return policy;
  }

 private:
  Json value(const char* key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end())
      throw FormatError(
          fmt::format("{}: has no '{}' in its metadata; Saccade 0.1 and later write it", path_, key));
    return parse_json(found->second, path_ + ": " + key);
  }

  // Of a space.
  std::int64_t size_of(const char* space) const {
    const Json json = value(space);
    if (!json.is_object() || (!json.contains("choices") && !json.contains("size")))
      throw FormatError(
          fmt::format("{}: its {} space is {}, expected a size or choices", path_, space, json.dump()));
    return json.contains("choices") ? 1 : static_cast<std::int64_t>(count(json, "size", 1));
  }

  std::size_t count(const Json& json, const char* key, std::int64_t least) const {
    const Json& value = json.at(key);
    if (!value.is_number_integer() || value < least || value > kWidest)
      throw FormatError(fmt::format("{}: its {} is {}, expected an integer from {} to {}", path_, key,
                                    value.dump(), least, kWidest));
    return value.get<std::size_t>();
  }

  // A step's tensor, which must have so many numbers; of an ensemble its member's.
  std::vector<double> tensor(const Json& step, const char* key, std::size_t numbers) const {
    const auto name = step.at(key).get<std::string>();
    for (const auto& [each, tensor] : file_.tensors) {
      if (each != name) continue;
      std::vector<double> values = tensor.to_vector();
      const std::size_t member = step.contains("member") ? count(step, "member", 0) : 0;
      if (values.size() < (member + 1) * numbers || numbers == 0 ||
          (!step.contains("member") && values.size() != numbers))
        break;
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(member * numbers);
      return {begin, begin + static_cast<std::ptrdiff_t>(numbers)};
    }
    throw FormatError(fmt::format("{}: its policy needs a tensor '{}' of {} numbers", path_, name, numbers));
  }

  std::size_t rows_of(const std::string& name, bool member) const {
    for (const auto& [each, tensor] : file_.tensors) {
      if (each == name && tensor.dim() == (member ? 3 : 2)) return static_cast<std::size_t>(tensor.size(-2));
    }
    throw FormatError(fmt::format("{}: its policy needs a matrix '{}'", path_, name));
  }

  Step step(const Json& json) const {
    const auto op = json.at("op").get<std::string>();
    const std::size_t n = width_;
    if (op == "one_hot" && n == 1) return {Op::one_hot, 1, count(json, "size", 1)};
    if (op == "normalize") {
      const std::vector<double> mean = tensor(json, "mean", n), squares = tensor(json, "squares", n);
      const double count = tensor(json, "count", 1)[0];
      Step result{Op::normalize, n, n, std::vector<double>(n, 1), std::vector<double>(n), json.at("limit")};
      for (std::size_t i = 0; count >= 2 && i < n; ++i) {
        result.a[i] = 1 / std::sqrt(squares[i] / count + 1e-8);
        result.b[i] = -mean[i] * result.a[i];
      }
      return result;
    }
    if (op == "linear") {
      const std::size_t out = rows_of(json.at("weight"), json.contains("member"));
      return {Op::linear, n, out, tensor(json, "weight", n * out), tensor(json, "bias", out)};
    }
    if (op == "layer_norm") return {Op::layer_norm, n, n, tensor(json, "weight", n), tensor(json, "bias", n)};
    if (op == "batch_norm") {
      Step result{Op::affine, n, n, tensor(json, "weight", n), tensor(json, "bias", n)};
      const std::vector<double> mean = tensor(json, "mean", n), variance = tensor(json, "variance", n);
      for (std::size_t i = 0; i < n; ++i) {
        result.a[i] /= std::sqrt(variance[i] + json.at("eps").get<double>());
        result.b[i] -= mean[i] * result.a[i];
      }
      return result;
    }
    if (op == "relu") return {Op::relu, n, n};
    if (op == "tanh") return {Op::tanh, n, n};
    if (op == "first" && count(json, "size", 1) <= n) return {Op::first, n, count(json, "size", 1)};
    if (op == "argmax") return {Op::argmax, n, 1};
    if (op == "scale" && json.at("low").size() == n && json.at("high").size() == n) {
      Step result{Op::affine, n, n, json.at("high"), json.at("low")};
      for (std::size_t i = 0; i < n; ++i) {
        const double high = result.a[i], low = result.b[i];
        result.a[i] = (high - low) / 2;
        result.b[i] = (high + low) / 2;
      }
      return result;
    }
    throw FormatError(fmt::format("{}: its policy has a step {} for {} numbers, which is not known here",
                                  path_, json.dump(), n));
  }

  std::string path_;
  nn::safetensors::Contents file_;
  std::size_t width_ = 0;  // of what the steps so far leave
};

Policy Policy::load(const std::string& path) { return Reader(path).policy(); }

void Policy::act(std::span<const double> observation, std::span<double> action) {
  if (std::ssize(observation) != observation_size_ || std::ssize(action) != action_size_) {
    throw ShapeError(fmt::format("Policy::act: {} observations and {} actions, expected {} and {}",
                                 observation.size(), action.size(), observation_size_, action_size_));
  }
  std::copy(observation.begin(), observation.end(), x_.begin());
  for (const Step& s : steps_) {
    const double* x = x_.data();
    double* y = y_.data();
    switch (s.op) {
      case Op::one_hot:
        if (!(x[0] >= 0 && x[0] < static_cast<double>(s.out) && x[0] == std::floor(x[0])))
          throw Error(
              fmt::format("Policy::act: the state is {}, expected a number from 0 to {}", x[0], s.out - 1));
        for (std::size_t i = 0; i < s.out; ++i) y[i] = static_cast<double>(i) == x[0] ? 1 : 0;
        break;
      case Op::normalize:
        for (std::size_t i = 0; i < s.out; ++i) y[i] = std::clamp(x[i] * s.a[i] + s.b[i], -s.limit, s.limit);
        break;
      case Op::linear:
        for (std::size_t j = 0; j < s.out; ++j) {
          y[j] = s.b[j];
          for (std::size_t i = 0; i < s.in; ++i) y[j] += s.a[j * s.in + i] * x[i];
        }
        break;
      case Op::layer_norm: {
        double mean = 0, variance = 0;
        for (std::size_t i = 0; i < s.in; ++i) mean += x[i] / static_cast<double>(s.in);
        for (std::size_t i = 0; i < s.in; ++i)
          variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(s.in);
        for (std::size_t i = 0; i < s.out; ++i)
          y[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * s.a[i] + s.b[i];
        break;
      }
      case Op::affine:
        for (std::size_t i = 0; i < s.out; ++i) y[i] = x[i] * s.a[i] + s.b[i];
        break;
      case Op::relu:
        for (std::size_t i = 0; i < s.out; ++i) y[i] = std::max(x[i], 0.0);
        break;
      case Op::tanh:
        for (std::size_t i = 0; i < s.out; ++i) y[i] = std::tanh(x[i]);
        break;
      case Op::first:
        std::copy_n(x, s.out, y);
        break;
      case Op::argmax:
        y[0] = static_cast<double>(std::max_element(x, x + s.in) - x);
        break;
    }
    x_.swap(y_);
  }
  std::copy_n(x_.begin(), action.size(), action.begin());
}

}  // namespace saccade::inference
