// Copies of an environment, stepped side by side.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "autograd/kernels/parallel.h"
#include "envs/env.h"

namespace saccade::rl {

using EnvFactory = std::function<std::unique_ptr<envs::Env>()>;

/// n copies of what make_env makes; n >= 1.
class VectorEnv {
 public:
  VectorEnv(const EnvFactory& make_env, std::int64_t n) : errors_(static_cast<std::size_t>(n)) {
    for (std::int64_t i = 0; i < n; ++i) envs_.push_back(make_env());
  }

  std::size_t size() const { return envs_.size(); }
  const envs::Spec& spec() const { return envs_[0]->spec(); }
  envs::Env& operator[](std::size_t i) { return *envs_[i]; }

  /// Calls f(i) for every copy, on the engine's threads: it may touch what belongs to copy i, and nothing
  /// else. Throws what the first copy that failed threw, after all of them are through.
  template <class F>
  void for_each(const F& f) {
    kernels::parallel_for(static_cast<std::int64_t>(size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        try {
          f(i);
        } catch (...) {  // must not leave a thread of the team
          errors_[i] = std::current_exception();
        }
      }
    });
    for (std::exception_ptr& error : errors_) {
      if (error) std::rethrow_exception(std::exchange(error, nullptr));
    }
  }

 private:
  std::vector<std::unique_ptr<envs::Env>> envs_;
  std::vector<std::exception_ptr> errors_;
};

}  // namespace saccade::rl
