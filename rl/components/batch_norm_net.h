// Networks with batch normalisation before every layer, as CrossQ has them.
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/pool.h"
#include "nn/batch_norm.h"
#include "nn/linear.h"

namespace saccade::rl {

/// bn0, l1, relu, bn1, l2, relu, ..., the last layer without relu. Called with a tensor it evaluates; with
/// room for what it sees it trains: see nn::BatchNorm.
class BatchNormNet : public nn::Module {
 public:
  using Seen = PoolVector<nn::BatchNorm::Seen>;

  /// `sizes` are those of the input, of every hidden layer and of the output; an ensemble is the norm's.
  BatchNormNet(const std::vector<std::int64_t>& sizes, Rng& rng, const nn::BatchNormOptions& norm,
               DType dtype);

  /// (batch, in) to (batch, out), or for an ensemble of n to (n, batch, out).
  Tensor operator()(const Tensor& x) const { return pass(x, nullptr); }
  Tensor operator()(const Tensor& x, Seen& seen) const { return pass(x, &seen); }
  /// Moves the running statistics by what training saw.
  void follow(const Seen& seen);

  const std::vector<nn::BatchNorm>& norms() const { return norms_; }
  const std::vector<nn::Linear>& layers() const { return layers_; }

  /// "bn0.mean", "bn0.variance", "bn0.passes", ...
  nn::NamedTensors named_state() const;

 private:
  Tensor pass(const Tensor& x, Seen* seen) const;

  std::vector<nn::BatchNorm> norms_;
  std::vector<nn::Linear> layers_;
};

}  // namespace saccade::rl
