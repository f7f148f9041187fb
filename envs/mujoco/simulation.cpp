#include "envs/mujoco/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "envs/mujoco/models.h"

namespace saccade::envs {

namespace {

// libmujoco expects its error handler not to return. It is C code, but compiled with the unwind tables that
// every x86-64 and ARM64 Linux library has, so an exception passes through it; the next reset makes good what
// it leaves behind.
[[noreturn]] void throw_error(const char* message) { throw Error(fmt::format("MuJoCo: {}", message)); }

// MuJoCo counts its warnings in mjData, where advance() reads them; its own handler would write a log file.
void ignore_warning(const char*) {}

void install_handlers() {
  mju_user_error = throw_error;
  mju_user_warning = ignore_warning;
}

// From 2.2.2 to 3.x the virtual file system changed its functions; each branch compiles only where they
// exist.
template <class Vfs>
void add_file(Vfs* vfs, const char* name, std::string_view text) {
  const int size = static_cast<int>(text.size());
  if constexpr (requires { mj_addBufferVFS(vfs, name, text.data(), size); }) {
    mj_addBufferVFS(vfs, name, text.data(), size);
  } else {
    mj_makeEmptyFileVFS(vfs, name, size);
    std::memcpy(vfs->filedata[mj_findFileVFS(vfs, name)], text.data(), text.size());
  }
}

std::string hash(std::string_view text) { return fmt::format("{:016x}", fnv1a(text)); }

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Loaded {
  mjModel* model = nullptr;
  std::string fingerprint;
};

Loaded load(const std::string& name) {
  // The XML compiler swaps the process's error handlers while it works.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  install_handlers();

  std::array<char, 1000> error{};
  Loaded loaded;
  std::string path = name + ".xml";
  if (const char* folder = std::getenv("SACCADE_MUJOCO_MODELS"); folder != nullptr && *folder != '\0') {
    path = fmt::format("{}/{}", folder, path);
    if (!std::filesystem::is_regular_file(path)) {
      throw FormatError(
          fmt::format("{}: there is no such file; SACCADE_MUJOCO_MODELS names the folder that models are "
                      "taken from, and without it the built-in ones are",
                      path));
    }
    loaded.fingerprint = fmt::format("{}.xml {}", name, hash(read_file(path)));
    loaded.model = mj_loadXML(path.c_str(), nullptr, error.data(), error.size());
  } else {
    const auto vfs = std::make_unique<mjVFS>();  // megabytes
    mj_defaultVFS(vfs.get());
    add_file(vfs.get(), path.c_str(), built_in_model(name));
    loaded.fingerprint = fmt::format("{}.xml {}", name, hash(built_in_model(name)));
    loaded.model = mj_loadXML(path.c_str(), vfs.get(), error.data(), error.size());
    mj_deleteVFS(vfs.get());
  }
  if (loaded.model == nullptr) throw FormatError(fmt::format("{}: {}", path, error.data()));
  return loaded;
}

std::string dotted(int version) {
  return fmt::format("{}.{}.{}", version / 100, version / 10 % 10, version % 10);
}

}  // namespace

void check_mujoco_version(int headers, int library) {
  if (headers == library) return;
  throw ConfigError(fmt::format(
      "libmujoco {} was loaded, but this program was built for {}; install that one, or build again",
      dotted(library), dotted(headers)));
}

Simulation::Simulation(const std::string& model) : name_(model) {
  check_mujoco_version(mjVERSION_HEADER, mj_version());
  Loaded loaded = load(model);
  model_.reset(loaded.model);
  fingerprint_ = std::move(loaded.fingerprint);
  data_.reset(mj_makeData(model_.get()));
  if (!data_) throw Error(fmt::format("{}: MuJoCo could not make room for its simulation", model));
}

int Simulation::index(mjtObj type, const char* what, const char* name) const {
  const int id = mj_name2id(model_.get(), type, name);
  if (id < 0) throw FormatError(fmt::format("{}.xml: it has no {} called \"{}\"", name_, what, name));
  return id;
}

bool Simulation::diverged() {
  // MuJoCo looks at the beginning of a step: what the last one has led to is for us to see.
  const auto is_bad = [](mjtNum x) { return mju_isBad(x) != 0; };
  const auto velocity = numbers(data_->qvel, model_->nv), acceleration = numbers(data_->qacc, model_->nv);
  bool diverged = std::any_of(qpos().begin(), qpos().end(), is_bad) ||
                  std::any_of(velocity.begin(), velocity.end(), is_bad) ||
                  std::any_of(acceleration.begin(), acceleration.end(), is_bad);
  for (const mjtWarning kind : {mjWARN_BADQPOS, mjWARN_BADQVEL, mjWARN_BADQACC, mjWARN_BADCTRL}) {
    diverged |= data_->warning[kind].number > 0;
    data_->warning[kind].number = 0;
  }
  return diverged;
}

bool Simulation::advance(std::span<const double> control, int frames, bool contact_forces) {
  std::copy(control.begin(), control.end(), data_->ctrl);
  for (int i = 0; i < frames; ++i) mj_step(model_.get(), data_.get());
  if (contact_forces) mj_rnePostConstraint(model_.get(), data_.get());
  return !diverged();
}

template <class F>
void Simulation::for_each_field(F f) const {
  const mjModel& m = *model_;
  mjData& d = *data_;
  f(numbers(&d.time, 1));
  f(numbers(d.qpos, m.nq));
  f(numbers(d.qvel, m.nv));
  f(numbers(d.act, m.na));
  f(numbers(d.qacc_warmstart, m.nv));
  f(numbers(d.xpos, 3 * m.nbody));
  f(numbers(d.xipos, 3 * m.nbody));
  f(numbers(d.site_xpos, 3 * m.nsite));
  f(numbers(d.cinert, 10 * m.nbody));
  f(numbers(d.cvel, 6 * m.nbody));
  f(numbers(d.qfrc_actuator, m.nv));
  f(numbers(d.qfrc_constraint, m.nv));
  f(numbers(d.cfrc_ext, 6 * m.nbody));
}

std::size_t Simulation::state_size() const {
  std::size_t size = 0;
  for_each_field([&](std::span<const double> field) { size += field.size(); });
  return size;
}

std::vector<double> Simulation::state() const {
  std::vector<double> state;
  for_each_field(
      [&](std::span<const double> field) { state.insert(state.end(), field.begin(), field.end()); });
  return state;
}

void Simulation::set_state(std::span<const double> state) {
  for_each_field([&](std::span<double> field) {
    if (state.empty()) return;
    std::copy_n(state.begin(), field.size(), field.begin());
    state = state.subspan(field.size());
  });
}

}  // namespace saccade::envs
