#include "tests/support/onnx_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "tests/support/event_reader.h"

namespace saccade::test {

namespace {

using Fields = std::vector<ProtoField>;

std::int64_t as_integer(const ProtoField& field) { return static_cast<std::int64_t>(field.bits); }

std::vector<std::int64_t> varints(const std::string& bytes) {
  std::vector<std::int64_t> all;
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    value |= std::uint64_t{byte & 127U} << shift;
    shift += 7;
    if (byte >= 128) continue;
    all.push_back(static_cast<std::int64_t>(value));
    value = shift = 0;
  }
  return all;
}

void read_constant(const std::string& bytes, OnnxValues& constants) {
  std::string name, raw;
  OnnxValue value;
  std::int64_t type = 0;
  for (const ProtoField& field : read_message(bytes)) {
    if (field.number == 1 && field.wire == 2) value.shape = varints(field.bytes);
    if (field.number == 1 && field.wire == 0) value.shape.push_back(as_integer(field));
    if (field.number == 2) type = as_integer(field);
    if (field.number == 8) name = field.bytes;
    if (field.number == 9) raw = field.bytes;
  }
  const std::size_t width = type == 1 ? 4 : 8;
  for (std::size_t at = 0; at + width <= raw.size(); at += width) {
    float f = 0;
    std::int64_t i = 0;
    type == 1 ? static_cast<void>(std::memcpy(&f, &raw[at], 4))
              : static_cast<void>(std::memcpy(&i, &raw[at], 8));
    value.values.push_back(type == 1 ? static_cast<double>(f) : static_cast<double>(i));
  }
  const std::int64_t size =
      std::accumulate(value.shape.begin(), value.shape.end(), std::int64_t{1}, std::multiplies<>());
  if (size != static_cast<std::int64_t>(value.values.size()) || (type != 1 && type != 7))
    throw std::runtime_error(name + " has not the numbers of its shape");
  constants[name] = std::move(value);
}

OnnxModel::Node read_node(const std::string& bytes) {
  OnnxModel::Node node;
  for (const ProtoField& field : read_message(bytes)) {
    if (field.number == 1) node.inputs.push_back(field.bytes);
    if (field.number == 2) node.outputs.push_back(field.bytes);
    if (field.number == 4) node.op = field.bytes;
    if (field.number != 5) continue;
    std::string name;
    OnnxModel::Attribute attribute;
    std::int64_t type = 0;
    for (const ProtoField& part : read_message(field.bytes)) {
      if (part.number == 1) name = part.bytes;
      if (part.number == 2) attribute.f = static_cast<double>(part.as_float());
      if (part.number == 3) attribute.i = as_integer(part);
      if (part.number == 20) type = as_integer(part);
    }
    if (type != 1 && type != 2) throw std::runtime_error(name + " is of a type not known here");
    node.attributes[name] = attribute;
  }
  return node;
}

void read_info(const std::string& bytes, std::map<std::string, OnnxModel::Info>& all) {
  std::string name;
  OnnxModel::Info info;
  for (const ProtoField& field : read_message(bytes)) {
    if (field.number == 1) name = field.bytes;
    if (field.number != 2) continue;
    for (const ProtoField& tensor : read_message(field.bytes)) {
      for (const ProtoField& part : read_message(tensor.bytes)) {
        if (part.number == 1) info.element_type = as_integer(part);
        if (part.number != 2) continue;
        for (const ProtoField& dim : read_message(part.bytes)) {
          for (const ProtoField& size : read_message(dim.bytes))
            info.shape.push_back(size.number == 1 ? std::to_string(size.bits) : size.bytes);
        }
      }
    }
  }
  all[name] = info;
}

std::int64_t size_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// Of two values, one of which may lack leading dimensions or have a size of 1 where the other has more.
OnnxValue elementwise(const OnnxValue& a, const OnnxValue& b,
                      const std::function<double(double, double)>& f) {
  const std::size_t dims = std::max(a.shape.size(), b.shape.size());
  const auto padded = [&](std::vector<std::int64_t> shape) {
    shape.insert(shape.begin(), dims - shape.size(), 1);
    return shape;
  };
  const std::vector<std::int64_t> sa = padded(a.shape), sb = padded(b.shape);
  OnnxValue y;
  for (std::size_t d = 0; d < dims; ++d) {
    if (sa[d] != sb[d] && sa[d] != 1 && sb[d] != 1) throw std::runtime_error("shapes do not broadcast");
    y.shape.push_back(std::max(sa[d], sb[d]));
  }
  for (std::int64_t i = 0; i < size_of(y.shape); ++i) {
    std::int64_t rest = i, ia = 0, ib = 0, step_a = 1, step_b = 1;
    for (std::size_t d = dims; d-- > 0;) {
      const std::int64_t at = rest % y.shape[d];
      rest /= y.shape[d];
      ia += (sa[d] == 1 ? 0 : at) * step_a;
      ib += (sb[d] == 1 ? 0 : at) * step_b;
      step_a *= sa[d];
      step_b *= sb[d];
    }
    y.values.push_back(
        f(a.values.at(static_cast<std::size_t>(ia)), b.values.at(static_cast<std::size_t>(ib))));
  }
  return y;
}

OnnxValue map(OnnxValue x, const std::function<double(double)>& f) {
  for (double& v : x.values) v = f(v);
  return x;
}

// (..., n, k) times (..., k, m), with the same leading sizes.
OnnxValue product(const OnnxValue& a, const OnnxValue& b) {
  const std::size_t d = a.shape.size();
  const std::int64_t n = a.shape[d - 2], k = a.shape[d - 1], m = b.shape[d - 1];
  OnnxValue y{a.shape, {}};
  y.shape[d - 1] = m;
  for (std::int64_t batch = 0; batch < size_of(a.shape) / (n * k); ++batch) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l)
          sum += a.values.at(static_cast<std::size_t>((batch * n + i) * k + l)) *
                 b.values.at(static_cast<std::size_t>((batch * k + l) * m + j));
        y.values.push_back(sum);
      }
    }
  }
  return y;
}

// What is done with each row of a matrix, whose length may change; 0 for a single number without a dimension.
OnnxValue rows(const OnnxValue& x, const std::function<std::vector<double>(std::vector<double>)>& f,
               bool keeps = true) {
  const auto width = static_cast<std::ptrdiff_t>(x.shape.at(1));
  OnnxValue y;
  std::size_t out = 0;
  for (auto row = x.values.begin(); row != x.values.end(); row += width) {
    const std::vector<double> result = f({row, row + width});
    out = result.size();
    y.values.insert(y.values.end(), result.begin(), result.end());
  }
  y.shape = {x.shape[0]};
  if (keeps) y.shape.push_back(static_cast<std::int64_t>(out));
  return y;
}

std::vector<double> softmax(std::vector<double> row) {
  const double most = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double& x : row) sum += x = std::exp(x - most);
  for (double& x : row) x /= sum;
  return row;
}

OnnxValue gemm(const OnnxValue& x, const OnnxValue& w, const OnnxValue& b) {  // transB
  const std::int64_t out = w.shape.at(0), in = w.shape.at(1);
  if (x.shape.at(1) != in) throw std::runtime_error("Gemm: sizes do not fit");
  return rows(x, [&](const std::vector<double>& row) {
    std::vector<double> y;
    for (std::int64_t j = 0; j < out; ++j) {
      double sum = b.values.at(static_cast<std::size_t>(j));
      for (std::int64_t i = 0; i < in; ++i)
        sum += row[static_cast<std::size_t>(i)] * w.values.at(static_cast<std::size_t>(j * in + i));
      y.push_back(sum);
    }
    return y;
  });
}

OnnxValue layer_norm(const OnnxValue& x, const OnnxValue& w, const OnnxValue& b, double eps) {
  return rows(x, [&](std::vector<double> row) {
    double mean = 0, variance = 0;
    for (const double v : row) mean += v / static_cast<double>(row.size());
    for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = (row[i] - mean) / std::sqrt(variance + eps) * w.values.at(i) + b.values.at(i);
    return row;
  });
}

OnnxValue result_of(const OnnxModel::Node& node, const std::vector<OnnxValue>& in) {
  const auto attribute = [&](const char* name) { return node.attributes.at(name).i; };
  const std::string& op = node.op;
  if (op == "Gemm" && attribute("transB") == 1) return gemm(in.at(0), in.at(1), in.at(2));
  if (op == "LayerNormalization" && attribute("axis") == -1)
    return layer_norm(in.at(0), in.at(1), in.at(2), node.attributes.at("epsilon").f);
  if (op == "Relu") return map(in.at(0), [](double x) { return std::max(x, 0.0); });
  if (op == "Tanh") return map(in.at(0), [](double x) { return std::tanh(x); });
  if (op == "Exp") return map(in.at(0), [](double x) { return std::exp(x); });
  if (op == "Erf") return map(in.at(0), [](double x) { return std::erf(x); });
  if (op == "Cast") return in.at(0);
  if (op == "Clip") {
    const double low = in.at(1).values.at(0), high = in.at(2).values.at(0);
    return map(in[0], [&](double x) { return std::clamp(x, low, high); });
  }
  if (op == "Add") return elementwise(in.at(0), in.at(1), std::plus<>());
  if (op == "Sub") return elementwise(in.at(0), in.at(1), std::minus<>());
  if (op == "Mul") return elementwise(in.at(0), in.at(1), std::multiplies<>());
  if (op == "Div") return elementwise(in.at(0), in.at(1), std::divides<>());
  if (op == "GreaterOrEqual")
    return elementwise(in.at(0), in.at(1), [](double a, double b) { return a >= b ? 1.0 : 0.0; });
  if (op == "Min") {
    OnnxValue y = in.at(0);
    for (const OnnxValue& x : in) y = elementwise(y, x, [](double a, double b) { return std::min(a, b); });
    return y;
  }
  if (op == "MatMul") return product(in.at(0), in.at(1));
  if (op == "Concat" && attribute("axis") == 1) {
    OnnxValue y{{in.at(0).shape[0], 0}, {}};
    for (std::int64_t row = 0; row < y.shape[0]; ++row) {
      for (const OnnxValue& x : in) {
        const auto width = static_cast<std::ptrdiff_t>(x.shape.at(1));
        y.values.insert(y.values.end(), x.values.begin() + row * width, x.values.begin() + (row + 1) * width);
      }
    }
    for (const OnnxValue& x : in) y.shape[1] += x.shape[1];
    return y;
  }
  if (op == "Slice" && in.at(3).values == std::vector<double>{1}) {
    const auto from = static_cast<std::ptrdiff_t>(in.at(1).values.at(0));
    const auto to = static_cast<std::ptrdiff_t>(in.at(2).values.at(0));
    return rows(in.at(0), [&](const std::vector<double>& row) {
      return std::vector<double>(row.begin() + from, row.begin() + to);
    });
  }
  if (op == "ArgMax" && attribute("axis") == 1 && attribute("keepdims") == 0) {
    return rows(
        in.at(0),
        [](const std::vector<double>& row) {
          return std::vector<double>{
              static_cast<double>(std::max_element(row.begin(), row.end()) - row.begin())};
        },
        false);
  }
  if (op == "ReduceSum" && in.at(1).values == std::vector<double>{1} && attribute("keepdims") == 0) {
    return rows(
        in.at(0),
        [](const std::vector<double>& row) {
          return std::vector<double>{std::accumulate(row.begin(), row.end(), 0.0)};
        },
        false);
  }
  if (op == "Softmax" && attribute("axis") == 1) return rows(in.at(0), softmax);
  if (op == "CumSum" && in.at(1).values == std::vector<double>{1}) {
    return rows(in.at(0), [](std::vector<double> row) {
      std::partial_sum(row.begin(), row.end(), row.begin());
      return row;
    });
  }
  if (op == "OneHot") {
    OnnxValue y{{in.at(0).shape[0], static_cast<std::int64_t>(in.at(1).values.at(0))}, {}};
    for (const double number : in[0].values) {
      for (std::int64_t i = 0; i < y.shape[1]; ++i)
        y.values.push_back(in.at(2).values.at(static_cast<double>(i) == number ? 1 : 0));
    }
    return y;
  }
  if (op == "Unsqueeze" && in.at(1).values == std::vector<double>{1})
    return {{in.at(0).shape.at(0), 1, in[0].shape.at(1)}, in[0].values};
  if (op == "Squeeze" && in.at(1).values == std::vector<double>{1} && in.at(0).shape.at(1) == 1)
    return {{in.at(0).shape.at(0), in[0].shape.at(2)}, in[0].values};
  if (op == "Reshape" && in.at(1).values.at(0) == -1) {
    OnnxValue y{{}, in.at(0).values};
    for (const double size : in[1].values) y.shape.push_back(static_cast<std::int64_t>(size));
    y.shape[0] = static_cast<std::int64_t>(y.values.size()) / -size_of(y.shape);
    return y;
  }
  throw std::runtime_error("the operator " + op + " is not known here");
}

}  // namespace

OnnxModel read_onnx(const std::string& bytes) {
  OnnxModel model;
  for (const ProtoField& field : read_message(bytes)) {
    if (field.number == 1) model.ir_version = as_integer(field);
    if (field.number == 8) model.opset = as_integer(read_message(field.bytes).at(0));
    if (field.number == 14) {
      const Fields pair = read_message(field.bytes);
      model.properties[pair.at(0).bytes] = pair.at(1).bytes;
    }
    if (field.number != 7) continue;
    for (const ProtoField& part : read_message(field.bytes)) {
      if (part.number == 1) model.nodes.push_back(read_node(part.bytes));
      if (part.number == 5) read_constant(part.bytes, model.constants);
      if (part.number == 11) read_info(part.bytes, model.inputs);
      if (part.number == 12) read_info(part.bytes, model.outputs);
    }
  }
  return model;
}

OnnxValues run_onnx(const OnnxModel& model, OnnxValues inputs) {
  OnnxValues values = model.constants;
  values.merge(inputs);
  for (const OnnxModel::Node& node : model.nodes) {
    std::vector<OnnxValue> in;
    for (const std::string& name : node.inputs) {
      if (!values.contains(name))
        throw std::runtime_error(node.op + " takes " + name + ", which is not there yet");
      in.push_back(values.at(name));
    }
    if (!values.emplace(node.outputs.at(0), result_of(node, in)).second)
      throw std::runtime_error(node.outputs[0] + " is made twice");
  }
  return values;
}

}  // namespace saccade::test
