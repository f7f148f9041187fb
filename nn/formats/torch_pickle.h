// Tensors in files of torch.save(), of PyTorch 1.6 and later: a zip archive with
//
//     archive/data.pkl   a pickle of dicts and lists, in which a tensor is a storage's number, offset, shape
//     and strides archive/data/0     the elements of storage 0, little-endian
//
// The pickle is read as data (pickle.h): nothing in such a file can be executed here.
#pragma once

#include <string>
#include <string_view>

#include "nn/named_tensors.h"

namespace saccade::nn::torch_pickle {

/// Every tensor and number of the file, by the keys that lead to it: {"state": {0: {"exp_avg": ...}}} gives
/// "state.0.exp_avg". Numbers and truth values are 0-dimensional f64; texts and None are left out. `source`
/// names the file in messages. FormatError for anything but tensors of f32, f64 and i64 with at most kMaxDim
/// dimensions in dicts, lists and tuples, a name that comes twice, and tensors that take more than the file
/// has.
NamedTensors load(std::string_view bytes, const std::string& source);

}  // namespace saccade::nn::torch_pickle
