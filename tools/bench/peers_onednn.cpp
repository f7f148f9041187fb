#include <fmt/format.h>
#include <omp.h>

#include <dnnl.hpp>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "tools/bench/peers.h"

namespace saccade::bench {

namespace {

using dnnl::memory;

void sgemm(ProductList& list, const Product& p) {
  const Matrix &a = list.matrices[p.a], &b = list.matrices[p.b];
  Matrix& c = list.matrices[p.c];
  for (std::int64_t i = 0; i < p.count; ++i) {
    const dnnl_status_t status = dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n,
                                            p.k, 1, a.values.data() + i * a.stride(), a.cols,
                                            b.values.data() + b_column(p, b) + i * b.stride(), b.cols, 0,
                                            c.values.data() + c_column(p, c) + i * c.stride(), c.cols);
    if (status != dnnl_success) throw Error(fmt::format("dnnl_sgemm: status {}", static_cast<int>(status)));
  }
}

class Matmul {
 public:
  Matmul(const dnnl::engine& engine, ProductList& list, const Product& p) {
    Matrix &a = list.matrices[p.a], &b = list.matrices[p.b], &c = list.matrices[p.c];
    const memory::desc a_desc = describe(a, p.m, p.k, p.transpose_a),
                       b_desc = describe(b, p.k, p.n, p.transpose_b), c_desc = describe(c, p.m, p.n, false);
    matmul_ = dnnl::matmul(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a_desc, b_desc, c_desc), engine));
    arguments_ = {{DNNL_ARG_SRC, memory(a_desc, engine, a.values.data())},
                  {DNNL_ARG_WEIGHTS, memory(b_desc, engine, b.values.data() + b_column(p, b))},
                  {DNNL_ARG_DST, memory(c_desc, engine, c.values.data() + c_column(p, c))}};
  }
  void operator()(const dnnl::stream& stream) { matmul_.execute(stream, arguments_); }

 private:
  static memory::desc describe(const Matrix& matrix, std::int64_t rows, std::int64_t cols, bool transposed) {
    const std::int64_t down = transposed ? 1 : matrix.cols, right = transposed ? matrix.cols : 1;
    return {{matrix.count, rows, cols}, memory::data_type::f32, {matrix.rows * matrix.cols, down, right}};
  }

  dnnl::matmul matmul_;
  std::unordered_map<int, memory> arguments_;
};

// For each product of a list the way that was faster when it was first asked for.
class Multiplier {
 public:
  void operator()(ProductList& list, const Product& p) {
    const auto index = static_cast<std::size_t>(&p - list.products.data());
    if (ways_.size() <= index) ways_.resize(list.products.size());
    if (!ways_[index]) ways_[index] = choose(list, p);
    ways_[index]();
  }

 private:
  std::function<void()> choose(ProductList& list, const Product& p) {
    std::function<void()> by_sgemm = [&list, &p] { sgemm(list, p); };
    std::function<void()> by_matmul = [this, matmul = std::make_shared<Matmul>(engine_, list, p)] {
      (*matmul)(stream_);
      stream_.wait();
    };
    const auto seconds = [](const std::function<void()>& way) {
      constexpr int kCalls = 20, kRepeats = 5;
      const Work work = repeat(way);
      double fastest = work(kCalls)[0];
      for (int i = 0; i < kRepeats; ++i) fastest = std::min(fastest, work(kCalls)[0]);
      return fastest;
    };
    return seconds(by_sgemm) <= seconds(by_matmul) ? by_sgemm : by_matmul;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<std::function<void()>> ways_;
};

Multiply multiplier() {
  return [m = std::make_shared<Multiplier>()](ProductList& list, const Product& p) { (*m)(list, p); };
}

Work with_openmp_threads(int threads, Work work) {
  return [threads, work = std::move(work)](std::int64_t calls) {
    omp_set_num_threads(threads);
    return work(calls);
  };
}

}  // namespace

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

Work onednn_products(ProductList list, int threads) {
  return with_openmp_threads(threads, products(std::move(list), multiplier()));
}

Work onednn_products_by_phase(ProductList list, int threads) {
  return with_openmp_threads(threads, products_by_phase(std::move(list), multiplier()));
}

}  // namespace saccade::bench
