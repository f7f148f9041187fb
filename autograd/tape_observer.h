// Watching a thread's tape as it is made and as it is swept: what explain.h rests on. Without an observer it
// costs one test of a pointer per op, per node and per edge.
#pragma once

#include <cstddef>

#include "autograd/node.h"
#include "autograd/tensor.h"
#include "base/scoped.h"

namespace saccade {

class TapeObserver {
 public:
  virtual ~TapeObserver() = default;

  /// An input of the op that comes next, in whose edge it is null: it needs no gradient.
  virtual void constant(const Tensor&) {}
  /// An op's result, before it goes on the tape. The result to go on with, of the same shape and dtype.
  virtual Tensor result(const char*, const PoolVector<Edge>&, Tensor y) { return y; }
  /// The op is on the tape.
  virtual void recorded(const Node&, const Tensor&) {}

  /// A backward pass, which may lie within another.
  virtual void sweep_begins() {}
  virtual void sweep_ends() {}
  /// A node's turn has come: its gradient is whole.
  virtual void begins(const Node&, const Tensor&) {}
  /// Edge k has given `g`, which is to be added to what its input has `so_far`, undefined at the first.
  virtual void passes(const Node&, std::size_t, const Tensor&, const Tensor&) {}
  /// The node's turn is over. It still has its edges, which it gives up next if `releases`.
  virtual void ends(const Node&, bool) {}
};

/// While alive, the observer watches this thread.
class ObserveTape : Scoped<TapeObserver*> {
 public:
  [[nodiscard]] explicit ObserveTape(TapeObserver* observer) : Scoped(detail::observer, observer) {}
};

}  // namespace saccade
