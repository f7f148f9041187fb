// The connections of this process, as the kernel knows them: what a server's library keeps to itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace saccade::cli {

struct Connection {
  std::string id;          // no other has it
  std::string peer;        // the other side's address and port: "127.0.0.1 40000"
  std::uint64_t received;  // bytes from there so far
};

/// Ends, for both sides, the TCP connections from elsewhere to this port of ours that should end. Whoever has
/// one open still has to close it. Does nothing where there is no /proc.
void end_connections(int port, const std::function<bool(const Connection&)>& should_end);

}  // namespace saccade::cli
