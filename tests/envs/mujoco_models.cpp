// Our MJCF, as libmujoco compiles it, against the numbers of Gymnasium's models. Both structs and numbers are
// those of MuJoCo 2.2.2.
#include <fmt/format.h>
#include <mujoco/mjxmacro.h>
#include <mujoco/mujoco.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "envs/mujoco/simulation.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

#if mjVERSION_HEADER == 222

using namespace saccade::tests;

namespace {

using Numbers = std::vector<double>;

const std::vector<std::string> kModels = {"ant",
                                          "half_cheetah",
                                          "hopper",
                                          "humanoid",
                                          "inverted_double_pendulum",
                                          "inverted_pendulum",
                                          "pusher",
                                          "pusher_v5",
                                          "reacher",
                                          "swimmer",
                                          "walker2d",
                                          "walker2d_v5"};

// Things that no task's dynamics know of: cameras, lights and textures, numbers for programs, key frames,
// names, and the room that MuJoCo sets aside.
const std::set<std::string> kNotPhysics = {
    "ncam",         "nlight",     "ntex",     "ntexdata", "nmat",    "nnumeric",    "nnumericdata",
    "nkey",         "nuser_geom", "nnames",   "nstack",   "nbuffer", "numeric_adr", "numeric_size",
    "numeric_data", "key_time",   "key_qpos", "key_qvel", "key_ctrl"};
// Entries that models.json has in words or twice.
const std::set<std::string> kDescriptions = {
    "used_by",        "compile_warning", "sizes",          "opt",        "stat", "names", "jnt_type_name",
    "geom_type_name", "total_mass",      "actuator_joint", "qpos_spring"};

template <class T>
void append(Numbers& to, const T* from, int size) {
  for (int i = 0; i < size; ++i) to.push_back(static_cast<double>(from[i]));
}

void flatten(const nlohmann::json& json, Numbers& into) {
  if (json.is_array()) {
    for (const nlohmann::json& part : json) flatten(part, into);
  } else {
    into.push_back(json.is_boolean() ? json.get<bool>() : number(json));
  }
}

// Every field of a compiled model by the name that the C structs give it.
std::map<std::string, Numbers> fields_of(const mjModel* m) {
  std::map<std::string, Numbers> fields;
#define X(name) append(fields[#name], &m->name, 1);
  MJMODEL_INTS
#undef X
#define X(type, name) append(fields[#name], &m->opt.name, 1);
  MJOPTION_SCALARS
#undef X
#define X(name, size) append(fields[#name], m->opt.name, size);
  MJOPTION_VECTORS
#undef X
  MJMODEL_POINTERS_PREAMBLE(m)
#define X(type, name, rows, columns) append(fields[#name], m->name, m->rows*(columns));
  MJMODEL_POINTERS
#undef X
  append(fields["meaninertia"], &m->stat.meaninertia, 1);
  append(fields["meanmass"], &m->stat.meanmass, 1);
  append(fields["meansize"], &m->stat.meansize, 1);
  append(fields["extent"], &m->stat.extent, 1);
  append(fields["center"], m->stat.center, 3);
  return fields;
}

// The same, of a model in models.json.
std::map<std::string, Numbers> fields_of(const nlohmann::json& model) {
  std::map<std::string, Numbers> fields;
  const auto add = [&](const nlohmann::json& object) {
    for (const auto& [name, value] : object.items()) {
      if (kNotPhysics.count(name) + kDescriptions.count(name) > 0 || name.ends_with("_name")) continue;
      flatten(value, fields[name]);
    }
  };
  add(model.at("sizes"));
  add(model.at("opt"));
  add(model.at("stat"));
  add(model);
  flatten(model.at("qpos_spring"), fields["qpos_spring"]);
  return fields;
}

}  // namespace

TEST_CASE("every model compiles to Gymnasium's numbers, field by field", "[mujoco]") {
  const nlohmann::json models = reference("mujoco/models.json").at("models");
  for (const std::string& name : kModels) {
    const saccade::envs::Simulation simulation(name);
    const std::map<std::string, Numbers> ours = fields_of(&simulation.model());
    const std::map<std::string, Numbers> theirs = fields_of(models.at(name + ".xml"));
    CHECK(theirs.size() > 140);
    for (const auto& [field, expected] : theirs) {
      INFO(name << ".xml, " << field);
      REQUIRE(ours.count(field) == 1);
      const Numbers& given = ours.at(field);
      REQUIRE(given.size() == expected.size());
      for (std::size_t i = 0; i < given.size(); ++i) {
        INFO(fmt::format("[{}]: ours {}, Gymnasium's {}", i, given[i], expected[i]));
        CHECK(std::abs(given[i] - expected[i]) <= 1e-12 * std::max(1.0, std::abs(expected[i])));
      }
    }
  }
}

#endif
