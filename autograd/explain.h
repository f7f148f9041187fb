// What autodiff did: the graph below a result, node by node, and the backward pass over it, step by step, as
// the engine took it. For students and for looking at one's own graph; training never comes by here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/modes.h"
#include "autograd/tape_observer.h"
#include "autograd/tensor.h"
#include "base/source_location.h"

namespace saccade {

/// A tensor and what to call it.
struct Named {
  std::string name;
  Tensor tensor;
};

/// While alive, notes what this thread puts on the tape. The tape itself keeps no values but those that
/// gradients ask for; with a Trace around the forward pass, explain() knows them all, the constants that went
/// in, each op's line of source and its time.
class Trace final : public TapeObserver {
 public:
  Trace();
  ~Trace() override;

  struct Note {
    Tensor value;        // without the graph
    double seconds = 0;  // since the op before it: its own time, and what the caller did in between
    std::vector<Tensor> constants = {};    // inputs that need no gradient
    std::vector<std::size_t> places = {};  // each one's place among the inputs
    std::uint64_t gradient_of = 0;         // made by the gradient of the node of this id; 0: by the program
    std::size_t place = 0;                 // in the order in which ops were recorded
  };
  /// Null where the node was made without this trace.
  const Note* find(std::uint64_t id) const;
  /// All results in the order in which they were recorded.
  const std::vector<Tensor>& results() const { return results_; }
  /// This thread's innermost, or null.
  static const Trace* current();

 private:
  void constant(const Tensor& x) override;
  Tensor result(const char* op, const PoolVector<Edge>& edges, Tensor y) override;
  void recorded(const Node& node, const Tensor& y) override;
  void sweep_begins() override;
  void sweep_ends() override;
  void begins(const Node& node, const Tensor& gradient) override;

  std::unordered_map<std::uint64_t, Note> notes_;
  std::vector<Tensor> constants_;  // of the op that comes next
  std::vector<Tensor> results_;
  Note next_;
  std::vector<std::uint64_t> swept_;  // by the passes under way
  double last_ = 0;
  const Trace* outer_;
  NoteLocations locations_;
  ObserveTape observe_;
};

struct ExplainOptions {
  /// Names for other leaves than those of `wrt`.
  std::vector<Named> names = {};
  /// Tensors of at most so many elements have their Jacobians taken, and their derivatives checked.
  std::int64_t small = 16;
  /// Take numeric derivatives too, which runs the function again and again.
  bool numeric = true;
};

struct Explanation {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// An input of a node.
  struct Input {
    std::size_t node = 0;
    std::size_t edge = kNone;  // its place among the node's edges; none: a constant
    /// d output / d input, (output elements, input elements): the gradient's closure, asked for each element
    /// of the output; undefined where either is not small.
    Tensor jacobian = {};
    /// The same by central differences, everything else held. For an input that stands twice in an op, both
    /// together, at its first place; for an op that is fused with the next, through that one too. Undefined
    /// where it was not taken.
    Tensor numeric = {};
  };
  /// What an edge keeps for the backward pass.
  struct Saved {
    std::size_t node = kNone;  // whose value it is; none: a constant or a view
    Tensor value;
    bool is_output = false;  // the op's own
  };
  enum class Kind { leaf, constant, op };
  struct Node {
    std::string name;        // a, b, ..., z, aa, ...
    std::string label = {};  // as the caller calls it; ""
    Kind kind = Kind::op;
    std::string op = {}, scope = {};
    std::uint64_t id = 0;  // on the tape; 0 for a constant
    Shape shape = {};
    DType dtype = DType::f32;
    SourceLocation where = {};
    std::vector<Input> inputs = {};
    std::vector<Saved> saved = {};
    Tensor value = {};  // undefined where nothing retained it
    /// The op that takes it, where one kernel does both and this value is nowhere in memory (ops/matmul.cpp:
    /// a product and its relu).
    std::size_t fused_with = kNone;
    bool wanted = false;              // one of wrt
    Tensor gradient = {};             // when it was whole; undefined where none came
    Tensor numeric_gradient = {};     // by central differences; undefined where it was not taken
    double seconds = 0;               // forward; 0 where it is not known
    std::size_t gradient_of = kNone;  // the node whose gradient made it, in a graph of higher order
  };
  /// A gradient that goes down an edge.
  struct Pass {
    std::size_t input = 0;  // of the node: which
    std::size_t to = 0;
    Tensor gradient = {};
    Tensor so_far = {};  // what the input had before; undefined: this came first
    double seconds = 0;
  };
  /// A node's turn in the backward pass.
  struct Step {
    std::size_t node = 0;
    Tensor gradient = {};
    std::vector<Pass> passes = {};
    bool gradient_freed = false;  // once passed on; a wanted one stays
    bool edges_freed = false;
    std::vector<std::size_t> freed = {};  // nodes whose values nothing on the tape keeps from here on
  };

  std::vector<Node> nodes = {};  // inputs before what is made from them; the last is the result
  std::vector<Step> steps = {};  // newest first
  bool traced = false;           // a Trace saw the forward pass
  double forward_seconds = 0, backward_seconds = 0;
  std::string no_numeric = {};  // why there are no numeric derivatives, if there are none

  /// Of what its Jacobians and gradients differ from their numeric values, the largest relative difference;
  /// 0 where nothing was compared.
  double worst_difference() const;
  std::size_t compared() const;  // how many numbers
};

/// The graph below y, a tensor of one element, and the backward pass from it to `wrt`, which releases the
/// graph as grad() does. Values are those that a Trace noted, if one is alive, or else those that the tape
/// retains. Nothing here recurses. Throws what grad() throws.
Explanation explain(const Tensor& y, const std::vector<Named>& wrt, const ExplainOptions& options = {});

/// The same for the result of f, which is run under a Trace, and again for numeric derivatives: of each node,
/// d result / d node, and of each edge. f must do the same ops each time; it uses the tensors of `wrt`, whose
/// elements are changed meanwhile and put back.
Explanation explain(const std::function<Tensor()>& f, const std::vector<Named>& wrt,
                    const ExplainOptions& options = {});

/// One line a node in order, `c = mul a b`, with shapes and small values; then the backward pass. Lines have
/// at most 80 columns.
std::string to_text(const Explanation& explanation);
std::ostream& operator<<(std::ostream& out, const Explanation& explanation);

/// "f64[2,3]"
std::string type_text(DType dtype, const Shape& shape);
/// A value in at most so many columns: "0.5", "[1, 2, 3]", "-0.3 to 2, mean 0.1"; "not retained" if
/// undefined.
std::string value_text(const Tensor& value, std::size_t columns);

}  // namespace saccade
