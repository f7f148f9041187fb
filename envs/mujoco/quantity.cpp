#include "envs/mujoco/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace saccade::envs {

namespace {

using Of = Source::Of;

// Of sources(), in its order.
constexpr mjtNum* mjData::*kArrays[] = {
    &mjData::qpos,   &mjData::qvel,           &mjData::qfrc_actuator, &mjData::qfrc_constraint,
    &mjData::ctrl,   &mjData::actuator_force, &mjData::sensordata,    &mjData::xpos,
    &mjData::xipos,  &mjData::xquat,          &mjData::subtree_com,   &mjData::cvel,
    &mjData::cinert, &mjData::cfrc_ext,       &mjData::site_xpos};

const mjtNum* array_of(const Source& source, const mjData& data) {
  const auto index = &source - sources().data();
  return data.*kArrays[index];
}

int type_of(Of of) {
  constexpr int types[] = {mjOBJ_JOINT, mjOBJ_ACTUATOR, mjOBJ_SENSOR, mjOBJ_BODY, mjOBJ_SITE};
  return types[static_cast<std::size_t>(of)];
}

int count_of(Of of, const mjModel& model) {
  const int counts[] = {model.njnt, model.nu, model.nsensor, model.nbody, model.nsite};
  return counts[static_cast<std::size_t>(of)];
}

struct Block {
  std::size_t begin = 0, size = 0;
};

// The numbers of one joint, body, ...
Block block_of(const Source& source, int id, const mjModel& model) {
  const auto block = [](int begin, int size) {
    return Block{static_cast<std::size_t>(begin), static_cast<std::size_t>(size)};
  };
  if (source.of == Of::sensor) return block(model.sensor_adr[id], model.sensor_dim[id]);
  if (source.of != Of::joint) return {source.width * static_cast<std::size_t>(id), source.width};
  const int type = model.jnt_type[id];  // free, ball, slide or hinge, in this order
  if (std::string_view(source.name) == "qpos") {
    return block(model.jnt_qposadr[id], type == mjJNT_FREE ? 7 : type == mjJNT_BALL ? 4 : 1);
  }
  return block(model.jnt_dofadr[id], type == mjJNT_FREE ? 6 : type == mjJNT_BALL ? 3 : 1);
}

std::size_t size_of_array(const Source& source, const mjModel& model) {
  const int count = count_of(source.of, model);
  if (count == 0) return 0;
  const Block last = block_of(source, count - 1, model);
  return last.begin + last.size;
}

[[noreturn]] void fail(const std::string& file, const std::string& path, const std::string& what) {
  throw FormatError(fmt::format("{}: {} {}", file, printable(path), what));
}

Block block_of(const Quantity& q, const std::string& name, const mjModel& model, const std::string& file,
               const std::string& path) {
  const int id = mj_name2id(&model, type_of(q.source->of), name.c_str());
  if (id >= 0) return block_of(*q.source, id, model);
  std::vector<std::string> names;
  for (int i = 0; i < count_of(q.source->of, model); ++i) {
    const char* known = mj_id2name(&model, type_of(q.source->of), i);
    if (known != nullptr && *known != '\0') names.emplace_back(known);
  }
  fail(file, path,
       fmt::format("is \"{}\", but the model has no {} of that name{}", printable(name),
                   name_of(q.source->of), expected_names(name, names)));
}

std::vector<std::size_t> places_in(const Block& block, const std::string& axes) {
  std::vector<std::size_t> places;
  if (axes.empty()) {
    places.resize(block.size);
    std::iota(places.begin(), places.end(), block.begin);
  }
  for (const char axis : axes) places.push_back(block.begin + static_cast<std::size_t>(axis - 'x'));
  return places;
}

}  // namespace

std::vector<std::size_t> places_of(const Quantity& q, const mjModel& model, const std::string& file) {
  const std::string path = q.path + "." + q.source->name;
  std::vector<std::size_t> places;
  const auto add = [&](const Block& block) {
    const std::vector<std::size_t> more = places_in(block, q.axes);
    places.insert(places.end(), more.begin(), more.end());
  };
  for (const std::string& name : q.names) add(block_of(q, name, model, file, path));
  if (q.names.empty() && q.axes.empty()) add({0, size_of_array(*q.source, model)});
  if (q.names.empty() && !q.axes.empty()) {
    for (int id = 0; id < count_of(q.source->of, model); ++id) add(block_of(*q.source, id, model));
  }
  if (places.empty())
    fail(file, path, fmt::format("is of no use: the model has no {}", name_of(q.source->of)));
  if (q.skip >= places.size() || q.take.value_or(1) > places.size() - q.skip) {
    fail(file, q.path,
         fmt::format("skips {}{}, but there are only {} numbers", q.skip,
                     q.take ? fmt::format(" and takes {}", *q.take) : "", places.size()));
  }
  places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(q.skip));
  if (q.take) places.resize(*q.take);
  return places;
}

QuantityValue::QuantityValue(const Quantity& q, const mjModel& model, const mjData& data,
                             const std::string& file)
    : offset_(q.minus), clip_(q.clip), apply_(q.apply) {
  static constexpr mjtNum kOne = 1;
  if (q.source == nullptr) {
    at_ = {&kOne};
    return;
  }
  const mjtNum* array = array_of(*q.source, data);
  for (const std::size_t place : places_of(q, model, file)) at_.push_back(array + place);
  if (q.minus_name) {
    const std::vector<std::size_t> minus =
        places_in(block_of(q, *q.minus_name, model, file, q.path + ".minus"), q.axes);
    if (minus.size() != at_.size()) {
      fail(file, q.path + ".minus",
           fmt::format("is \"{}\" of {} numbers, to be taken from {}; expected as many",
                       printable(*q.minus_name), minus.size(), at_.size()));
    }
    for (const std::size_t place : minus) minus_.push_back(array + place);
  }
  if (q.rate) before_.resize(at_.size());
}

void QuantityValue::remember() {
  for (std::size_t i = 0; i < before_.size(); ++i) before_[i] = number(i);
}

double QuantityValue::clipped(std::size_t i) const {
  const double value = before_.empty() ? number(i) : (number(i) - before_[i]) / seconds_;
  return std::clamp(value, clip_.low, clip_.high);
}

double QuantityValue::applied(double value) const {
  switch (apply_) {
    case Apply::abs:
      return std::abs(value);
    case Apply::square:
      return value * value;
    case Apply::sin:
      return std::sin(value);
    case Apply::cos:
      return std::cos(value);
    default:
      return value;
  }
}

double QuantityValue::sum() const {
  double sum = 0;
  for_each([&](double value) { sum += value; });
  return sum;
}

}  // namespace saccade::envs
