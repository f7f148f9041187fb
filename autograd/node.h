// The tape, as the engine sees it: nodes, the edges between them, and what their gradients saved. Internal;
// an op of one's own needs record.h alone.
#pragma once

#include <cstddef>
#include <functional>
#include <new>

#include <string>
#include <type_traits>
#include <utility>

#include "autograd/modes.h"
#include "autograd/pool.h"
#include "autograd/tensor.h"
#include "base/scoped.h"
#include "base/source_location.h"

namespace saccade {

/// A vector-Jacobian product: it turns the gradient g of an op's output into the gradient of one input. Holds
/// any callable (g), or (g, y) if it asks for the output too; a small one lives inside it.
class Vjp {
 public:
  Vjp() = default;
  template <class F>
  explicit Vjp(const F& f) {
    if constexpr (sizeof(F) > kInline) {
      void* place = pool::allocate(sizeof(F));
      try {
        new (place) F(f);
      } catch (...) {
        pool::release(place, sizeof(F));
        throw;
      }
      *reinterpret_cast<void**>(buffer_) = place;
    } else {
      new (buffer_) F(f);
    }
    static constexpr Actions actions = {
        [](const Vjp& vjp, const Tensor& g, const Tensor& y) -> Tensor {
          if constexpr (std::is_invocable_v<const F&, const Tensor&, const Tensor&>) {
            return vjp.get<F>()(g, y);
          } else {
            return vjp.get<F>()(g);
          }
        },
        [](Vjp& vjp) {
          vjp.get<F>().~F();
          if constexpr (sizeof(F) > kInline) pool::release(&vjp.get<F>(), sizeof(F));
        },
        [](Vjp& from, Vjp& to) {
          if constexpr (sizeof(F) > kInline) {
            *reinterpret_cast<void**>(to.buffer_) = &from.get<F>();
          } else {
            new (to.buffer_) F(std::move(from.get<F>()));
            from.get<F>().~F();
          }
        },
    };
    actions_ = &actions;
  }
  Vjp(Vjp&& other) noexcept { take(other); }
  Vjp& operator=(Vjp&& other) noexcept {
    reset();
    take(other);
    return *this;
  }
  ~Vjp() { reset(); }

  Tensor operator()(const Tensor& g, const Tensor& y) const { return actions_->call(*this, g, y); }

 private:
  static constexpr std::size_t kInline = 96;
  struct Actions {
    Tensor (*call)(const Vjp&, const Tensor&, const Tensor&);
    void (*destroy)(Vjp&);
    void (*move)(Vjp&, Vjp&);
  };
  template <class F>
  F& get() const {
    void* place = const_cast<std::byte*>(buffer_);
    if constexpr (sizeof(F) > kInline) place = *static_cast<void**>(place);
    return *static_cast<F*>(place);
  }
  void take(Vjp& other) {
    actions_ = other.actions_;
    if (actions_ != nullptr) actions_->move(other, *this);
    other.actions_ = nullptr;
  }
  void reset() {
    if (actions_ != nullptr) actions_->destroy(*this);
    actions_ = nullptr;
  }

  const Actions* actions_ = nullptr;
  alignas(std::max_align_t) std::byte buffer_[kInline];
};

/// A tensor that a closure keeps for the backward pass, and what tells whether it has been overwritten since.
struct Saved {
  const TensorBody* body = nullptr;  // alive as long as the closure
  std::uint32_t version = 0;         // of its storage, when it was kept
  std::uint64_t fingerprint = 0;     // of its elements, where their storage is open

  Saved() = default;
  explicit Saved(const TensorBody* kept)
      : body(kept),
        version(kept->storage->version),
        fingerprint(kept->storage->is_open ? fingerprint_of(*kept) : 0) {}
  bool is_overwritten() const;

 private:
  static std::uint64_t fingerprint_of(const TensorBody& body);
};

class TapeObserver;  // tape_observer.h

namespace detail {
extern constinit thread_local TapeObserver* observer;  // null: nobody watches
/// Tells the observer of an input that needs no gradient.
void note_constant(const Tensor& x);
void note_constant(double number);
}  // namespace detail

/// From an op's output back to one of its inputs.
struct Edge {
  Ref<Node> input;
  Vjp vjp;
  PoolVector<Saved> saved;
  bool needs_output = false;

  explicit Edge(double number) {
    if (detail::observer != nullptr && grad_enabled()) [[unlikely]]
      detail::note_constant(number);
  }
  /// Keeps nothing, if x needs no gradient or this thread records none.
  template <class F>
  Edge(const Tensor& x, const F& f) {
    if (!grad_enabled()) return;
    if (!x.requires_grad()) {
      if (detail::observer != nullptr) [[unlikely]]
        detail::note_constant(x);
      return;
    }
    input = x.body()->node;
    needs_output = std::is_invocable_v<const F&, const Tensor&, const Tensor&>;
    if constexpr (std::is_trivially_destructible_v<F>) {
      vjp = Vjp(f);  // holds no tensor
    } else {
      PoolVector<TensorBody*> held;
      {
        const Scoped<PoolVector<TensorBody*>*> note(detail::captured, &held);
        vjp = Vjp(f);
      }
      for (TensorBody* body : held) {
        if (body != nullptr) saved.push_back(Saved(body));
      }
    }
  }
};

/// One op's place on the tape. It has one output. Ids grow as nodes are made, so an input's is always lower.
struct Node {
  std::int32_t references = 0;
  DType dtype = DType::f32;  // of the output
  bool released = false;     // its edges were given up by a backward pass
  const char* op = "";
  const std::string* scope = nullptr;  // interned; null outside every scope
  std::uint64_t id = 0;
  SourceLocation where;  // of the call of record(), while a NoteLocations is alive
  Shape shape;           // of the output
  PoolVector<Edge> edges;
  Tensor output;  // without its node, hence no cycle; only if a gradient asks for it
  Saved output_saved;
  TensorBody* leaf = nullptr;  // that it is the node of, as long as a handle to it is left
  PoolVector<std::function<Tensor(const Tensor&)>> hooks;

  bool is_leaf() const { return edges.empty() && !released; }
  static Ref<Node> make(const char* op, const Tensor& output);
  /// Iterative: a chain of a million nodes does not recurse.
  void destroy();
};

}  // namespace saccade
