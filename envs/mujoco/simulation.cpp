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
#include "base/text.h"
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
// exist. False if a file is there already by that name.
template <class Vfs>
bool add_file(Vfs* vfs, const std::string& name, std::string_view text) {
  const int size = static_cast<int>(text.size());
  if constexpr (requires { mj_addBufferVFS(vfs, name.c_str(), text.data(), size); }) {
    return mj_addBufferVFS(vfs, name.c_str(), text.data(), size) == 0;
  } else {
    if (mj_makeEmptyFileVFS(vfs, name.c_str(), size) != 0) return false;
    std::memcpy(vfs->filedata[mj_findFileVFS(vfs, name.c_str())], text.data(), text.size());
    return true;
  }
}

std::string hash(std::string_view text) { return fmt::format("{:016x}", fnv1a(text)); }

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// MuJoCo looks for what is not in its virtual file system on disk; but there can be nothing below a device.
constexpr std::string_view kNowhere = "/dev/null/";

// MuJoCo's words on one line, without the folder that there is not.
std::string message_of(std::string_view error) {
  std::string message(error);
  for (std::size_t at = 0; (at = message.find(kNowhere, at)) != std::string::npos;) {
    message.erase(at, kNowhere.size());
  }
  while (!message.empty() && message.back() == '\n') message.pop_back();
  for (std::size_t at = 0; (at = message.find('\n', at)) != std::string::npos;) message.replace(at, 1, "; ");
  return printable(message);
}

// The XML compiler swaps the process's error handlers while it works, so that there can be one at a time.
std::shared_ptr<const mjModel> compile(const std::string& path, const mjVFS* vfs, const std::string& shown) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  install_handlers();
  std::array<char, 1000> error{};
  const std::shared_ptr<const mjModel> model(mj_loadXML(path.c_str(), vfs, error.data(), error.size()),
                                             mj_deleteModel);
  if (model == nullptr) throw FormatError(fmt::format("{}: {}", shown, message_of(error.data())));
  return model;
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

CompiledModel compile_built_in(const std::string& name) {
  check_mujoco_version(mjVERSION_HEADER, mj_version());
  const std::string file = name + ".xml";
  const auto fingerprint = [&](std::string_view text) { return fmt::format("{} {}", file, hash(text)); };
  if (const char* folder = std::getenv("SACCADE_MUJOCO_MODELS"); folder != nullptr && *folder != '\0') {
    const std::string path = fmt::format("{}/{}", folder, file);
    if (!std::filesystem::is_regular_file(path)) {
      throw FormatError(
          fmt::format("{}: there is no such file; SACCADE_MUJOCO_MODELS names the folder that models are "
                      "taken from, and without it the built-in ones are",
                      path));
    }
    return {file, fingerprint(read_file(path)), compile(path, nullptr, path)};
  }
  const std::string text(built_in_model(name));
  return {file, fingerprint(text), compile_files(file, {{file, text}})};
}

std::shared_ptr<const mjModel> compile_files(const std::string& main,
                                             const std::map<std::string, std::string>& files) {
  check_mujoco_version(mjVERSION_HEADER, mj_version());
  const std::unique_ptr<mjVFS, void (*)(mjVFS*)> vfs(new mjVFS, [](mjVFS* made) {  // megabytes
    mj_deleteVFS(made);
    delete made;
  });
  mj_defaultVFS(vfs.get());
  for (const auto& [path, text] : files) {
    if (text.empty()) throw FormatError(fmt::format("{}: {} is empty", main, path));  // MuJoCo cannot hold it
    if (add_file(vfs.get(), std::string(kNowhere) + path, text)) continue;
    throw FormatError(fmt::format(
        "{}: two of its files are called {}, in different folders, which MuJoCo {} cannot tell apart", main,
        std::filesystem::path(path).filename().string(), mj_versionString()));
  }
  return compile(std::string(kNowhere) + main, vfs.get(), main);
}

Simulation::Simulation(CompiledModel compiled, Keeps keeps)
    : compiled_(std::move(compiled)), keeps_(keeps), data_(mj_makeData(compiled_.model.get())) {
  if (!data_) throw Error(fmt::format("{}: MuJoCo could not make room for its simulation", file()));
}

int Simulation::index(mjtObj type, const char* what, const char* name) const {
  const int id = mj_name2id(&model(), type, name);
  if (id < 0) throw FormatError(fmt::format("{}: it has no {} called \"{}\"", file(), what, name));
  return id;
}

bool Simulation::diverged() {
  // MuJoCo looks at the beginning of a step: what the last one has led to is for us to see.
  const auto is_bad = [](mjtNum x) { return mju_isBad(x) != 0; };
  const auto velocity = numbers(data_->qvel, model().nv), acceleration = numbers(data_->qacc, model().nv);
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
  for (int i = 0; i < frames; ++i) mj_step(&model(), data_.get());
  if (contact_forces) mj_rnePostConstraint(&model(), data_.get());
  return !diverged();
}

template <class F>
void Simulation::for_each_field(F f) const {
  const mjModel& m = model();
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
  if (keeps_ == Keeps::built_in) return;
  f(numbers(d.ctrl, m.nu));
  f(numbers(d.actuator_force, m.nu));
  f(numbers(d.sensordata, m.nsensordata));
  f(numbers(d.xquat, 4 * m.nbody));
  f(numbers(d.subtree_com, 3 * m.nbody));
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
