// Models of the public ONNX format (https://onnx.ai/onnx/repo-docs/IR.html), which onnxruntime and many
// others run: opset 17, in IR version 8. A model is one Protocol Buffers message, which base/protobuf
// encodes: libonnx would bring a dependency of 20 MB for what is here in a page, and the TensorBoard writer
// has the encoder anyway.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/protobuf.h"

namespace saccade::nn::onnx {

enum class ElementType { f32 = 1, i64 = 7 };

/// An attribute of a node.
using Attribute = std::variant<std::int64_t, float, std::string>;

/// A graph, built from its inputs to its outputs. Values are referred to by their names.
class Graph {
 public:
  explicit Graph(std::string name) : name_(std::move(name)) {}

  /// A value that is given from outside: (batch, width), or (batch) for a width of 0, with any number of
  /// rows.
  std::string input(const std::string& name, ElementType type, std::int64_t width, const std::string& doc);
  /// The same for a result.
  void output(const std::string& value, ElementType type, std::int64_t width, const std::string& doc);

  /// Numbers of the model, row by row; a shape of no dimensions is a single one.
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape,
                       const std::vector<float>& values);
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape,
                       const std::vector<std::int64_t>& values);

  /// An operator of ONNX's, by its name there; its result is called `result`, which is given back.
  std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::string& result,
                   const std::vector<std::pair<std::string, Attribute>>& attributes = {});

  /// The file's bytes, with properties that readers see.
  std::string model(const std::string& doc, const std::map<std::string, std::string>& properties) const;

 private:
  std::string name_;
  Protobuf nodes_, constants_, inputs_, outputs_;
};

}  // namespace saccade::nn::onnx
