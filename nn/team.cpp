#include "nn/team.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/record.h"

namespace saccade::nn {

constinit thread_local Team* detail::current_team = nullptr;

namespace {

std::int64_t numel_of(const TensorList& tensors) {
  std::int64_t n = 0;
  for (const Tensor& x : tensors) n += x.numel();
  return n;
}

}  // namespace

TensorList Team::average(const TensorList& parts) {
  const NoGrad no_grad;
  const DType dtype = parts.at(0).dtype();
  const std::int64_t n = numel_of(parts);
  const Tensor all = empty({n + 1}, dtype);
  const bool doubted = visit(dtype, [&]<class T>() {
    T* const begin = all.mutable_data<T>();
    T* to = begin;
    const T share = static_cast<T>(share_);
    for (const Tensor& part : parts) {
      const Tensor x = contiguous(part);
      to = std::transform(x.data<T>(), x.data<T>() + x.numel(), to, [share](T v) { return share * v; });
    }
    *to = doubt_.empty() ? T(0) : T(1);  // the count of those in doubt travels along
    if constexpr (std::is_floating_point_v<T>) {
      add_up(std::span<T>(begin, static_cast<std::size_t>(n + 1)));
    }
    return *to != 0;
  });
  if (doubted) settle();
  TensorList result;
  std::int64_t offset = 0;
  for (const Tensor& part : parts) {
    result.push_back(view_of(all, part.shape(), contiguous_strides(part.shape()), offset));
    offset += part.numel();
  }
  return result;
}

void Team::average(std::span<double> parts) {
  std::vector<double> all(parts.begin(), parts.end());
  for (double& x : all) x *= share_;
  all.push_back(doubt_.empty() ? 0 : 1);
  add_up(std::span<double>(all));
  if (all.back() != 0) settle();
  std::copy_n(all.begin(), parts.size(), parts.begin());
}

Tensor Team::average(const Tensor& part) {
  return record("team_average", average(TensorList{part})[0],
                {{part, [this](const Tensor& g) { return average(g); }}});
}

void Team::settle() {
  const std::vector<std::string> doubts = gather(doubt_);
  doubt_.clear();
  const auto first =
      std::find_if(doubts.begin(), doubts.end(), [](const auto& text) { return !text.empty(); });
  throw DoubtError(first == doubts.begin() ? *first
                                           : fmt::format("rank {}: {}", first - doubts.begin(), *first));
}

double Team::max(double mine) {
  double largest = mine;
  for (const std::vector<double>& theirs : gather(std::span<const double>(&mine, 1))) {
    largest = std::max(largest, theirs.at(0));
  }
  return largest;
}

bool Team::any(bool mine) { return max(mine ? 1 : 0) > 0; }

std::vector<std::vector<double>> Team::gather(std::span<const double> mine) {
  std::vector<std::vector<double>> all;
  for (const std::string& bytes :
       gather(std::string_view(reinterpret_cast<const char*>(mine.data()), mine.size_bytes()))) {
    std::vector<double>& theirs = all.emplace_back(bytes.size() / sizeof(double));
    if (!theirs.empty()) std::memcpy(theirs.data(), bytes.data(), theirs.size() * sizeof(double));
  }
  return all;
}

void Team::doubt(const std::string& message) {
  if (doubt_.empty()) doubt_ = message;
}

}  // namespace saccade::nn
