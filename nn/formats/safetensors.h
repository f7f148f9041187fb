// Tensors in files of the public safetensors format (https://github.com/huggingface/safetensors), which
// PyTorch, NumPy and others read and write:
//
//     8 bytes           n, the size of the header, little-endian
//     n bytes           the header: JSON padded with spaces, so that the data starts at a multiple of 8
//                         {"__metadata__": {"key": "text"},
//                          "l1.weight": {"dtype": "F32", "shape": [256, 17], "data_offsets": [0, 17408]}}
//     the rest          the elements, little-endian and row-major, at those offsets from the header's end
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "nn/named_tensors.h"

namespace saccade::nn::safetensors {

using Metadata = std::map<std::string, std::string>;

struct Contents {
  NamedTensors tensors;  // in the order of the header
  Metadata metadata;
};

/// Writes the file, with a header in this order, or leaves what was there (base/files.h). FormatError, naming
/// path, if it cannot be written, or for a name given twice, reserved ("__metadata__") or not UTF-8;
/// ShapeError for an undefined tensor.
void save(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {});

/// Reads the file, if it has at most max_bytes: a file may claim any size. Throws FormatError, naming path,
/// tensor, what was found and what was expected, for anything but a whole and valid file with f32, f64
/// and i64 tensors of at most kMaxDim dimensions.
Contents load(const std::string& path, std::int64_t max_bytes = INT64_MAX);

}  // namespace saccade::nn::safetensors
