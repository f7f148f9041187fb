// Other tensors in the place of a function's own, for functional_call().
#pragma once

#include "autograd/pool.h"
#include "autograd/tensor.h"
#include "base/scoped.h"

namespace saccade {

/// While alive, each of `places` is the value given for it, through all of its handles: its elements, layout,
/// dtype and graph. Then it is itself again. A gradient that captures a place meanwhile captures the value,
/// so a graph made meanwhile can be differentiated later.
class Substitute {
 public:
  Substitute(const TensorList& places, const TensorList& values);
  ~Substitute();
  Substitute(const Substitute&) = delete;
  Substitute& operator=(const Substitute&) = delete;

  /// A copy, of a tensor or of anything that holds some, in which the values stand for the places.
  template <class T>
  static T lasting(const T& x) {
    PoolVector<TensorBody*> held;
    const Scoped<PoolVector<TensorBody*>*> note(detail::captured, &held);
    return T(x);
  }

 private:
  friend Ref<TensorBody> detail::capture(const Ref<TensorBody>& body);

  TensorList places_;
  TensorList values_;     // handles of their own, which are no places, to be captured
  TensorList exchanged_;  // what the places are not at the time
  const Substitute* outer_;
  Scoped<const Substitute*> active_;
};

}  // namespace saccade
