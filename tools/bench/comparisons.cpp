#include "tools/bench/comparisons.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/bench/child.h"
#include "tools/bench/peak.h"
#include "tools/bench/peers.h"

namespace saccade::bench {

namespace {

// A candidate for each product of an update. `theirs` makes the peer's work from the product.
void add_gemm(std::vector<Candidate>& all, const std::string& prefix, const std::string& peer, int threads,
              std::optional<Reach> reach, const std::function<Work(const ProductList&)>& theirs) {
  for (const GemmShape& shape : gemm_shapes()) {
    for (const char* layout : {"nn", "nt", "tn"}) {
      const ProductList product = single_product(shape, layout);
      const std::vector<std::string> names = {prefix + gemm_name(shape, layout)};
      all.push_back({names, [=] {
                       return Comparison{peer, threads, names, products(product), theirs(product), reach};
                     }});
    }
  }
}

[[maybe_unused]] std::vector<std::string> phase_names(const UpdateSize& size) {
  std::vector<std::string> names;
  for (std::size_t p = 0; p < kPhases; ++p)
    names.push_back(fmt::format("update/{}/{}", size.name, name(static_cast<Phase>(p))));
  return names;
}

#ifdef SACCADE_ONEDNN
void add_onednn(std::vector<Candidate>& all, const std::vector<int>& threads) {
  const std::string peer = "oneDNN " + onednn_version();
  for (const int t : threads) {
    add_gemm(all, "", peer, t, t == 1 ? Reach{0.95, 1.05} : Reach{1.0, 1.15},
             [t](const ProductList& product) { return onednn_products(product, t); });
  }
  for (const UpdateSize& size : update_sizes()) {
    const bool large = size.batch == 256;
    for (const int t : threads) {
      if (t > 1 && !large) continue;  // networks so small stay on one thread
      const ProductList list = update_products(size);
      std::optional<Reach> reach;
      if (t == 1) reach = large ? Reach{0.90, 1.0} : Reach{0.95, 1.2};
      if (t > 1 && large) reach = Reach{0.95, 1.1};
      const std::string whole = "update/" + size.name;
      all.push_back({{whole}, [=] {
                       return Comparison{peer + ", products alone", t,    {whole}, update(size),
                                         onednn_products(list, t),  reach};
                     }});
      all.push_back({{whole + "/products"}, [=] {
                       return Comparison{peer + ", products alone", t, {whole + "/products"}, products(list),
                                         onednn_products(list, t),  {}};
                     }});
      all.push_back({phase_names(size), [=] {
                       return Comparison{
                           peer + ", products alone",         t, phase_names(size), update_phases(size),
                           onednn_products_by_phase(list, t), {}};
                     }});
    }
  }
}
#endif

#ifdef SACCADE_OPENBLAS
void add_openblas(std::vector<Candidate>& all, const std::vector<int>& threads) {
  const std::string peer = "OpenBLAS " + openblas_version();
  for (const int t : threads) {
    add_gemm(all, "", peer, t, {}, [t](const ProductList& product) { return openblas_products(product, t); });
  }
}
#endif

#ifdef SACCADE_TORCH
// The one that took the least time.
Work fastest(std::vector<Work> works) {
  const auto seconds = [](const Work& work) {
    constexpr int kCalls = 20, kRepeats = 4;
    work(kCalls);
    double fastest = work(kCalls)[0];
    for (int i = 0; i < kRepeats; ++i) fastest = std::min(fastest, work(kCalls)[0]);
    return fastest;
  };
  std::vector<double> times;
  for (const Work& work : works) times.push_back(seconds(work));
  return works[static_cast<std::size_t>(std::min_element(times.begin(), times.end()) - times.begin())];
}

void add_torch(std::vector<Candidate>& all, const std::vector<int>& threads) {
  const std::string peer = fmt::format("libtorch {}, eager", torch_version());
  for (const UpdateSize& size : update_sizes()) {
    for (const int t : threads) {
      if (t > 1 && size.batch < 256) continue;
      const std::vector<std::string> names = {"update/" + size.name};
      all.push_back({names, [=] {
                       std::vector<Work> ways;
                       for (const int theirs : threads) {
                         for (const bool stacked : {false, true})
                           ways.push_back(torch_update(size, stacked, theirs));
                       }
                       return Comparison{peer, t, names, update(size), fastest(ways), {}};
                     }});
    }
  }
  const UpdateSize& size = update_sizes()[0];
  const std::vector<std::string> names = {"policy/" + size.name};
  all.push_back(
      {names, [=] {
         return Comparison{peer, 1, names, policy(size), torch_policy(size), Reach{2.5e-6, 1.5e-6, true}};
       }});
  for (const Elementwise& op : elementwise_ops()) {
    const std::vector<std::string> name = {std::string("elementwise/") + op.name};
    all.push_back({name, [=, op = std::string(op.name)] {
                     return Comparison{peer, 1, name, elementwise(op), torch_elementwise(op), Reach{0.8, 1}};
                   }});
  }
  all.push_back({{"tape/op"}, [=] {
                   return Comparison{peer, 1, {"tape/op"}, tape(), torch_tape(), Reach{150e-9, 80e-9, true}};
                 }});
}
#endif

// A copy that reads and writes as many bytes.
void add_copies(std::vector<Candidate>& all) {
  for (const auto& [op, inputs] : elementwise_ops()) {
    if (inputs < 2) continue;
    const std::vector<std::string> name = {std::string("elementwise/") + op};
    constexpr double kBytes = 4.0 * kElements;
    const double copies = kBytes * (inputs + 1) / (2.0 * kCopyBytes);
    all.push_back(
        {name, [=, op = std::string(op)] {
           const Work same_bytes = [copies, copy = copy_peak()](std::int64_t calls) {
             return std::vector{copies * copy(calls)[0]};
           };
           return Comparison{"a copy of as many bytes", 1, name, elementwise(op), same_bytes, Reach{0.8, 1}};
         }});
  }
}

// Ours on as many threads as the comparison says; theirs sees to its own.
void set_our_threads(std::vector<Candidate>& all) {
  for (Candidate& candidate : all) {
    candidate.make = [make = std::move(candidate.make)] {
      Comparison made = make();
      made.ours = with_threads(made.threads, made.ours);
      return made;
    };
  }
}

}  // namespace

std::vector<Candidate> all_comparisons([[maybe_unused]] const std::vector<int>& threads) {
  std::vector<Candidate> all;
#ifdef SACCADE_ONEDNN
  add_onednn(all, threads);
#endif
#ifdef SACCADE_OPENBLAS
  add_openblas(all, threads);
#endif
#ifdef SACCADE_TORCH
  add_torch(all, threads);
#endif
  add_copies(all);
  all.push_back({{"train/pendulum"}, [] {
                   return Comparison{"", 1, {"train/pendulum"}, train_pendulum(), {}, Reach{1.5, 0.8, true}};
                 }});
  set_our_threads(all);
  return all;
}

std::vector<Candidate> haswell_comparisons() {
  std::vector<Candidate> all;
#ifdef SACCADE_OPENBLAS
  add_gemm(all, "avx2/", "OpenBLAS " + openblas_version(), 1, Reach{0.95, 1.05},
           [](const ProductList& product) { return openblas_products(product, 1); });
#endif
  set_our_threads(all);
  return all;
}

}  // namespace saccade::bench
