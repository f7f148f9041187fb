// The work that is measured of Saccade, each piece as something to call. `saccade bench` times it alone, the
// peers' program beside theirs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/bench/products.h"

namespace saccade::bench {

/// Does it `calls` times and returns the seconds of one, for each of its parts (most have one).
using Work = std::function<std::vector<double>(std::int64_t calls)>;

/// Of a function that is one call.
Work repeat(std::function<void()> once);

/// On `threads` threads of this engine.
Work with_threads(int threads, Work work);

/// Products in their order, by this engine: as one, or a part for each phase of the update.
Work products(ProductList list);
Work products_by_phase(ProductList list);
/// The same for another's product: calls multiply(list, product) for each.
using Multiply = std::function<void(ProductList& list, const Product& product)>;
Work products(ProductList list, Multiply multiply);
Work products_by_phase(ProductList list, Multiply multiply);

/// rl::Sac::update with fresh noise, on one batch.
Work update(const UpdateSize& size);
/// An update step by step through Sac's public functions, a part for each phase.
Work update_phases(const UpdateSize& size);

/// rl::Sac's best action for one observation.
Work policy(const UpdateSize& size);

/// exp, log, tanh, softplus, add, mul.
struct Elementwise {
  const char* name;
  int inputs;
};
const std::vector<Elementwise>& elementwise_ops();
constexpr std::int64_t kElements = 65536;
/// One of them on kElements of f32, without a graph.
Work elementwise(const std::string& op);

/// One op of a chain on one number, recorded and swept; the parts of a graph of kChain ops.
constexpr int kChain = 1000;
Work tape();

/// A step of a RandomWalk.
Work env_step(const std::string& id);

}  // namespace saccade::bench
