// A MuJoCo model and its state, through libmujoco's C API.
#pragma once

#include <mujoco/mujoco.h>

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace saccade::envs {

static_assert(std::is_same_v<mjtNum, double>, "Saccade needs a libmujoco that computes in double precision");

/// Throws ConfigError unless the libmujoco that runs is the one of the headers: its structs change with every
/// version. Both are numbers such as 222 for 2.2.2.
void check_mujoco_version(int headers, int library);

/// A model that has been compiled, for any number of simulations.
struct CompiledModel {
  std::string file;         // "ant.xml", for messages
  std::string fingerprint;  // that name and a hash of its text
  std::shared_ptr<const mjModel> model;
};

/// Compiles the built-in model of this name, such as "ant", or the file of that name (with .xml) in the
/// folder that the environment variable SACCADE_MUJOCO_MODELS names. Throws FormatError for a model that is
/// missing or faulty. What libmujoco calls a fatal error becomes a saccade::Error, here and in every call;
/// its warnings write no file.
CompiledModel compile_built_in(const std::string& name);

/// The same for the file `main` of `files`, by path; none is read from disk.
std::shared_ptr<const mjModel> compile_files(const std::string& main,
                                             const std::map<std::string, std::string>& files);

class Simulation {
 public:
  /// Which of mjData's numbers are state: those that the built-in tasks look at, or every one that a task
  /// may.
  enum class Keeps { built_in, everything };

  explicit Simulation(const std::string& built_in) : Simulation(compile_built_in(built_in)) {}
  explicit Simulation(CompiledModel compiled, Keeps keeps = Keeps::built_in);

  const std::string& file() const { return compiled_.file; }
  const std::string& fingerprint() const { return compiled_.fingerprint; }

  const mjModel& model() const { return *compiled_.model; }
  const mjData& data() const { return *data_; }

  std::span<double> qpos() { return numbers(data_->qpos, model().nq); }
  std::span<double> qvel() { return numbers(data_->qvel, model().nv); }
  std::span<const double> qpos() const { return numbers(data_->qpos, model().nq); }
  std::span<const double> qvel() const { return numbers(data_->qvel, model().nv); }

  /// The index of a named body or site. Throws FormatError for a model that lacks it.
  int body(const char* name) const { return index(mjOBJ_BODY, "body", name); }
  int site(const char* name) const { return index(mjOBJ_SITE, "site", name); }

  /// Episodes start at this keyframe of the model, and not at its initial position.
  void start_at(int keyframe) { keyframe_ = keyframe; }

  /// Where episodes start: the model's initial position, at rest, if there is no keyframe.
  void reset() {
    keyframe_ < 0 ? mj_resetData(&model(), data_.get())
                  : mj_resetDataKeyframe(&model(), data_.get(), keyframe_);
  }

  /// Computes everything that follows from qpos and qvel.
  void forward() { mj_forward(&model(), data_.get()); }

  /// Steps `frames` times under one control, and then computes the bodies' contact forces (cfrc_ext) if
  /// asked. False if it diverged: MuJoCo then may have started over from its initial position.
  bool advance(std::span<const double> control, int frames, bool contact_forces);

  /// Everything needed to go on from here bit for bit: time, qpos, qvel, act, the solver's warm start, and
  /// what the last step has left of the quantities that tasks observe and pay for, which is not always what
  /// the present qpos would give (RK4 leaves those of its last stage).
  std::vector<double> state() const;
  std::size_t state_size() const;
  /// Takes all of that, or the beginning of it that ends with qvel.
  void set_state(std::span<const double> state);

 private:
  static std::span<double> numbers(mjtNum* begin, int size) {
    return {begin, static_cast<std::size_t>(size)};
  }
  int index(mjtObj type, const char* what, const char* name) const;
  bool diverged();
  template <class F>
  void for_each_field(F f) const;

  struct Delete {
    void operator()(mjData* data) const { mj_deleteData(data); }
  };
  CompiledModel compiled_;
  Keeps keeps_;
  int keyframe_ = -1;
  std::unique_ptr<mjData, Delete> data_;
};

}  // namespace saccade::envs
