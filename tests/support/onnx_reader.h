// Runs ONNX models as the operators' documentation says, in double, with none of the code that writes them.
// It knows the few operators that policies take.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace saccade::test {

struct OnnxValue {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};
using OnnxValues = std::map<std::string, OnnxValue>;

struct OnnxModel {
  struct Info {
    std::int64_t element_type = 0;
    std::vector<std::string> shape;  // numbers, or a name for any
  };
  struct Attribute {
    double f = 0;
    std::int64_t i = 0;
  };
  struct Node {
    std::string op;
    std::vector<std::string> inputs, outputs;
    std::map<std::string, Attribute> attributes;
  };
  std::int64_t ir_version = 0, opset = 0;
  std::map<std::string, std::string> properties;
  std::vector<Node> nodes;
  OnnxValues constants;
  std::map<std::string, Info> inputs, outputs;
};

/// Throws std::runtime_error for what is no model.
OnnxModel read_onnx(const std::string& bytes);

/// Every value of the graph for these inputs. Throws std::runtime_error for an operator that is not known
/// here.
OnnxValues run_onnx(const OnnxModel& model, OnnxValues inputs);

}  // namespace saccade::test
