#include "nn/formats/onnx.h"

#include <bit>

namespace saccade::nn::onnx {

namespace {

constexpr std::int64_t kIrVersion = 8, kOpset = 17;

// The field numbers of onnx.proto, message by message.
namespace model_proto {
constexpr int kIrVersionField = 1, kProducerName = 2, kDoc = 6, kGraph = 7, kOpsetImport = 8,
              kProperties = 14;
}
namespace graph_proto {
constexpr int kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12;
}
namespace node_proto {
constexpr int kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5;
}
namespace attribute_proto {
constexpr int kName = 1, kFloat = 2, kInt = 3, kString = 4, kType = 20;
}
namespace tensor_proto {
constexpr int kDims = 1, kType = 2, kName = 8, kRawData = 9;
}

Protobuf value_info(const std::string& name, ElementType type, std::int64_t width, const std::string& doc) {
  Protobuf shape;
  shape.message(1, Protobuf().string(2, "batch"));
  if (width > 0) shape.message(1, Protobuf().integer(1, width));
  Protobuf tensor_type;
  tensor_type.integer(1, static_cast<std::int64_t>(type)).message(2, shape);
  Protobuf info;
  info.string(1, name).message(2, Protobuf().message(1, tensor_type)).string(3, doc);
  return info;
}

template <class T>
std::string raw_data(const std::vector<T>& values) {
  std::string bytes;
  bytes.reserve(sizeof(T) * values.size());
  for (const T value : values) {
    if constexpr (std::is_same_v<T, float>) {
      bytes += little_endian(std::bit_cast<std::uint32_t>(value));
    } else {
      bytes += little_endian(static_cast<std::uint64_t>(value));
    }
  }
  return bytes;
}

Protobuf tensor(const std::string& name, ElementType type, const std::vector<std::int64_t>& shape,
                const std::string& data) {
  Protobuf proto;
  proto.integers(tensor_proto::kDims, shape)
      .integer(tensor_proto::kType, static_cast<std::int64_t>(type))
      .string(tensor_proto::kName, name)
      .bytes(tensor_proto::kRawData, data);
  return proto;
}

Protobuf attribute(const std::string& name, const Attribute& value) {
  Protobuf proto;
  proto.string(attribute_proto::kName, name);
  // In the order of AttributeType: FLOAT, INT, STRING.
  if (const auto* f = std::get_if<float>(&value)) {
    proto.float32(attribute_proto::kFloat, *f).integer(attribute_proto::kType, 1);
  } else if (const auto* i = std::get_if<std::int64_t>(&value)) {
    proto.integer(attribute_proto::kInt, *i).integer(attribute_proto::kType, 2);
  } else {
    proto.bytes(attribute_proto::kString, std::get<std::string>(value)).integer(attribute_proto::kType, 3);
  }
  return proto;
}

}  // namespace

std::string Graph::input(const std::string& name, ElementType type, std::int64_t width,
                         const std::string& doc) {
  inputs_.message(graph_proto::kInput, value_info(name, type, width, doc));
  return name;
}

void Graph::output(const std::string& value, ElementType type, std::int64_t width, const std::string& doc) {
  outputs_.message(graph_proto::kOutput, value_info(value, type, width, doc));
}

std::string Graph::constant(const std::string& name, const std::vector<std::int64_t>& shape,
                            const std::vector<float>& values) {
  constants_.message(graph_proto::kInitializer, tensor(name, ElementType::f32, shape, raw_data(values)));
  return name;
}

std::string Graph::constant(const std::string& name, const std::vector<std::int64_t>& shape,
                            const std::vector<std::int64_t>& values) {
  constants_.message(graph_proto::kInitializer, tensor(name, ElementType::i64, shape, raw_data(values)));
  return name;
}

std::string Graph::node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::string& result,
                        const std::vector<std::pair<std::string, Attribute>>& attributes) {
  Protobuf proto;
  for (const std::string& input : inputs) proto.string(node_proto::kInput, input);
  proto.string(node_proto::kOutput, result).string(node_proto::kName, result).string(node_proto::kOp, op);
  for (const auto& [name, value] : attributes) proto.message(node_proto::kAttribute, attribute(name, value));
  nodes_.message(graph_proto::kNode, proto);
  return result;
}

std::string Graph::model(const std::string& doc, const std::map<std::string, std::string>& properties) const {
  Protobuf name;
  name.string(graph_proto::kName, name_);
  // Messages side by side are one with the fields of all.
  const std::string graph =
      nodes_.encoded() + name.encoded() + constants_.encoded() + inputs_.encoded() + outputs_.encoded();
  Protobuf model;
  model.integer(model_proto::kIrVersionField, kIrVersion)
      .string(model_proto::kProducerName, "saccade")
      .string(model_proto::kDoc, doc)
      .bytes(model_proto::kGraph, graph)
      .message(model_proto::kOpsetImport, Protobuf().integer(2, kOpset));
  for (const auto& [key, value] : properties) {
    model.message(model_proto::kProperties, Protobuf().string(1, key).string(2, value));
  }
  return model.encoded();
}

}  // namespace saccade::nn::onnx
