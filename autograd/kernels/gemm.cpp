#include "autograd/kernels/gemm.h"

#include <algorithm>
#include <bit>

#include "autograd/pool.h"
#include "base/parallel.h"

namespace saccade::kernels {

namespace {

constexpr std::int64_t kWork = std::int64_t{1} << 19;  // multiply-adds that are worth another thread
constexpr std::int64_t kMinRows = 64;                  // a part's rows, where there are as many
constexpr std::int64_t kLanes = 16;                    // parts begin at whole vectors,
constexpr std::int64_t kRows = 8;                      // and at whole tiles

// A dimension cut into at most `parts` pieces, all but the last a multiple of `unit`.
struct Cut {
  std::int64_t size, piece, count;
  Cut(std::int64_t n, std::int64_t parts, std::int64_t unit)
      : size(n), piece((n + parts * unit - 1) / (parts * unit) * unit), count((n + piece - 1) / piece) {}
  std::int64_t begin(std::int64_t i) const { return i * piece; }
  std::int64_t length(std::int64_t i) const { return std::min(piece, size - i * piece); }
};

// A sum of more products than this is taken in pieces, whose sums are added in pairs, and pairs of pairs: as
// in a reduction, the rounding error then does not grow with the length. The kernels themselves add in order,
// gemm in blocks of 512.
constexpr std::int64_t kPiece = 4096, kVectorPiece = 512;

// How many pieces' sums can be waiting for their other halves.
std::int64_t levels(std::int64_t k, std::int64_t piece) {
  return std::bit_width(static_cast<std::uint64_t>((k + piece - 1) / piece)) + 1;
}

// The product g from `piece` of its k at a time. `sums` has room for levels(k, piece) matrices of C's size.
template <class T, class Kernel>
void multiply_in_pieces(const Kernel& kernel, const Gemm<T>& g, std::int64_t piece, T* scratch, T* sums) {
  const std::int64_t size = g.m * g.n;
  std::int64_t depth = 0;
  const auto join = [&] {  // the last two
    --depth;
    T* const left = sums + (depth - 1) * size;
    for (std::int64_t i = 0; i < size; ++i) left[i] += left[size + i];
  };
  for (std::int64_t begin = 0, done = 0; begin < g.k; begin += piece, ++done) {
    Gemm<T> part = g;
    part.k = std::min(piece, g.k - begin);
    part.a += begin * g.a_col;
    part.b += begin * g.b_row;
    part.c = sums + depth++ * size;
    part.c_row = g.n;
    part.c_col = 1;
    part.bias = nullptr;
    part.relu = false;
    kernel(part, scratch);
    for (std::int64_t carry = done; carry % 2 == 1; carry /= 2) join();
  }
  while (depth > 1) join();
  for (std::int64_t i = 0; i < g.m; ++i) {
    for (std::int64_t j = 0; j < g.n; ++j) {
      T x = sums[i * g.n + j];
      if (g.bias != nullptr) x += g.bias[j * g.bias_col];
      g.c[i * g.c_row + j * g.c_col] = g.relu && x < 0 ? T(0) : x;  // NaN stays
    }
  }
}

// C^T = B^T A^T.
template <class T>
Gemm<T> transposed(const Gemm<T>& g) {
  Gemm<T> t = g;
  std::swap(t.m, t.n);
  t.a = g.b, t.a_row = g.b_col, t.a_col = g.b_row;
  t.b = g.a, t.b_row = g.a_col, t.b_col = g.a_row;
  std::swap(t.c_row, t.c_col);
  t.bias_col = 0;
  return t;
}

}  // namespace

template <class T>
void gemm(const Gemm<T>& given, const GemmBatch& given_batch) {
  if (given.m == 0 || given.n == 0 || given_batch.count == 0) return;
  Gemm<T> product = given;
  GemmBatch batch = given_batch;
  // Two products are faster transposed, as C^T = B^T A^T. A matrix times a column becomes a row times a
  // matrix, which has a kernel of its own. And where A is stored by columns and B has few (the gradient of a
  // first layer's weights), B's few columns would leave most of a vector empty; transposed, they are a tile's
  // rows.
  const bool one = given.n == 1 && given.c_row == 1 && (given.a_row == 1 || given.a_col == 1);
  const bool few = given.n < 2 * kLanes && given.n < given.m && given.a_row == 1 && given.bias == nullptr;
  if (one || few) {
    product = transposed(given);
    std::swap(batch.a, batch.b);
  }
  const bool vector = product.m == 1 && product.c_col == 1 && (product.b_row == 1 || product.b_col == 1);
  const auto kernel = vector ? table<T>().gemv : table<T>().gemm;

  // As many parts as threads, if there is work for them. First the matrices of a batch go to different
  // threads, then rows, since a thread then finds in its cache those that it made in the layer before, then
  // columns. How a product is cut changes no element of it.
  const std::int64_t work = product.m * product.n * product.k * batch.count;
  const std::int64_t wanted = std::clamp<std::int64_t>(work / kWork, 1, num_threads());
  const std::int64_t each = (wanted + batch.count - 1) / batch.count;
  const std::int64_t down = std::clamp<std::int64_t>(product.m / kMinRows, 1, each);
  const Cut rows(product.m, down, kRows), columns(product.n, (each + down - 1) / down, kLanes);
  const std::int64_t parts = batch.count * columns.count * rows.count;
  // The parts of a chunk share their scratch. It comes from the calling thread's pool; in each thread's own,
  // the first product of a size would ask the system for memory.
  const std::int64_t grain = wanted == 1 ? parts : std::max<std::int64_t>(1, parts / (2 * wanted));
  const std::int64_t chunks = (parts + grain - 1) / grain;
  constexpr std::int64_t kLine = 64 / sizeof(T);
  const auto lines = [](std::int64_t n) { return (n + kLine - 1) / kLine * kLine; };
  const std::int64_t piece = vector ? kVectorPiece : kPiece;
  const bool long_sums = product.k > piece;
  const std::int64_t kernel_room = lines(table<T>().gemm_scratch(std::min(product.k, piece)));
  const std::int64_t room =
      kernel_room + (long_sums ? lines(rows.piece * columns.piece * levels(product.k, piece)) : 0);
  const auto bytes = static_cast<std::size_t>(chunks * room) * sizeof(T);
  T* const scratch = static_cast<T*>(pool::allocate(bytes));
  parallel_for(parts, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      const std::int64_t column = part % columns.count, row = part / columns.count % rows.count,
                         matrix = part / (columns.count * rows.count);
      Gemm<T> g = product;
      g.m = rows.length(row);
      g.n = columns.length(column);
      g.a += matrix * batch.a + rows.begin(row) * g.a_row;
      g.b += matrix * batch.b + columns.begin(column) * g.b_col;
      g.c += matrix * batch.c + rows.begin(row) * g.c_row + columns.begin(column) * g.c_col;
      if (g.bias != nullptr) g.bias += matrix * batch.bias + columns.begin(column) * g.bias_col;
      T* const mine = scratch + begin / grain * room;
      if (long_sums) {
        multiply_in_pieces(kernel, g, piece, mine, mine + kernel_room);
      } else {
        kernel(g, mine);
      }
    }
  });
  pool::release(scratch, bytes);
}

template void gemm(const Gemm<float>&, const GemmBatch&);
template void gemm(const Gemm<double>&, const GemmBatch&);

}  // namespace saccade::kernels
