// Measurements that take a process of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/bench/work.h"

namespace saccade::bench {

/// The `saccade` binary: this program, or the one next to it.
std::string saccade_binary();

/// Runs a program to its end with more or other environment variables ("NAME=VALUE", or "NAME" to unset it);
/// returns what it wrote to stdout; its stderr is this program's. Throws Error naming it if it cannot be
/// started or fails.
std::string run_child(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment = {});

/// A process that does nothing (/bin/true): what starting one costs here.
Work process_start();
/// saccade --version, and a whole training run with Pendulum's preset in a temporary folder on one thread.
Work start_up();
Work train_pendulum();

/// The result of memory_run() in a process of its own, in bytes.
double peak_memory();
/// Fills a replay buffer of 1M transitions of 17 observations and 6 actions, does 100 updates of 256x256
/// networks, writes a checkpoint, and returns the largest resident size of this process so far, in bytes.
double memory_run();
/// The buffer's own size.
double memory_buffer_bytes();

}  // namespace saccade::bench
