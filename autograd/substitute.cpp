#include "autograd/substitute.h"

#include "autograd/node.h"

namespace saccade {

namespace {

constinit thread_local const Substitute* innermost = nullptr;

// Another handle to the same elements, at the same place in the graph.
Tensor alias(const Tensor& x) {
  Tensor y = x.detach();
  y.body()->node = x.body()->node;
  return y;
}

}  // namespace

constinit thread_local PoolVector<TensorBody*>* detail::captured = nullptr;

Ref<TensorBody> detail::capture(const Ref<TensorBody>& body) {
  Ref<TensorBody> kept = body;
  for (const Substitute* s = innermost; s != nullptr && kept.get() == body.get(); s = s->outer_) {
    for (std::size_t i = 0; i < s->places_.size(); ++i) {
      if (s->places_[i].body() == body.get()) kept = Ref(s->values_[i].body());
    }
  }
  if (kept && kept.get() == body.get() && body->stand_in && body->stand_in->node.get() == body->node.get()) {
    kept = body->stand_in;
  }
  captured->push_back(kept.get());
  return kept;
}

Substitute::Substitute(const TensorList& places, const TensorList& values)
    : places_(places), outer_(innermost), active_(innermost, this) {
  for (const Tensor& value : values) {
    values_.push_back(alias(value));
    exchanged_.push_back(alias(value));
  }
  for (std::size_t i = 0; i < places_.size(); ++i) places_[i].body()->swap(*exchanged_[i].body());
}

Substitute::~Substitute() {
  for (std::size_t i = places_.size(); i-- > 0;) places_[i].body()->swap(*exchanged_[i].body());
}

}  // namespace saccade
