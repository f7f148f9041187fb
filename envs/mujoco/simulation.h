// A MuJoCo model and its state, through libmujoco's C API.
#pragma once

#include <mujoco/mujoco.h>

#include <cstddef>
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

class Simulation {
 public:
  /// Compiles the built-in model of this name, such as "ant", or the file of that name (with .xml) in the
  /// folder that the environment variable SACCADE_MUJOCO_MODELS names. Throws FormatError for a model that is
  /// missing or faulty. What libmujoco calls a fatal error becomes a saccade::Error, here and in every call;
  /// its warnings write no file.
  explicit Simulation(const std::string& model);

  /// The model's file name and a hash of its text.
  const std::string& fingerprint() const { return fingerprint_; }

  const mjModel& model() const { return *model_; }
  const mjData& data() const { return *data_; }

  std::span<double> qpos() { return numbers(data_->qpos, model_->nq); }
  std::span<double> qvel() { return numbers(data_->qvel, model_->nv); }
  std::span<const double> qpos() const { return numbers(data_->qpos, model_->nq); }
  std::span<const double> qvel() const { return numbers(data_->qvel, model_->nv); }

  /// The index of a named body or site. Throws FormatError for a model that lacks it.
  int body(const char* name) const { return index(mjOBJ_BODY, "body", name); }
  int site(const char* name) const { return index(mjOBJ_SITE, "site", name); }

  /// The model's initial position, at rest.
  void reset() { mj_resetData(model_.get(), data_.get()); }

  /// Computes everything that follows from qpos and qvel.
  void forward() { mj_forward(model_.get(), data_.get()); }

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
    void operator()(mjModel* model) const { mj_deleteModel(model); }
    void operator()(mjData* data) const { mj_deleteData(data); }
  };
  std::string name_, fingerprint_;
  std::unique_ptr<mjModel, Delete> model_;
  std::unique_ptr<mjData, Delete> data_;
};

}  // namespace saccade::envs
