#include "envs/mujoco/file_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "envs/mujoco/env.h"
#include "envs/mujoco/quantity.h"

namespace saccade::envs {

namespace {

constexpr std::size_t kMostObserved = 10'000;

// One compilation for all copies of a task, and all programs' later looks at it.
std::shared_ptr<const mjModel> compiled(const TaskFile& file) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const mjModel>> models;
  const std::lock_guard lock(mutex);
  std::shared_ptr<const mjModel>& model = models[file.id];
  if (model == nullptr) {
    try {
      model = compile_files(file.model.main, file.model.files);
    } catch (const FormatError& error) {
      throw FormatError(fmt::format("{}: {}", file.source, error.what()));
    }
  }
  return model;
}

Simulation simulation_of(const TaskFile& file) {
  return Simulation({.file = fmt::format("{}: {}", file.source, file.model.main),
                     .fingerprint = file.fingerprint,
                     .model = compiled(file)},
                    Simulation::Keeps::everything);
}

bool reads_contact_forces(const WrittenTask& task) {
  const auto reads = [](const auto& part) {
    const Source* source = part.quantity.source;
    return source != nullptr && std::string_view(source->name) == "cfrc_ext";
  };
  return std::any_of(task.reward.begin(), task.reward.end(), reads) ||
         std::any_of(task.termination.begin(), task.termination.end(), reads) ||
         std::any_of(task.observation.begin(), task.observation.end(),
                     [](const Quantity& q) { return std::string_view(q.source->name) == "cfrc_ext"; });
}

/// reward = sum of weight x (sum of the quantity) of its terms; terminated where a number leaves its healthy
/// range.
class FileTask final : public MujocoEnv {
 public:
  explicit FileTask(const std::shared_ptr<const TaskFile>& file)
      : MujocoEnv({.id = file->id,
                   .model = file->model.main,
                   .frame_skip = static_cast<int>(file->task.frame_skip),
                   .max_episode_steps = file->task.max_episode_steps,
                   .reward_threshold = file->task.reward_threshold,
                   .contact_forces = reads_contact_forces(file->task)},
                  simulation_of(*file)),
        file_(file) {
    const mjModel& model = simulation().model();
    refuse_noisy_sensors(model);
    const auto value_of = [&](const Quantity& quantity) {
      QuantityValue value(quantity, model, simulation().data(), file->source);
      value.set_step_seconds(step_seconds());
      return value;
    };
    for (const Quantity& quantity : written().observation) observed_.push_back(value_of(quantity));
    for (const PaidTerm& term : written().reward) paid_.push_back(value_of(term.quantity));
    for (const HealthyRange& range : written().termination) healthy_.push_back(value_of(range.quantity));
    for (const StartNoise& noise : written().noise)
      noisy_.push_back(places_of(noise.quantity, model, file->source));
    start_at_keyframe(model);
    std::size_t size = 0;
    for (const QuantityValue& value : observed_) size += value.size();
    if (size > kMostObserved) {
      throw FormatError(fmt::format("{}: observation has {} numbers; expected at most {}", file->source, size,
                                    kMostObserved));
    }
    set_observation_size(size);
    describe();
  }

 private:
  const WrittenTask& written() const { return file_->task; }

  void refuse_noisy_sensors(const mjModel& model) const {
#if mjVERSION_HEADER < 314  // later ones never add it
    if ((model.opt.enableflags & mjENBL_SENSORNOISE) == 0) return;
    throw FormatError(
        fmt::format("{}: it asks for sensornoise, whose random numbers are not the run's; "
                    "expected a model without",
                    simulation().file()));
#else
    (void)model;
#endif
  }

  void start_at_keyframe(const mjModel& model) {
    if (written().keyframe.empty()) return;
    const int key = mj_name2id(&model, mjOBJ_KEY, written().keyframe.c_str());
    if (key < 0) {
      std::vector<std::string> names;
      for (int i = 0; i < model.nkey; ++i) {
        if (const char* name = mj_id2name(&model, mjOBJ_KEY, i)) names.emplace_back(name);
      }
      throw FormatError(
          fmt::format("{}: reset.keyframe is \"{}\", but the model has no keyframe of that name{}",
                      file_->source, written().keyframe, expected_names(written().keyframe, names)));
    }
    simulation().start_at(key);
  }

  // In the words of the file.
  void describe() {
    const mjModel& model = simulation().model();
    std::vector<std::string> details;
    details.push_back(fmt::format("{} of {}: {} coordinates, {} velocities, {} actuators; a step is {:.6g} s",
                                  file_->source, written().model, model.nq, model.nv, model.nu,
                                  step_seconds()));
    std::size_t begin = 0;
    for (std::size_t i = 0; i < observed_.size(); ++i) {
      const std::size_t last = begin + observed_[i].size() - 1;
      details.push_back(
          fmt::format("observation {}: {}",
                      last == begin ? fmt::format("{}", begin) : fmt::format("{} to {}", begin, last),
                      written().observation[i].text));
      begin = last + 1;
    }
    for (int i = 0; i < model.nu; ++i) {
      const char* name = mj_id2name(&model, mjOBJ_ACTUATOR, i);
      if (name != nullptr && *name != '\0') details.push_back(fmt::format("action {}: {}", i, name));
    }
    for (const PaidTerm& term : written().reward)
      details.push_back(fmt::format("reward {}: {}", term.name, term.quantity.text));
    for (const HealthyRange& range : written().termination)
      details.push_back("ends unless " + range.quantity.text);
    if (!written().keyframe.empty()) details.push_back("starts at the keyframe " + written().keyframe);
    for (const StartNoise& noise : written().noise) details.push_back("starts with " + noise.quantity.text);
    set_details(std::move(details));
  }

  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const override {
    for (std::size_t i = 0; i < noisy_.size(); ++i) {
      const StartNoise& noise = written().noise[i];
      const std::span<double> coordinates =
          std::string_view(noise.quantity.source->name) == "qpos" ? qpos : qvel;
      for (const std::size_t place : noisy_[i]) {
        coordinates[place] +=
            noise.normal ? noise.deviation * rng.normal() : rng.uniform(noise.low, noise.high);
      }
    }
  }

  void before_step(std::span<const double>) override {
    for (QuantityValue& value : paid_) value.remember();
  }

  StepResult evaluate(std::span<const double>) const override {
    StepResult result = {.terminated = !is_healthy()};
    for (std::size_t i = 0; i < paid_.size(); ++i) {
      const PaidTerm& term = written().reward[i];
      const bool pays = term.when == PaidTerm::When::always ||
                        (term.when == PaidTerm::When::terminated) == result.terminated;
      const double value = pays ? term.weight * paid_[i].sum() : 0;
      result.terms[i] = {term.name.c_str(), value};
      result.reward += value;
    }
    return result;
  }

  bool is_healthy() const {
    bool healthy = true;
    for (std::size_t i = 0; i < healthy_.size(); ++i) {
      const Range& range = written().termination[i].range;
      healthy_[i].for_each([&](double value) { healthy &= range.low <= value && value <= range.high; });
    }
    return healthy;
  }

  void write_observation(Row row) const override {
    for (const QuantityValue& value : observed_) value.for_each([&](double number) { row.add(number); });
  }

  std::shared_ptr<const TaskFile> file_;
  std::vector<QuantityValue> observed_, paid_, healthy_;
  std::vector<std::vector<std::size_t>> noisy_;
};

}  // namespace

std::unique_ptr<Env> make_file_task(const std::shared_ptr<const TaskFile>& file) {
  return std::make_unique<FileTask>(file);
}

}  // namespace saccade::envs
