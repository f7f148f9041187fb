#include "rl/training/shares.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/json.h"
#include "rl/training/state_json.h"

namespace saccade::rl {

namespace {

using Json = nlohmann::ordered_json;

// A number, then so many bytes.
void append(std::string& bytes, std::string_view part) {
  const std::uint64_t size = part.size();
  bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes.append(part);
}

std::string_view next(std::string_view& bytes) {
  std::uint64_t size = 0;
  if (bytes.size() >= sizeof(size)) std::memcpy(&size, bytes.data(), sizeof(size));
  if (bytes.size() < sizeof(size) || bytes.size() - sizeof(size) < size) {
    throw FormatError("what another process sent is cut short");
  }
  const std::string_view part = bytes.substr(sizeof(size), size);
  bytes.remove_prefix(sizeof(size) + size);
  return part;
}

DType dtype_of(std::int64_t i) {
  for (const DType dtype : {DType::f32, DType::f64, DType::i64}) {
    if (static_cast<std::int64_t>(dtype) == i) return dtype;
  }
  throw FormatError(fmt::format("what another process sent has a tensor of the unknown type {}", i));
}

// The rows of a share from the oldest to the newest: the ring begins behind its end once it is full.
std::vector<std::int64_t> by_age(const Share& share) {
  const std::int64_t rows = share.replay.at(0).tensor.size(0);
  std::int64_t first = 0;
  for (const auto& [name, tensor] : share.replay) {
    if (name == "next") first = static_cast<std::int64_t>(tensor.item());
  }
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < rows; ++i) order.push_back((first + i) % rows);
  return order;
}

struct Row {
  const Share* from;
  std::int64_t row;
};

// One tensor of a new share: the rows' numbers, side by side.
Tensor rows_of(const std::vector<Row>& rows, std::size_t field) {
  const Tensor& like = rows.at(0).from->replay[field].tensor;
  Shape shape = like.shape();
  const std::int64_t width = like.size(0) == 0 ? 1 : like.numel() / like.size(0);
  shape[0] = static_cast<std::int64_t>(rows.size());
  const Tensor result = empty(shape, like.dtype());
  visit(like.dtype(), [&]<class T>() {
    T* to = result.mutable_data<T>();
    for (const Row& row : rows) {
      to = std::copy_n(row.from->replay[field].tensor.data<T>() + row.row * width, width, to);
    }
  });
  return result;
}

// The rows of all shares, the oldest first. Members add rows side by side, so the newest of each are of one
// age.
std::vector<Row> all_rows(const std::vector<Share>& shares) {
  std::vector<std::vector<std::int64_t>> ages;
  std::size_t longest = 0;
  for (const Share& share : shares) {
    ages.push_back(by_age(share));
    longest = std::max(longest, ages.back().size());
  }
  std::vector<Row> rows;
  for (std::size_t back = longest; back > 0; --back) {
    for (std::size_t s = 0; s < shares.size(); ++s) {
      if (back <= ages[s].size()) rows.push_back({&shares[s], ages[s][ages[s].size() - back]});
    }
  }
  return rows;
}

}  // namespace

std::string packed(const nn::NamedTensors& tensors) {
  Json header = Json::array();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const Tensor x = contiguous(tensor.detach());
    header.push_back({{"name", name},
                      {"dtype", static_cast<std::int64_t>(x.dtype())},
                      {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())}});
    visit(x.dtype(), [&]<class T>() {
      data.append(reinterpret_cast<const char*>(x.data<T>()),
                  static_cast<std::size_t>(x.numel()) * sizeof(T));
    });
  }
  std::string bytes;
  append(bytes, dumped(header));
  append(bytes, data);
  return bytes;
}

nn::NamedTensors unpacked(std::string_view bytes) {
  try {
    const Json header = Json::parse(next(bytes));
    std::string_view data = next(bytes);
    nn::NamedTensors tensors;
    for (const Json& entry : header) {
      std::vector<std::int64_t> sizes;
      for (const Json& size : entry.at("shape")) sizes.push_back(whole_number(size, "a tensor's size"));
      const Shape shape{std::span<const std::int64_t>(sizes)};
      const Tensor x = empty(shape, dtype_of(whole_number(entry.at("dtype"), "a tensor's type")));
      visit(x.dtype(), [&]<class T>() {
        const std::size_t size = static_cast<std::size_t>(x.numel()) * sizeof(T);
        if (data.size() < size) throw FormatError("what another process sent is cut short");
        if (size > 0) std::memcpy(x.mutable_data<T>(), data.data(), size);
        data.remove_prefix(size);
      });
      tensors.push_back({entry.at("name"), x});
    }
    return tensors;
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("what another process sent is damaged: {}", error.what()));
  }
}

std::string packed(const Share& share) {
  std::string bytes;
  append(bytes, dumped(state_json(share.state)));
  append(bytes, packed(share.replay));
  return bytes;
}

Share unpacked_share(std::string_view bytes) {
  try {
    Share share = {TrainState(Rng(0)), {}};
    read_state(Json::parse(next(bytes)), share.state);
    share.replay = unpacked(next(bytes));
    return share;
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("what another process sent is damaged: {}", error.what()));
  }
}

std::vector<Share> dealt(const std::vector<Share>& shares, int members, std::int64_t capacity,
                         std::int64_t envs, const Rng& run) {
  const TrainState& before = shares.at(0).state;
  const std::vector<Row> rows = all_rows(shares);
  const auto n = static_cast<std::size_t>(members);
  const std::size_t total = std::min(rows.size(), n * static_cast<std::size_t>(capacity));
  const Rng streams = run.split(fmt::format("dealt at {} to {}", before.step, members));
  double largest = 0;
  for (const Share& share : shares) {
    for (const auto& [name, tensor] : share.replay) {
      if (name == "priorities.largest") largest = std::max(largest, tensor.item());
    }
  }
  std::vector<Share> result;
  for (std::size_t member = 0; member < n; ++member) {
    std::vector<Row> own;
    for (std::size_t i = member; i < total; i += n) own.push_back(rows[rows.size() - total + i]);
    TrainState state(streams.split(fmt::format("rank {}", member)), envs);
    state.step = before.step;
    state.episodes = before.episodes;
    state.updates = before.updates;
    state.divergences = before.divergences;
    state.evaluation_due = member == 0 && before.evaluation_due;
    Share share = {std::move(state), {}};
    const auto count = static_cast<std::int64_t>(own.size());
    for (std::size_t field = 0; field < shares[0].replay.size(); ++field) {
      const auto& [name, tensor] = shares[0].replay[field];
      if (name == "next") {
        share.replay.push_back({name, scalar(static_cast<double>(count % capacity), DType::f64)});
      } else if (name == "priorities.largest") {
        share.replay.push_back({name, scalar(largest, DType::f64)});
      } else if (own.empty()) {
        share.replay.push_back({name, slice(tensor, 0, 0, 0)});
      } else {
        share.replay.push_back({name, rows_of(own, field)});
      }
    }
    result.push_back(std::move(share));
  }
  return result;
}

}  // namespace saccade::rl
