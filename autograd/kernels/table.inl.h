// Fills the table of one instruction set. Included by one small file per set.
#pragma once

#include "autograd/kernels/elementwise.inl.h"
#include "autograd/kernels/gemm.inl.h"
#include "autograd/kernels/table.h"

namespace saccade::kernels {

template <class Arch, class T, class... F>
constexpr void fill_elementwise(Table<T>& table, List<F...>) {
  std::size_t i = 0;
  ((table.elementwise[i++] = &elementwise<Arch, T, F>), ...);
}

template <class Arch, class T, class... F>
constexpr void fill_reduce(Table<T>& table, List<F...>) {
  std::size_t i = 0;
  ((table.reduce_rows[i] = &reduce_rows<Arch, T, F>, table.reduce_cols[i++] = &reduce_cols<Arch, T, F>), ...);
}

template <class Arch, class T>
constexpr Table<T> make_table(const char* name) {
  Table<T> table;
  table.name = name;
  fill_elementwise<Arch>(table, ElementwiseOps{});
  fill_reduce<Arch>(table, ReduceOps{});
  table.gemm = &GemmKernel<Arch, T>::gemm;
  table.gemv = &GemmKernel<Arch, T>::gemv;
  table.gemm_scratch = &GemmKernel<Arch, T>::scratch;
  table.adam = &adam<Arch, T>;
  table.lerp = &lerp<Arch, T>;
  return table;
}

template <class Arch>
constexpr Tables make_tables(const char* name) {
  return {make_table<Arch, float>(name), make_table<Arch, double>(name)};
}

}  // namespace saccade::kernels
