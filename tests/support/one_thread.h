// Small networks train no faster on several threads, and far slower where other programs keep processors
// busy.
#pragma once

#include "base/threads.h"

namespace saccade::tests {

// Loops take one thread as long as it lives. Results are the same on any number.
class OneThread {
 public:
  OneThread() { set_num_threads(1); }
  ~OneThread() { set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = num_threads();
};

}  // namespace saccade::tests
